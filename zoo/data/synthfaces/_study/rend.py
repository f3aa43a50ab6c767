# ruff: noqa
from zoo.data.synthfaces._study.hair import *
import io

CANV = np.ascontiguousarray(V0)


@njit(cache=True, fastmath=True)
def sm(a, b, t):
    q = (t - a) / (b - a)
    if q < 0:
        q = 0.0
    if q > 1:
        q = 1.0
    return q * q * (3 - 2 * q)


@njit(cache=True, fastmath=True)
def tapsh(zb, x, y, z, bias, soft, rad):
    S = zb.shape[0]
    s = 0.0
    n = 0.0
    for j in range(-2, 3):
        for i in range(-2, 3):
            xx = int(x + i * rad)
            yy = int(y + j * rad)
            if xx < 0 or yy < 0 or xx >= S or yy >= S:
                s += 1
                n += 1
                continue
            dd = zb[yy, xx] - z - bias
            if dd <= 0:
                s += 1
            elif dd < soft:
                s += 1 - dd / soft
            n += 1
    return s / n


@njit(cache=True, fastmath=True)
def env(nx, ny, nz, E, o):
    # E: rows sky, horizon, ground ; returns irradiance like colour
    for c in range(3):
        if ny > 0:
            o[c] = E[1, c] * (1 - ny) + E[0, c] * ny
        else:
            o[c] = E[1, c] * (1 + ny) - E[2, c] * ny


@njit(cache=True, fastmath=True)
def shade(
    fid,
    bw,
    FB,
    CLB,
    vn,
    vc,
    can,
    vao,
    vl,
    alb,
    spec,
    rough,
    Hm,
    lab,
    szb,
    L,
    LC,
    RL,
    RC,
    E,
    eyec,
    gaze,
    iris,
    pupil,
    irad,
    mouthdark,
    D,
    amb,
    col,
    lb,
    beardm,
    bm,
):
    S = fid.shape[0]
    AH, AW = spec.shape
    for py in range(S):
        o = np.empty(3, np.float32)
        o2 = np.empty(3, np.float32)
        al = np.empty(3, np.float32)
        for px in range(S):
            f = fid[py, px]
            if f < 0:
                continue
            w1 = bw[py, px, 0]
            w2 = bw[py, px, 1]
            w0 = 1 - w1 - w2
            a, b, c = FB[f, 0], FB[f, 1], FB[f, 2]
            cl = CLB[f]
            nx = w0 * vn[a, 0] + w1 * vn[b, 0] + w2 * vn[c, 0]
            ny = w0 * vn[a, 1] + w1 * vn[b, 1] + w2 * vn[c, 1]
            nz = w0 * vn[a, 2] + w1 * vn[b, 2] + w2 * vn[c, 2]
            l = 1 / np.sqrt(nx * nx + ny * ny + nz * nz + 1e-12)
            nx *= l
            ny *= l
            nz *= l
            X = w0 * can[a, 0] + w1 * can[b, 0] + w2 * can[c, 0]
            Y = w0 * can[a, 1] + w1 * can[b, 1] + w2 * can[c, 1]
            Z = w0 * can[a, 2] + w1 * can[b, 2] + w2 * can[c, 2]
            wx = w0 * vc[a, 0] + w1 * vc[b, 0] + w2 * vc[c, 0]
            wy = w0 * vc[a, 1] + w1 * vc[b, 1] + w2 * vc[c, 1]
            wz = w0 * vc[a, 2] + w1 * vc[b, 2] + w2 * vc[c, 2]
            ao = w0 * vao[a] + w1 * vao[b] + w2 * vao[c]
            lx = w0 * vl[a, 0] + w1 * vl[b, 0] + w2 * vl[c, 0]
            ly = w0 * vl[a, 1] + w1 * vl[b, 1] + w2 * vl[c, 1]
            lz = w0 * vl[a, 2] + w1 * vl[b, 2] + w2 * vl[c, 2]
            vx = -wx
            vy = -wy
            vz = D - wz
            l = 1 / np.sqrt(vx * vx + vy * vy + vz * vz)
            vx *= l
            vy *= l
            vz *= l
            sp = 0.5
            ro = 0.5
            wr0 = 0.30
            wr1 = 0.14
            wr2 = 0.09
            Lb = 1
            catch = 0.0
            gx, gy, gz = nx, ny, nz
            if cl == 0 or cl == 8:
                u = (np.arctan2(X, Z - 0.45) / (2 * np.pi) + 0.5) * AW - 0.5
                v = (8.62 - Y) / (8.62 - 5.5) * AH - 0.5
                i = int(np.floor(u))
                j = int(np.floor(v))
                fu = u - i
                fv = v - j
                i0 = i % AW
                i1 = (i + 1) % AW
                j0 = min(max(j, 0), AH - 1)
                j1 = min(max(j + 1, 0), AH - 1)
                for k in range(3):
                    al[k] = (alb[j0, i0, k] * (1 - fu) + alb[j0, i1, k] * fu) * (1 - fv) + (
                        alb[j1, i0, k] * (1 - fu) + alb[j1, i1, k] * fu
                    ) * fv
                jn = j0 if fv < 0.5 else j1
                inn = i0 if fu < 0.5 else i1
                sp = spec[jn, inn]
                ro = rough[jn, inn]
                Lb = lab[jn, inn]
                bm[py, px] = beardm[jn, inn]
                # bump
                hx = (Hm[j0, i1] - Hm[j0, i0]) * AW / (6.2832 * 1.1)
                hy = -(Hm[j1, i0] - Hm[j0, i0]) * AH / 3.12
                # tangent basis in canonical front frame is good enough after rotation: build from normal
                tx = nz
                tz = -nx
                tl = 1 / np.sqrt(tx * tx + tz * tz + 1e-6)
                tx *= tl
                tz *= tl
                bx = ny * tz
                by = nz * tx - nx * tz
                bz = -ny * tx
                nx -= hx * tx + hy * bx
                ny -= hy * by
                nz -= hx * tz + hy * bz
                l = 1 / np.sqrt(nx * nx + ny * ny + nz * nz + 1e-12)
                nx *= l
                ny *= l
                nz *= l
                if cl == 8:
                    al[0] *= 0.55
                    al[1] *= 0.35
                    al[2] *= 0.33
                if Lb == 13:
                    wr0 = 0.02
                    wr1 = 0.02
                    wr2 = 0.02
            elif cl <= 2:
                e = cl - 1
                dx = wx - eyec[e, 0]
                dy = wy - eyec[e, 1]
                dz = wz - eyec[e, 2]
                l = 1 / np.sqrt(dx * dx + dy * dy + dz * dz)
                dx *= l
                dy *= l
                dz *= l
                ca = dx * gaze[e, 0] + dy * gaze[e, 1] + dz * gaze[e, 2]
                ang = np.arccos(min(1.0, max(-1.0, ca)))
                qx = dx - ca * gaze[e, 0]
                qy = dy - ca * gaze[e, 1]
                qz = dz - ca * gaze[e, 2]
                phi = np.arctan2(qy, qx)
                # sclera
                vein = n3(X * 18 + 5 * e, Y * 18, Z * 18, 5)
                t = sm(0.5, 1.1, ang)
                al[0] = 0.70 - 0.04 * t
                al[1] = 0.655 - 0.13 * t - 0.05 * vein * t
                al[2] = 0.63 - 0.14 * t - 0.05 * vein * t
                sh = sm(7.375, 7.27, Y)  # shadow of the upper lid
                sh = 0.45 + 0.55 * sh
                nx = dx
                ny = dy
                nz = dz
                gx, gy, gz = dx, dy, dz
                ro = 0.12
                sp = 1.0
                Lb = 4 if cl == 1 else 5
                if ang < irad * 1.12:
                    r = ang / irad
                    st = n3(np.cos(phi) * 7 + 50, np.sin(phi) * 7 + r * 2, 3.0, 9)
                    st2 = n3(np.cos(phi) * 3 + 9, np.sin(phi) * 3, r * 4, 3)
                    k = (0.55 + 0.8 * st) * (0.75 + 0.5 * st2)
                    inner = sm(0.75, 0.35, r)
                    lim = sm(0.74, 0.98, r)
                    edge = sm(1.12, 0.94, r)
                    pu = sm(pupil * 0.86, pupil * 1.12, r)
                    # light gathers on the side of the iris away from the lamp
                    ca2 = -(qx * L[0] + qy * L[1] + qz * L[2]) / max(irad, 0.01)
                    for m in range(3):
                        ic = iris[0, m] * (1 - inner) + iris[1, m] * inner
                        ic = ic * k * (1 + 0.7 * ca2) * (1 - 0.78 * lim) * pu + 0.004
                        al[m] = al[m] * (1 - edge) + ic * edge
                    # cornea normal
                    cb = 1.9
                    gx = gaze[e, 0] + cb * qx
                    gy = gaze[e, 1] + cb * qy
                    gz = gaze[e, 2] + cb * qz
                    l = 1 / np.sqrt(gx * gx + gy * gy + gz * gz)
                    gx *= l
                    gy *= l
                    gz *= l
                    ro = 0.06
                for m in range(3):
                    al[m] *= sh
                wr0 = 0.35
                wr1 = 0.3
                wr2 = 0.28
                ao = max(0.35, ao)
            else:
                if cl == 3 or cl == 4:
                    th = np.abs(np.arctan2(X, Z - 1.05)) * 9.0
                    fr = th - np.floor(th)
                    gap = 1 - 0.45 * (sm(0.10, 0.0, fr) + sm(0.9, 1.0, fr))
                    al[0] = 0.80 * gap
                    al[1] = 0.75 * gap
                    al[2] = 0.66 * gap
                    if cl == 3:
                        gum = sm(6.755, 6.80, Y)
                    else:
                        gum = sm(6.52, 6.47, Y)
                    al[0] = al[0] * (1 - gum) + 0.42 * gum
                    al[1] = al[1] * (1 - gum) + 0.14 * gum
                    al[2] = al[2] * (1 - gum) + 0.14 * gum
                    d_ = sm(1.08, 1.36, Z) * 0.8 + 0.2
                    for m in range(3):
                        al[m] *= d_ * mouthdark[0]
                    ro = 0.2
                    sp = 0.8
                elif cl == 5:
                    d_ = sm(1.05, 1.35, Z) * 0.8 + 0.2
                    al[0] = 0.42 * d_
                    al[1] = 0.13 * d_
                    al[2] = 0.13 * d_
                    ro = 0.3
                    sp = 0.6
                else:
                    al[0] = 0.10
                    al[1] = 0.018
                    al[2] = 0.018
                    sp = 0.1
                Lb = 8
                ao = ao * 0.8 + 0.1
                if cl == 3 or cl == 4:
                    ao = max(ao, 0.55)
            # ---- lighting
            nl = nx * L[0] + ny * L[1] + nz * L[2]
            s = tapsh(szb, lx, ly, lz, 0.035, 0.08, 1.5) if nl > -0.35 else 0.0
            env(nx, ny, nz, E, o)
            rlm = nx * RL[0] + ny * RL[1] + nz * RL[2]
            rlm = max(0.0, rlm) * ao
            lum = 0.3 * al[0] + 0.59 * al[1] + 0.11 * al[2]
            # spec
            hx_ = L[0] + vx
            hy_ = L[1] + vy
            hz_ = L[2] + vz
            l = 1 / np.sqrt(hx_ * hx_ + hy_ * hy_ + hz_ * hz_ + 1e-9)
            hx_ *= l
            hy_ *= l
            hz_ *= l
            nh = max(0.0, gx * hx_ + gy * hy_ + gz * hz_)
            vh = max(0.0, vx * hx_ + vy * hy_ + vz * hz_)
            nv = max(0.05, gx * vx + gy * vy + gz * vz)
            fr_ = 0.028 + 0.972 * (1 - vh) ** 5
            a2 = ro * ro
            a2 = a2 * a2
            dd = nh * nh * (a2 - 1) + 1
            Dg = a2 / (3.1416 * dd * dd + 1e-7)
            gnl = max(0.0, gx * L[0] + gy * L[1] + gz * L[2])
            a2b = min(0.9, a2 * 5)
            ddb = nh * nh * (a2b - 1) + 1
            Dg2 = a2b / (3.1416 * ddb * ddb)
            kk = (ro + 1) * (ro + 1) / 8
            gv = 1 / ((nv * (1 - kk) + kk) * (max(gnl, 0.02) * (1 - kk) + kk) * 4)
            spk = sp * fr_ * (0.65 * Dg + 0.35 * Dg2) * gv * gnl * s
            if cl == 1 or cl == 2:
                spk = min(spk, 3.0)
            # environment reflection
            rv = 2 * (gx * vx + gy * vy + gz * vz)
            rx = rv * gx - vx
            ry = rv * gy - vy
            rz = rv * gz - vz
            env(rx, ry, rz, E, o2)
            fe = 0.028 + (max(1 - ro, 0.028) - 0.028) * (1 - nv) ** 5
            for k in range(3):
                w = wr0 if k == 0 else (wr1 if k == 1 else wr2)
                df = max(0.0, (nl + w) / (1 + w))
                df = df ** (1 + w)
                sk = s**0.80 if (k == 0 and cl == 0 and Lb != 13) else s
                aoc = ao / (ao + (1 - ao) * (1 - 0.65 * min(al[k], 0.9)))  # multi-bounce tint
                v = (
                    al[k] * (LC[k] * df * sk * 1.0 + o[k] * amb * aoc * 1.0 + RC[k] * rlm * 0.6)
                    + LC[k] * spk
                    + o2[k] * fe * sp * ao * amb * 0.8
                    + RC[k] * rlm**3 * 0.12 * sp
                )
                col[py, px, k] = v
            lb[py, px] = Lb


@njit(cache=True, fastmath=True)
def splat_depth(P, zb, sz):
    S = zb.shape[0]
    for i in range(P.shape[0]):
        x = int(P[i, 0])
        y = int(P[i, 1])
        for a in range(sz):
            for b in range(sz):
                if 0 <= x + a < S and 0 <= y + b < S and P[i, 2] > zb[y + b, x + a]:
                    zb[y + b, x + a] = P[i, 2]


@njit(cache=True, fastmath=True)
def shade_strands(pc, pl, dep, cm, hc, szb, L, LC, RL, RC, E, amb, D, gloss, seccol, out):
    n, K = pc.shape[0], pc.shape[1]
    for s in range(n):
        o = np.empty(3, np.float32)
        for k in range(K):
            a = max(0, k - 1)
            b = min(K - 1, k + 1)
            tx = pc[s, b, 0] - pc[s, a, 0]
            ty = pc[s, b, 1] - pc[s, a, 1]
            tz = pc[s, b, 2] - pc[s, a, 2]
            l = 1 / np.sqrt(tx * tx + ty * ty + tz * tz + 1e-12)
            tx *= l
            ty *= l
            tz *= l
            vx = -pc[s, k, 0]
            vy = -pc[s, k, 1]
            vz = D - pc[s, k, 2]
            l = 1 / np.sqrt(vx * vx + vy * vy + vz * vz)
            vx *= l
            vy *= l
            vz *= l
            tl = tx * L[0] + ty * L[1] + tz * L[2]
            tv = tx * vx + ty * vy + tz * vz
            sl = np.sqrt(max(0.0, 1 - tl * tl))
            sv = np.sqrt(max(0.0, 1 - tv * tv))
            S = szb.shape[0]
            x = int(pl[s, k, 0])
            y = int(pl[s, k, 1])
            shd = 0.0
            cnt = 0
            for j in range(-1, 2):
                for i in range(-1, 2):
                    if i * j != 0:
                        continue
                    xx = x + i * 2
                    yy = y + j * 2
                    if 0 <= xx < S and 0 <= yy < S:
                        d = szb[yy, xx] - pl[s, k, 2]
                        shd += np.exp(-max(0.0, d - 0.02) * 7.0)
                    else:
                        shd += 1
                    cnt += 1
            shd /= cnt
            # primary lobe shifted to the root, secondary to the tip
            sh1 = 0.08
            c1 = max(0.0, sl * sv - tl * tv * 1.0 - sh1 * tl)
            sp1 = max(0.0, c1) ** 70
            c2 = max(0.0, sl * sv - tl * tv + 0.22 * tl)
            sp2 = c2**24
            dp = dep[s, k]
            ao = 0.25 + 0.75 * dp
            rl = max(0.0, np.sqrt(max(0.0, 1 - (tx * RL[0] + ty * RL[1] + tz * RL[2]) ** 2))) * max(
                0.0, 0.4 - RL[2] * 0.6
            )
            env(0.0, 0.25, 0.6, E, o)
            for c in range(3):
                v = (
                    hc[c]
                    * cm[s]
                    * (
                        LC[c] * shd * (0.25 + 0.75 * sl) * 0.50 * ao
                        + o[c] * amb * ao * 0.75
                        + RC[c] * rl * 0.35 * ao
                    )
                )
                v += (
                    LC[c]
                    * shd
                    * ao
                    * gloss
                    * (0.014 * sp1 + 0.45 * sp2 * hc[c] * seccol * min(1.5, cm[s]))
                    + RC[c] * rl * ao * 0.03
                )
                out[s, k, c] = v


@njit(cache=True, fastmath=True)
def rstrands(P, C, zb, col, lb, bm, width, tip, label, zo):
    H, W = zb.shape
    n, K = P.shape[0], P.shape[1]
    NB = 4
    # band limits: balance by strand y-range (hair sits mostly in the upper part)
    for band in range(NB):
        yl = band * H // NB
        yh = (band + 1) * H // NB
        for s in range(n):
            for k in range(K - 1):
                y0 = P[s, k, 1]
                y1 = P[s, k + 1, 1]
                if max(y0, y1) < yl - 2 or min(y0, y1) > yh + 2:
                    continue
                x0, z0 = P[s, k, 0], P[s, k, 2]
                x1, z1 = P[s, k + 1, 0], P[s, k + 1, 2]
                if max(x0, x1) < -2 or min(x0, x1) > W + 2:
                    continue
                dx = x1 - x0
                dy = y1 - y0
                adx = abs(dx)
                ady = abs(dy)
                m = max(adx, ady)
                if m > 400:
                    continue
                st = int(np.ceil(m))
                if st < 1:
                    st = 1
                w = width if k < K - 1 - tip else 1
                steep = ady >= adx
                for i in range(st):
                    t = i / st
                    x = int(np.floor(x0 + dx * t))
                    y = int(np.floor(y0 + dy * t))
                    z = z0 + (z1 - z0) * t + zo
                    for q in range(w):
                        xx = x + q if steep else x
                        yy = y if steep else y + q
                        if xx < 0 or yy < yl or xx >= W or yy >= yh:
                            continue
                        if z > zb[yy, xx]:
                            if label == 0:
                                for c in range(3):
                                    col[yy, xx, c] *= 0.38
                                continue
                            zb[yy, xx] = z
                            for c in range(3):
                                col[yy, xx, c] = C[s, k, c] * (1 - t) + C[s, k + 1, c] * t
                            if label == 10:
                                lb[yy, xx] = 10
                            elif label == 20:
                                bm[yy, xx] = 1


@njit(cache=True, fastmath=True)
def develop(col, bg, lb, ew, bw_, s, out, lo):
    size = out.shape[0]
    inv = 1.0 / (s * s)
    for y in range(size):
        cnt = np.zeros(16, np.int32)
        for x in range(size):
            a0 = 0.0
            a1 = 0.0
            a2 = 0.0
            cnt[:] = 0
            for j in range(s):
                for i in range(s):
                    yy = y * s + j
                    xx = x * s + i
                    l = lb[yy, xx]
                    cnt[l] += 1
                    for c in range(3):
                        v = bg[yy, xx, c] * bw_[c] if l == 0 else col[yy, xx, c] * ew[c]
                        u = v * 0.8
                        u = u * (2.51 * u + 0.03) / (u * (2.43 * u + 0.59) + 0.14)
                        u = min(1.0, max(0.0, u)) * 0.75 + 0.25 * (1 - np.exp(-v * 1.35))
                        if c == 0:
                            a0 += u
                        elif c == 1:
                            a1 += u
                        else:
                            a2 += u
            b = 0
            for k in range(16):
                if cnt[k] > cnt[b]:
                    b = k
            lo[y, x] = b
            for c in range(3):
                v = (a0 if c == 0 else (a1 if c == 1 else a2)) * inv
                out[y, x, c] = 12.92 * v if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055


@njit(cache=True)
def facelum(col, lb):
    s = 0.0
    n = 0
    for y in range(lb.shape[0]):
        for x in range(lb.shape[1]):
            l = lb[y, x]
            if l > 0 and l < 10:
                s += 0.3 * col[y, x, 0] + 0.59 * col[y, x, 1] + 0.11 * col[y, x, 2]
                n += 1
    return s / max(n, 1)

# ruff: noqa
from zoo.data.synthfaces._study.atlas import *

C0 = np.array([0, 7.45, 0.5], np.float32)
RW, RH = 256, 160
SC_F = np.where((CLB == 0) & (V0[FB][..., 1].mean(1) > 6.4))[0]
_c = V0[FB].mean(1)
EARF = (
    (np.abs(_c[:, 0]) > 0.735)
    & (_c[:, 1] > 6.78)
    & (_c[:, 1] < 7.44)
    & (_c[:, 2] > 0.26)
    & (_c[:, 2] < 0.74)
)
SC_F = SC_F[~EARF[SC_F]]


def radial(v):
    """max radius of the head around C0 as function of direction (theta, elevation)"""
    q = v - C0
    r = np.linalg.norm(q, axis=1)
    th = np.arctan2(q[:, 0], q[:, 2])
    el = np.arcsin(np.clip(q[:, 1] / r, -1, 1))
    zb = np.full((RH, RW), -1e9, np.float32)
    k = (CLB == 0) & ~EARF
    lt = th[FB]
    span = (lt.max(1) - lt.min(1)) > np.pi
    t2 = np.where(th < 0, th + 2 * np.pi, th)
    for tt, kk, sh in ((th, k & ~span, 0), (t2, k & span, 0), (t2, k & span, -RW)):
        P = np.stack([(tt / (2 * np.pi) + 0.5) * RW + sh, (0.5 - el / np.pi) * RH, r], 1).astype(
            np.float32
        )
        rdepth(P, np.ascontiguousarray(FB[kk]), zb)
    bad = zb < 0
    ind = ndi.distance_transform_edt(bad, return_distances=False, return_indices=True)
    zb = zb[ind[0], ind[1]]
    zb = ndi.maximum_filter(zb, 3)
    zb = ndi.gaussian_filter(zb, 1.2, mode=("nearest", "wrap"))
    return zb


@njit(cache=True, fastmath=True)
def rlook(zb, p, cx, cy, cz):
    x = p[0] - cx
    y = p[1] - cy
    z = p[2] - cz
    r = np.sqrt(x * x + y * y + z * z) + 1e-9
    u = (np.arctan2(x, z) / (2 * np.pi) + 0.5) * 256 - 0.5
    v = (0.5 - np.arcsin(y / r) / np.pi) * 160 - 0.5
    i = int(np.floor(u))
    j = int(np.floor(v))
    fu = u - i
    fv = v - j
    i0 = i % 256
    i1 = (i + 1) % 256
    j0 = min(max(j, 0), 159)
    j1 = min(max(j + 1, 0), 159)
    return (zb[j0, i0] * (1 - fu) + zb[j0, i1] * fu) * (1 - fv) + (
        zb[j1, i0] * (1 - fu) + zb[j1, i1] * fu
    ) * fv, r


@njit(cache=True, fastmath=True)
def grow(
    root, nrm, dir0, L, off, zb, K, grav, face, stiff, curlr, curlf, ph, bang, backp, clump, out
):
    n = root.shape[0]
    for s in range(n):
        px, py, pz = root[s, 0], root[s, 1], root[s, 2]
        dx, dy, dz = dir0[s, 0], dir0[s, 1], dir0[s, 2]
        st = L[s] / (K - 1)
        p = np.empty(3, np.float32)
        for k in range(K):
            t = k / (K - 1)
            # curl / wave offset, orthogonal-ish
            a = ph[s] + curlf * t * L[s]
            cr = curlr * min(1.0, t * 3)
            out[s, k, 0] = px + cr * np.cos(a)
            out[s, k, 1] = py + cr * 0.4 * np.sin(a * 1.3)
            out[s, k, 2] = pz + cr * np.sin(a)
            # advance
            cf = (1 - t) * (1 - t) if face > 0 else 1.0
            dx = dx * stiff + cf * clump[s, 0] * (1 - stiff)
            dy = dy * stiff + (cf * clump[s, 1] - grav) * (1 - stiff)
            dz = dz * stiff + cf * clump[s, 2] * (1 - stiff)
            l = np.sqrt(dx * dx + dy * dy + dz * dz) + 1e-9
            dx /= l
            dy /= l
            dz /= l
            px += dx * st
            py += dy * st
            pz += dz * st
            p[0] = px
            p[1] = py
            p[2] = pz
            R, r = rlook(zb, p, 0.0, 7.45, 0.5)
            o = off[s] * min(1.0, 0.25 + t * 3.0)
            tgt = R + o
            if r < tgt:
                q = tgt / r
                px = (px) * q
                py = 7.45 + (py - 7.45) * q
                pz = 0.5 + (pz - 0.5) * q
                # make the direction tangential
                ux = px / tgt
                uy = (py - 7.45) / tgt
                uz = (pz - 0.5) / tgt
                dn = dx * ux + dy * uy + dz * uz
                if dn < 0:
                    dx -= dn * ux
                    dy -= dn * uy
                    dz -= dn * uz
            if face > 0 and bang[s] < 0.5 and pz > 0.45:
                # keep the face ellipse free: push sideways and backwards
                ex = px / 0.70
                ey = (py - 7.12) / 0.98
                e = ex * ex + ey * ey
                if e < 1 and py < 8.06:
                    sg = 1.0 if clump[s, 3] > 0 else -1.0
                    tx = 0.70 * np.sqrt(max(0.0, 1 - ey * ey)) * face
                    if tx > abs(px) or sg * px < 0:
                        px = px + (sg * tx - px) * 0.7
                        if pz > 1.0:
                            pz = pz - (pz - 1.0) * 0.5
            if backp[s] > 0:
                dx += (0 - px) * backp[s]
                dy += (7.45 - py) * backp[s] * 0.6
                dz += (-0.5 - pz) * backp[s]


def sample_roots(v, nv, n, rng, dens):
    """area weighted random points on scalp, dens(canonical)->0..1"""
    A = V0[FB[SC_F]]
    ar = np.linalg.norm(np.cross(A[:, 1] - A[:, 0], A[:, 2] - A[:, 0]), axis=1)
    c = A.mean(1)
    w = ar * (scalp_d(c.astype(np.float32), 7.9, 0, 0) > -0.25)
    f = SC_F[rng.choice(len(SC_F), n * 2, p=w / w.sum())]
    r1 = np.sqrt(rng.random(n * 2))
    r2 = rng.random(n * 2)
    b = np.stack([1 - r1, r1 * (1 - r2), r1 * r2], 1).astype(np.float32)[..., None]
    can = (V0[FB[f]] * b).sum(1)
    k = rng.random(n * 2) < dens(can)
    k = np.where(k)[0][:n]
    return (v[FB[f[k]]] * b[k]).sum(1), (nv[FB[f[k]]] * b[k]).sum(1), can[k]


def unit(a):
    return a / np.maximum(np.linalg.norm(a, axis=-1, keepdims=True), 1e-9)


def make_hair(v, nv, p, rng):
    """returns pts (n,K,3) in morphed head space, per-strand colour multiplier, width"""
    st = p["hair"]
    if st == "bald":
        return None
    idx = np.unique(FB[SC_F][(V0[FB[SC_F]][..., 1].mean(1) > 7.3)])
    X = np.c_[V0[idx], np.ones(len(idx))]
    A = np.linalg.lstsq(X, v[idx], rcond=None)[0]  # canon->morphed affine
    Ai = np.linalg.inv(np.r_[A.T, [[0, 0, 0, 1]]]).T
    vn = (np.c_[v, np.ones(len(v))] @ Ai)[:, :3].astype(np.float32)
    nn = vnormals(vn, FB)
    zb = radial(vn)
    n = p["nhair"]
    K = p.get("K", 12)
    seed = p["seed"]
    rec = p["rec"]
    hl = p["hl"]
    dens = lambda c: ss(-0.04, 0.05, scalp_d(c.astype(np.float32), hl, rec, seed, 0.0))
    R, Nr, can = sample_roots(vn, nn, n, rng, dens)
    if st == "tied":
        kk = ~((np.abs(can[:, 0]) > 0.66) & (can[:, 1] < 7.45) & (can[:, 2] > 0.1))
        R, Nr, can = R[kk], Nr[kk], can[kk]
    n = len(R)
    # clump field: noise on root position -> shared direction perturbation
    cl = (
        np.stack([noise(can.astype(np.float32), 6.0, seed + k, 2) - 0.5 for k in (1, 2, 3)], 1)
        * 1.2
        + np.stack([noise(can.astype(np.float32), 22.0, seed + k, 1) - 0.5 for k in (4, 5, 6)], 1)
        * 0.8
    )
    jit = rng.normal(0, 1, (n, 3)) * 0.10
    px = p["part"]
    sg = np.sign(can[:, 0] - px + rng.normal(0, 0.015, n))
    sg[sg == 0] = 1
    bang = np.zeros(n)
    backp = np.zeros(n)
    face = 1.0
    grav = 0.5
    stiff = 0.75
    curlr = 0.0
    curlf = 0.0
    layer = rng.random(n)
    fr = ss(0.5, 1.3, can[:, 2])
    top = ss(7.8, 8.3, can[:, 1])
    if st in ("buzz", "short", "side", "quiff", "receding", "afro"):
        if st == "buzz":
            d0 = Nr * 0.8 + [0, -0.2, 0.3]
            L = rng.uniform(0.05, 0.10, n)
            off = 0.02 + 0.02 * layer
            K = 4
            stiff = 0.9
        elif st in ("short", "receding"):
            d0 = Nr * 0.45 + np.stack(
                [p["comb"] * 0.6 * np.ones(n), -0.25 + 0 * fr, 0.55 * np.ones(n)], 1
            )
            L = p["len"] * rng.uniform(0.7, 1.1, n) * (0.22 + 0.78 * top)
            off = 0.025 + 0.09 * layer * (0.3 + 0.7 * top)
            K = 6
            d0[:, 2] -= (1 - top) * 0.7
        elif st == "side":
            d0 = Nr * 0.5 + np.stack([sg * 1.0, 0.15 + 0.0 * fr, 0.25 * fr], 1)
            L = p["len"] * rng.uniform(0.8, 1.2, n) * (0.20 + 1.0 * top)
            off = 0.03 + 0.13 * layer * (0.2 + 0.8 * top)
            K = 8
            d0[:, 0] *= 0.25 + 0.75 * top
            d0[:, 1] -= (1 - top) * 0.8
            grav = 0.9
            stiff = 0.62
            d0 = d0 * 0.7
        elif st == "quiff":
            d0 = Nr * 0.7 + np.stack([0.15 * sg, 0.6 * fr, -0.55 * np.ones(n)], 1)
            L = p["len"] * rng.uniform(0.8, 1.2, n) * (0.2 + 0.9 * top)
            off = 0.03 + 0.16 * layer * (0.15 + 0.85 * top)
            K = 8
            grav = 0.2
            d0[:, 1] -= (1 - top) * 1.2
        elif st == "afro":
            d0 = Nr * 1.0
            L = p["len"] * rng.uniform(0.8, 1.1, n)
            off = 0.02 + 0.0 * layer
            K = 12
            curlr = 0.035
            curlf = 38.0
            grav = 0.05
            stiff = 0.93
        if st != "afro":
            face = 0.0
    else:
        side = np.stack([sg * 1.0, -0.05 * np.ones(n), np.where(can[:, 2] > 0.6, -0.30, -0.1)], 1)
        d0 = Nr * 0.35 + side
        backroots = can[:, 2] < 0.1
        d0[backroots] = Nr[backroots] * 0.3 + np.array([0, -1, 0])
        L = np.full(n, 2.4) * rng.uniform(0.75, 1.1, n)
        off = 0.035 + 0.10 * layer * p["vol"]
        K = 13
        stiff = 0.48
        grav = 1.0
        yend = p["yend"]
        L = np.clip(
            (can[:, 1] - yend) * 1.0 + 0.42 * np.abs(can[:, 0] * 0 + 0.6) * top, 0.3, 3.0
        ) * rng.uniform(0.86, 1.05, n)
        if st == "wavy":
            curlr = 0.045
            curlf = 7.5
        if st == "curly":
            curlr = 0.06
            curlf = 18.0
            off = off + 0.06
        if st == "tied":
            d0 = Nr * 0.05 + np.stack([-0.15 * can[:, 0], -0.1 - 0.3 * fr, -1.0 * np.ones(n)], 1)
            L = np.clip(can[:, 2] + 0.5, 0.3, 2.0) * 1.15
            off = 0.02 + 0.045 * layer
            backp[:] = 0.35
            grav = 0.0
            face = 0.0
            K = 12
            stiff = 0.9
        if p["bangs"]:
            b = (can[:, 2] > 0.85) & (np.abs(can[:, 0]) < 0.56) & (rng.random(n) < 0.85)
            bang[b] = 1
            d0[b] = Nr[b] * 0.35 + np.stack(
                [
                    (can[b, 0] * 0.45 + p["comb"] * 0.35),
                    -0.5 * np.ones(b.sum()),
                    0.65 * np.ones(b.sum()),
                ],
                1,
            )
            L[b] = np.clip((can[b, 1] - p["bangy"]) * 1.12 + 0.02, 0.1, 1.2) * rng.uniform(
                0.93, 1.05, b.sum()
            )
            off[b] = 0.03 + 0.06 * layer[b]
            backp[b] = 0
    if p["bangs"] and st in ("short", "side", "quiff", "receding", "afro", "buzz"):
        b = (can[:, 2] > 0.8) & (np.abs(can[:, 0]) < 0.6)
        bang[b] = 1
        d0[b] = Nr[b] * 0.3 + np.stack(
            [(can[b, 0] * 0.4 + p["comb"] * 0.5), -0.5 * np.ones(b.sum()), 0.65 * np.ones(b.sum())],
            1,
        )
        L[b] = np.clip((can[b, 1] - p["bangy"]) * 1.12 + 0.02, 0.1, 1.2) * rng.uniform(
            0.9, 1.05, b.sum()
        )
        off[b] = 0.03 + 0.06 * layer[b]
        K = max(K, 10)
    d0 = unit(d0 + cl * p["mess"] + jit * 0.8)
    clump = np.c_[d0 * 0.9 + cl * p["mess"] * 0.5, sg].astype(np.float32)
    if st not in ("short", "buzz", "side", "quiff", "receding", "afro"):
        clump[:, :3] *= 0.35
    if st == "tied":
        clump[:, :3] *= 2
    ph = (
        noise(can.astype(np.float32), 5.0, seed + 40, 1) * 9
        + rng.normal(0, 0.5, n) * (0.6 if curlf < 10 else 3)
    ).astype(np.float32)
    out = np.empty((n, K, 3), np.float32)
    f32 = lambda a: np.ascontiguousarray(a, np.float32)
    grow(
        f32(R),
        f32(Nr),
        f32(d0),
        f32(L),
        f32(off),
        zb,
        K,
        grav,
        face,
        stiff,
        curlr,
        curlf,
        ph,
        f32(bang),
        f32(backp),
        clump,
        out,
    )
    col = (
        0.55
        + 0.9
        * noise(can.astype(np.float32) * np.array([1, 0.3, 1], np.float32), 26.0, seed + 50, 2)
    ) * rng.lognormal(0, 0.22, n)
    pts = (np.c_[out.reshape(-1, 3), np.ones(n * K)] @ A).reshape(n, K, 3).astype(np.float32)
    # depth inside the hair: layer 0 = near the scalp
    dep = np.clip(
        (0.35 + 0.65 * layer)[:, None] * np.ones((1, K)) * np.linspace(0.55, 1.05, K)[None], 0, 1
    )
    if st == "afro":
        dep = np.linspace(0.15, 1.0, K)[None] * np.ones((n, 1))
    return pts, col.astype(np.float32), dep.astype(np.float32), can


def make_beard(v, nv, p, rng):
    if p["beard"] == 0 and p["mustache"] == 0:
        return None
    n = p["nbeard"]
    fs = np.where(
        (CLB == 0)
        & (V0[FB][..., 1].mean(1) < 7.2)
        & (V0[FB][..., 1].mean(1) > 5.95)
        & (V0[FB][..., 2].mean(1) > 0.5)
    )[0]
    A = V0[FB[fs]]
    ar = np.linalg.norm(np.cross(A[:, 1] - A[:, 0], A[:, 2] - A[:, 0]), axis=1)
    ar = ar * (beard_field(A.mean(1).astype(np.float32), p) > -0.12)
    f = fs[rng.choice(len(fs), n * 3, p=ar / ar.sum())]
    r1 = np.sqrt(rng.random(n * 3))
    r2 = rng.random(n * 3)
    b = np.stack([1 - r1, r1 * (1 - r2), r1 * r2], 1).astype(np.float32)[..., None]
    can = (V0[FB[f]] * b).sum(1)
    fld = (
        beard_field(can.astype(np.float32), p)
        + (noise(can.astype(np.float32), 9.0, p["seed"], 2) - 0.5) * 0.08
    )
    k = np.where(rng.random(n * 3) < ss(-0.01, 0.06, fld))[0][:n]
    R = (v[FB[f[k]]] * b[k]).sum(1)
    Nr = (nv[FB[f[k]]] * b[k]).sum(1)
    can = can[k]
    n = len(k)
    K = 5
    L = p["blen"] * rng.uniform(0.6, 1.2, n) * (0.5 + 0.7 * ss(6.7, 6.2, can[:, 1]))
    mu = (can[:, 1] > 6.62) & (np.abs(can[:, 0]) < 0.33)
    L[mu] = np.minimum(L[mu], 0.07)
    L[can[:, 1] < 6.42] *= 0.7
    d = unit(
        Nr * 0.25
        + np.stack([can[:, 0] * 0.5, -1.0 * np.ones(n), 0.15 * np.ones(n)], 1)
        + rng.normal(0, 0.22, (n, 3))
    )
    d[mu] = unit(
        Nr[mu] * 0.35
        + np.stack(
            [np.sign(can[mu, 0]) * 0.8, -0.7 * np.ones(mu.sum()), 0.1 * np.ones(mu.sum())], 1
        )
        + rng.normal(0, 0.18, (mu.sum(), 3))
    )
    t = np.linspace(0, 1, K)
    pts = (
        R[:, None]
        + d[:, None] * (L[:, None] * t)[..., None]
        + np.array([0, -0.35, 0]) * (L[:, None] * t**2)[..., None] * 0.6
        + Nr[:, None] * 0.01
    )
    col = rng.lognormal(0, 0.3, n)
    dep = 0.45 + 0.5 * t[None] * np.ones((n, 1))
    return pts.astype(np.float32), col.astype(np.float32), dep.astype(np.float32), can


LF = np.where(LASH)[0]
_lf = F[LF]
_luv = VT[FT[LF]]


def make_lash(v, p, rng):
    """thin strands on the eyelash helper strips: from the vertices near the eyeball to the outer edge"""
    P = []
    for s in ("l", "r"):
        c = v[np.unique(F[CL == (1 if s == "l" else 2)])].mean(0)
        c0 = V0[np.unique(F[CL == (1 if s == "l" else 2)])].mean(0)
        for q, (m, ln) in enumerate(((2, 1.0), (1, 0.36))):
            nm = [i for i, nn in enumerate(N) if nn == f"helper-{s}-eyelashes-{m}"][0]
            fi = np.unique(F[G == nm])
            r = np.linalg.norm(V0[fi] - c0, axis=1)
            inn = fi[r < np.percentile(r, 45)]
            o = np.argsort(V0[inn, 0])
            inn = v[inn][o]
            k = int(p["nlash"] * ln)
            t = np.sort(rng.random(k)) * (len(inn) - 1)
            i = np.clip(t.astype(int), 0, len(inn) - 2)
            f = (t - i)[:, None]
            b = inn[i] * (1 - f) + inn[i + 1] * f
            e = unit(b - c) * np.array([0.6, 0.3, 1])
            e = unit(
                e + np.array([0, (0.55 if m == 2 else -0.6), 0.15]) + rng.normal(0, 0.12, (k, 3))
            )
            ll = p["lashlen"] * ln * rng.uniform(0.6, 1.1, k)[:, None]
            P.append(
                np.stack(
                    [
                        b,
                        b + e * ll * 0.5 + np.array([0, -0.08 if m == 2 else 0.05, 0]) * ll,
                        b + e * ll,
                    ],
                    1,
                )
            )
    pts = np.concatenate(P).astype(np.float32)
    return pts, np.ones(len(pts), np.float32), np.full(pts.shape[:2], 0.6, np.float32), None

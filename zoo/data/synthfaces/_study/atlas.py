# ruff: noqa
from zoo.data.synthfaces._study.core import *
from scipy import ndimage as ndi

AW, AH = 1024, 576
Y0, Y1 = 5.5, 8.62
ZC = 0.45
# faces flags
_u = VT[FTB]
cav = (CLB == 0) & (_u[..., 1].max(1) < 0.15) & (_u[..., 0].min(1) > 0.7)
soc = (
    (CLB == 0) & (_u[..., 0].max(1) < 0.17) & (_u[..., 1].min(1) > 0.5) & (_u[..., 1].max(1) < 0.66)
)
CLB[cav] = 7
CLB[soc] = 8


@njit(cache=True)
def h3(i, j, k, s):
    h = (i * 374761393 + j * 668265263 + k * 2147483647 + s * 1274126177) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 1274126177) & 0xFFFFFFFF
    h = ((h ^ (h >> 15)) * 2246822519) & 0xFFFFFFFF
    return ((h ^ (h >> 16)) & 0xFFFF) / 65535.0


@njit(cache=True)
def n3(x, y, z, s):
    i = int(np.floor(x))
    j = int(np.floor(y))
    k = int(np.floor(z))
    x -= i
    y -= j
    z -= k
    u = x * x * (3 - 2 * x)
    v = y * y * (3 - 2 * y)
    w = z * z * (3 - 2 * z)
    a = h3(i, j, k, s) * (1 - u) + h3(i + 1, j, k, s) * u
    b = h3(i, j + 1, k, s) * (1 - u) + h3(i + 1, j + 1, k, s) * u
    c = h3(i, j, k + 1, s) * (1 - u) + h3(i + 1, j, k + 1, s) * u
    e = h3(i, j + 1, k + 1, s) * (1 - u) + h3(i + 1, j + 1, k + 1, s) * u
    return (a * (1 - v) + b * v) * (1 - w) + (c * (1 - v) + e * v) * w


@njit(cache=True)
def noise(P, f, s, o):
    out = np.empty(P.shape[0], np.float32)
    for q in range(P.shape[0]):
        a = 0.0
        am = 1.0
        ff = f
        t = 0.0
        for k in range(o):
            a += am * n3(P[q, 0] * ff, P[q, 1] * ff, P[q, 2] * ff, s + k * 17)
            t += am
            am *= 0.55
            ff *= 2.03
        out[q] = a / t
    return out


# position map (outermost)
th = np.arctan2(V0[:, 0], V0[:, 2] - ZC)
rr = np.hypot(V0[:, 0], V0[:, 2] - ZC)
zb = np.full((AH, AW), -1e9, np.float32)
fid = np.full((AH, AW), -1, np.int32)
bw = np.zeros((AH, AW, 2), np.float32)
k0 = CLB == 0
lt = th[FB]
span = (lt.max(1) - lt.min(1)) > np.pi
ok = k0 & ~span
FBo = FB.copy()
Pm = np.stack([(th / (2 * np.pi) + 0.5) * AW, (Y1 - V0[:, 1]) / (Y1 - Y0) * AH, rr], 1).astype(
    np.float32
)
Fa = FB.copy()
Fa[~ok] = 0
raster(Pm, Fa, zb, fid, bw, False, 0)
t2 = np.where(th < 0, th + 2 * np.pi, th)
for sh in (0, -AW):
    Pm2 = Pm.copy()
    Pm2[:, 0] = (t2 / (2 * np.pi) + 0.5) * AW + sh
    Fb = FB.copy()
    Fb[~(k0 & span)] = 0
    raster(Pm2, Fb, zb, fid, bw, False, 0)
ind = ndi.distance_transform_edt(fid < 0, return_distances=False, return_indices=True)
fid = fid[ind[0], ind[1]]
bw = bw[ind[0], ind[1]]
w = np.stack([1 - bw.sum(-1), bw[..., 0], bw[..., 1]], -1)
POS = (V0[FB[fid]] * w[..., None]).sum(2).astype(np.float32)
UVM = (VT[FTB[fid]] * w[..., None]).sum(2)


def mk(k):
    m = d[k + "_mask"].astype(np.float32) / 255
    return ndi.map_coordinates(
        m, [(1 - UVM[..., 1]) * m.shape[0] - 0.5, UVM[..., 0] * m.shape[1] - 0.5], order=1
    )


LIPM = mk("lips")
EARM = mk("ears")
x, y, z = POS[..., 0], POS[..., 1], POS[..., 2]
ax = np.abs(x)
ss = lambda a, b, t: (lambda q: q * q * (3 - 2 * q))(np.clip((t - a) / (b - a), 0, 1))
g = lambda cx, cy, sx, sy: np.exp(-(((ax - cx) / sx) ** 2) - ((y - cy) / sy) ** 2) * (z > 0.6)
POSF = POS.reshape(-1, 3)
# static masks ------------------------------------------------------
LIP = ss(0.35, 0.65, LIPM) * (z > 0.9)
UP = y > 6.605
EAR = ss(0.3, 0.7, EARM)
TONES = np.array(
    [
        (250, 222, 206),
        (242, 206, 184),
        (228, 186, 158),
        (205, 159, 130),
        (176, 127, 97),
        (137, 94, 70),
        (98, 65, 49),
        (66, 44, 35),
    ],
    float,
)
lin = lambda c: np.where(
    np.asarray(c, float) <= 0.04045,
    np.asarray(c, float) / 12.92,
    ((np.asarray(c, float) + 0.055) / 1.055) ** 2.4,
)


def tone(t):
    t = np.clip(t, 0, 1) * 7
    i = int(min(t, 6))
    f = t - i
    return lin((TONES[i] * (1 - f) + TONES[i + 1] * f) / 255)


HAIRC = {
    "black": (0.012, 0.010, 0.009),
    "brown": (0.075, 0.040, 0.021),
    "darkbrown": (0.035, 0.02, 0.012),
    "blond": (0.50, 0.34, 0.17),
    "red": (0.24, 0.075, 0.025),
    "gray": (0.36, 0.35, 0.34),
    "white": (0.62, 0.61, 0.6),
}


def scalp_d(pos, hl=8.03, rec=0.0, seed=0, wid=0.0):
    """signed 'inside scalp' field in dm (positive=hair). works on any (n,3) canonical positions"""
    X = np.abs(pos[:, 0])
    Y = pos[:, 1]
    Z = pos[:, 2]
    # frontal hairline height as a function of |x|: centre hl, temple recess, sideburn drop in front of the ear
    front = (
        hl
        - 0.20 * (X / 0.5) ** 2.5
        + rec * np.exp(-(((X - 0.38) / 0.17) ** 2)) * 0.9
        + rec * 0.35 * np.exp(-((X / 0.3) ** 2))
    )
    # as seen on the side, boundary in z: in front of ear z<~.78
    top = Y - front
    zs = (
        0.98 - 0.26 * np.clip((7.80 - Y) / 0.35, 0, 1) - 0.25 * rec * np.clip((Y - 7.4) / 0.4, 0, 1)
    )  # temple / sideburn front edge
    side = zs - Z
    dd = np.maximum(
        top, np.minimum(side, Y - (7.12 + wid))
    )  # in front: above the line; on the side: behind the edge and above ear bottom
    nape = Y - (
        6.75 + 0.55 * np.clip((Z + 0.1) / 0.6, 0, 1)
    )  # back: above the nape line, rising to behind the ear
    behind = np.where(Z < 0.33, np.minimum(nape, 0.5), -1)
    d = np.maximum(dd, behind)
    n = (noise(np.ascontiguousarray(pos, np.float32), 7.0, seed, 2) - 0.5) * 0.09
    d = np.where((X > 0.752) & (Y < 7.42) & (Z > 0.25) & (Z < 0.72), -0.2, d)
    return d + n


def bake(p, rng):
    """p: dict -> albedo(lin), spec, rough, label(uint8), beard alpha"""
    seed = p["seed"]
    N1 = noise(POSF, 3.0, seed, 3).reshape(AH, AW) - 0.5
    N2 = noise(POSF, 11.0, seed + 5, 3).reshape(AH, AW) - 0.5
    N3 = noise(POSF, 45.0, seed + 9, 2).reshape(AH, AW) - 0.5
    a = np.broadcast_to(tone(p["tone"]), (AH, AW, 3)).astype(np.float32).copy()
    a *= np.array(p["under"], np.float32)
    old = p["old"]
    male = p["male"]
    dk = p["tone"]
    # haemoglobin map
    h = (
        0.55 * g(0.36, 6.98, 0.20, 0.17)
        + 0.45 * g(0, 6.92, 0.13, 0.10)
        + 0.12 * g(0, 6.25, 0.2, 0.12)
        + 0.5 * EAR
        + 0.20 * g(0.31, 7.17, 0.17, 0.07)
        + 0.05 * g(0, 7.8, 0.5, 0.2)
    )
    h = h * (1 + 1.6 * N1) * p["red"] + 0.22 * N2 * p["red"] + 0.10 * N1 + 0.18 * old * (N2 + 0.15)
    hs = 1 - 0.45 * dk
    a *= np.exp(-np.clip(h, -0.6, 2)[..., None] * hs * np.array([0.10, 0.42, 0.36]))
    # melanin mottling
    a *= np.exp(
        -(N1 * 0.16 + N2 * 0.15 + N3 * 0.09 * (1 + 0.6 * old))[..., None]
        * np.array([0.45, 0.7, 0.8])
    )
    # T-zone paler / perioral yellow
    a *= np.exp(0.06 * g(0, 7.75, 0.35, 0.2)[..., None])
    # under-eye darkening
    a *= np.exp(
        -(0.30 * p["bags"] + 0.15 * old)
        * g(0.29, 7.15, 0.15, 0.055)[..., None]
        * np.array([0.7, 1.0, 0.8])
    )
    # eye socket & lid tint
    a *= np.exp(
        -(0.18 + p["shadow"]) * (g(0.32, 7.37, 0.17, 0.06))[..., None] * np.array([0.8, 1.0, 0.85])
    )
    # freckles
    if p["freckles"] > 0:
        fr = ss(0.64, 0.72, noise(POSF, 26.0, seed + 31, 1).reshape(AH, AW)) * (
            g(0.3, 7.0, 0.34, 0.26) + 0.7 * g(0, 7.05, 0.2, 0.2) + 0.2 * (z > 0.9)
        )
        a *= np.exp(-fr[..., None] * p["freckles"] * np.array([0.45, 0.8, 1.0]))
    for q in range(p["moles"]):
        mx, my = rng.uniform(-0.5, 0.5), rng.uniform(6.3, 7.9)
        r = rng.uniform(0.012, 0.022)
        mm = np.exp(-((((x - mx) ** 2 + (y - my) ** 2) / r**2) ** 2)) * (z > 0.8)
        a *= np.exp(-mm[..., None] * np.array([0.6, 1.0, 1.2]))
    # wrinkles (albedo darkening + later bump)
    W = np.zeros((AH, AW), np.float32)
    if old > 0.05:
        wob = N1 * 0.10
        yy = (y + wob - 7.62) / 0.105
        W += (
            np.exp(-(((yy - np.round(yy)) / 0.10) ** 2))
            * ss(7.58, 7.66, y)
            * (1 - ss(7.93, 8.0, y))
            * np.exp(-((ax / 0.42) ** 4))
            * 0.8
            * (0.6 + 0.8 * (N1 + 0.5))
        )
        t_ = np.arctan2(y - 7.29, ax - 0.40)
        rd = np.hypot(y - 7.29, ax - 0.40)
        W += (
            np.exp(-(((np.abs(((t_ + N2 * 0.3) / 0.33) % 1 - 0.5) - 0.0) / 0.13) ** 2))
            * np.exp(-(((rd - 0.20) / 0.07) ** 2))
            * (np.abs(t_) < 0.8)
            * (z > 0.7)
            * 0.8
        )
        W += (
            np.exp(-(((ax - 0.04) / 0.012) ** 2))
            * np.exp(-(((y - 7.47) / 0.07) ** 2))
            * 0.6
            * (z > 1)
        )
    W *= ss(0.1, 0.95, old)
    nl = ax - (0.20 + 0.16 * np.clip((6.88 - y) / 0.32, 0, 1) + 0.02 * N1)
    W += (
        (0.10 + 0.9 * old)
        * np.exp(-((nl / 0.016) ** 2))
        * ss(6.50, 6.62, y)
        * (1 - ss(6.80, 6.90, y))
        * (z > 0.9)
    )
    a *= np.exp(-0.42 * W[..., None] * np.array([0.8, 1.0, 1.0]))
    # age spots
    if old > 0.3:
        sp = ss(0.66, 0.74, noise(POSF, 12.0, seed + 77, 2).reshape(AH, AW)) * old * 0.55
        a *= np.exp(-0.35 * sp[..., None] * np.array([0.6, 0.9, 1.1]))
    # nostril / mouth corner darkening
    a *= np.exp(
        -0.7
        * np.exp(-(((ax - 0.075) / 0.045) ** 2) - ((y - 6.845) / 0.03) ** 2)[..., None]
        * (z > 1.3)[..., None]
        * np.array([1, 1.2, 1.2])
    )
    # stubble shadow, beard density
    bx = beard_field(POSF, p).reshape(AH, AW)
    st = p["stubble"] * ss(-0.04, 0.06, beard_region(POSF, "full").reshape(AH, AW)) * (1 - LIP)
    dots = ss(0.5, 0.75, noise(POSF, 60.0, seed + 3, 1).reshape(AH, AW))
    hc = np.array(p["browcol"])
    a = a * (1 - (st * (0.28 + 0.35 * dots))[..., None]) + (st * (0.28 + 0.35 * dots))[
        ..., None
    ] * (hc * 0.6 + 0.4 * a * np.array([0.75, 0.85, 1.0]))
    BM = np.zeros((AH, AW), np.float32)
    if p["beard"] > 0 or p["mustache"] > 0:
        k = ss(-0.02, 0.05, bx + N2 * 0.09) * (1 - LIP * 0.95)
        stq = noise(POSF * np.array([1, 0.25, 1], np.float32), 70.0, seed + 8, 2).reshape(AH, AW)
        al = np.clip(k * (0.72 + 0.5 * (stq - 0.3)), 0, 0.97)
        BM = k
        a = a * (1 - al[..., None]) + al[..., None] * hc * (0.5 + 1.0 * stq[..., None])
    # lips
    lc = np.array(p["lip"])
    lt = (
        0.80
        + 0.35
        * (
            noise(POSF * np.array([1, 0.22, 1], np.float32), 40.0, seed + 4, 2).reshape(AH, AW)
            - 0.5
        )
        + 0.3 * N2
    )[..., None]
    a = (
        a * (1 - 0.85 * LIP[..., None])
        + 0.85 * LIP[..., None] * lc * lt * np.where(UP, 0.80, 1.0)[..., None]
    )
    # lip line
    # brows
    th_, bl = brow(p)
    strk = noise(
        np.stack(
            [
                np.abs(POSF[:, 0]) - 0.12 * np.abs(POSF[:, 0] - 0.12),
                POSF[:, 1] * 1.0,
                POSF[:, 2] * 0,
            ],
            1,
        ).astype(np.float32)
        @ BROT(p),
        1.0,
        seed + 11,
        2,
    ).reshape(AH, AW)
    al = np.clip(th_ * p["browden"] * (0.62 + 0.6 * ss(0.3, 0.7, strk)), 0, 0.96)
    a = a * (1 - al[..., None]) + al[..., None] * hc
    # lid line / lash root
    LL = eyeline(p)
    a *= np.exp(-LL[..., None] * p["liner"])
    # scalp under hair
    sc = scalp_d(POSF, p["hl"], p["rec"], seed, 0).reshape(AH, AW)
    SA = np.zeros((AH, AW), np.float32)
    if p["hair"] != "bald":
        fl = noise(POSF * np.array([3, 1, 1], np.float32), 30.0, seed + 2, 2).reshape(AH, AW) - 0.5
        SA = ss(-0.05, 0.07, sc + fl * 0.10) * p["scalpden"] * (1 - EAR)
        a = a * (1 - SA[..., None]) + SA[..., None] * np.array(p["haircol"]) * (
            0.55 + 0.5 * (fl[..., None] + 0.5)
        )
    else:
        SA0 = ss(-0.02, 0.1, sc) * 0.10 * p["male"]
        a = a * (1 - SA0[..., None]) + SA0[..., None] * hc * 0.9
    # cloth
    cl = cloth(POSF, p).reshape(AH, AW)
    wv = 0.85 + 0.3 * noise(POSF, 55.0, 3, 1).reshape(AH, AW)
    pat = np.ones_like(wv)
    if p["cpat"] == 1:
        pat = np.where((y * 9) % 1 < 0.5, 1, 0.45)
    if p["cpat"] == 2:
        pat = 0.7 + 0.6 * (noise(POSF, 8.0, seed, 2).reshape(AH, AW) > 0.5)
    a = np.where(cl[..., None] > 0, np.array(p["clothc"])[None, None] * (wv * pat)[..., None], a)
    # spec / roughness
    spec = (
        0.9
        + 0.5
        * (
            g(0, 7.0, 0.14, 0.25)
            + g(0, 7.8, 0.3, 0.2)
            + 0.6 * g(0.38, 7.05, 0.14, 0.12)
            + 0.5 * g(0, 6.28, 0.15, 0.1)
        )
        * p["oily"]
    )
    spec = spec * (1 - SA * 0.6) * (1 - 0.6 * BM) * (1 + 0.6 * N2)
    rough = (
        np.full((AH, AW), 0.46, np.float32) + 0.10 * N2 - 0.08 * (g(0, 7.0, 0.14, 0.25)) * p["oily"]
    )
    spec = np.where(LIP > 0.5, 1.2 + p["gloss"], spec)
    rough = np.where(LIP > 0.5, 0.36 - 0.1 * p["gloss"], rough)
    spec = np.where(cl > 0, 0.25, spec)
    rough = np.where(cl > 0, 0.8, rough)
    # bump height (dm): wrinkles, pores, lips lines
    H = (
        -W * 0.010
        - LIP * 0.004 * (lt[..., 0] - 0.8)
        + 0.0035 * N3 * (1 - LIP)
        + SA * 0.006 * (fl if p["hair"] != "bald" else 0)
    )
    # labels
    lab = np.ones((AH, AW), np.uint8)
    jaw = 6.17 + 0.42 * np.clip(1.22 - z, 0, 0.85) ** 1.2 + 0.02
    lab[(y < jaw) & (EAR < 0.3)] = 12
    lab[nosem()] = 6
    lab[bl == 1] = 2
    lab[bl == 2] = 3
    lab[(LIPM > 0.5) & (z > 0.9) & UP] = 7
    lab[(LIPM > 0.5) & (z > 0.9) & ~UP] = 9
    if p["hair"] != "bald":
        lab[SA > 0.5] = 10
    lab[cl > 0] = 13
    return (
        a.astype(np.float32),
        spec.astype(np.float32),
        rough.astype(np.float32),
        H.astype(np.float32),
        lab,
        (BM > 0.5),
    )


def cloth(P, p):
    return (p["collar"] + 0.12 * np.cos(np.arctan2(P[:, 0], P[:, 2] - 0.3) * 1.0) * -1) - P[:, 1]


def nosem():
    wdt = np.interp(
        y, [6.80, 6.84, 6.92, 7.0, 7.15, 7.3, 7.42], [0.10, 0.185, 0.19, 0.15, 0.085, 0.065, 0.06]
    )
    return (ax < wdt) & (y > 6.81) & (y < 7.42) & (z > 1.2)


def BROT(p):
    # stretch so that noise streaks run along the hair direction (outwards-up)
    a = p.get("browtilt", 0.5)
    c, s = np.cos(a), np.sin(a)
    return np.array([[c * 14, -s * 120, 0], [s * 14, c * 120, 0], [0, 0, 0]], np.float32)


def brow(p):
    s = (ax - 0.115) / (0.545 - 0.115 + p["browlen"])
    yc = (
        7.475
        + p["browy"]
        + p["browarch"] * np.sin(np.clip(s, 0, 1) * np.pi * 0.80) ** 1.5 * 0.045
        - 0.035 * np.clip(s - 0.75, 0, 1) / 0.25 * 0.6
    )
    T = p["browth"] * np.interp(s, [0, 0.12, 0.45, 0.7, 1], [0.65, 1, 0.95, 0.7, 0.15])
    d = np.abs(y - yc) / T
    m = (1 - ss(0.55, 1.25, d)) * ss(-0.07, 0.05, s) * (1 - ss(0.92, 1.06, s)) * (z > 0.7)
    b = m > 0.4
    return m, np.where(b & (x > 0), 1, np.where(b, 2, 0))


def eyeline(p):
    dl = np.hypot((ax - 0.318) / 0.158, (y - 7.288) / 0.062)  # ellipse around the opening
    return np.exp(-(((dl - 1) / 0.16) ** 2)) * np.where(y > 7.285, 1.0, 0.22) * (z > 1) * 0.8


def beard_region(P, kind):
    X = np.abs(P[:, 0])
    Y = P[:, 1]
    Z = P[:, 2]
    jaw = 6.17 + 0.42 * np.clip(1.22 - Z, 0, 0.85) ** 1.2
    cheek = np.interp(Z, [0.5, 0.7, 1.0, 1.25, 1.45], [7.15, 6.95, 6.72, 6.64, 6.70])
    low = Y - (jaw - 0.22)
    up = cheek - Y
    back = Z - 0.62
    full = np.minimum(np.minimum(low, up), back * 0.6)
    lipd = np.hypot(X / 0.30, (Y - 6.605) / 0.135) - 1  # keep lips + a rim clear
    must = np.minimum(
        np.minimum(0.07 - np.abs(Y - (6.745 - 0.22 * np.maximum(X - 0.12, 0))), 0.27 - X), (Z - 1.2)
    )
    must = np.minimum(must, lipd * 0.14 + 0.015)
    if kind == "must":
        return must
    full = np.minimum(full, np.maximum(lipd * 0.14 - 0.01, -1))
    full = np.where((Y > 6.60) & (X < 0.24), np.minimum(full, -0.05), full)
    if kind == "full":
        return np.maximum(full, must)
    if kind == "goatee":
        return np.minimum(np.maximum(np.minimum(full, 0.25 - X), -1), 6.56 - Y + 0.06 * (X > 0.18))
    return full


def beard_field(P, p):
    r = np.full(len(P), -1.0, np.float32)
    if p["beard"] == 1:
        r = np.maximum(r, beard_region(P, "full"))
    if p["beard"] == 2:
        r = np.maximum(r, np.maximum(beard_region(P, "goatee"), beard_region(P, "must")))
    if p["mustache"] > 0:
        r = np.maximum(r, beard_region(P, "must"))
    return r

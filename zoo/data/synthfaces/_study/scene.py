# ruff: noqa
from zoo.data.synthfaces._study.rend import *
import time

PAIRS = [
    "head/head-age",
    "head/head-angle",
    "head/head-back-scale-depth",
    "head/head-fat",
    "head/head-scale-depth",
    "head/head-scale-horiz",
    "head/head-scale-vert",
    "forehead/forehead-nubian",
    "forehead/forehead-scale-vert",
    "forehead/forehead-temple",
    "chin/chin-bones",
    "chin/chin-cleft",
    "chin/chin-height",
    "chin/chin-prominent",
    "chin/chin-width",
    "chin/chin-prognathism",
    "nose/nose-base",
    "nose/nose-curve",
    "nose/nose-flaring",
    "nose/nose-greek",
    "nose/nose-hump",
    "nose/nose-nostrils-width",
    "nose/nose-point",
    "nose/nose-point-width",
    "nose/nose-scale-depth",
    "nose/nose-scale-horiz",
    "nose/nose-scale-vert",
    "nose/nose-volume",
    "nose/nose-width1",
    "nose/nose-width2",
    "nose/nose-width3",
    "mouth/mouth-cupidsbow",
    "mouth/mouth-lowerlip-height",
    "mouth/mouth-lowerlip-volume",
    "mouth/mouth-scale-horiz",
    "mouth/mouth-upperlip-height",
    "mouth/mouth-upperlip-volume",
    "mouth/mouth-philtrum-volume",
    "mouth/mouth-angles",
    "neck/neck-scale-horiz",
    "eyebrows/eyebrows-trans",
    "eyebrows/eyebrows-angle",
]
SIDE = [
    "cheek/%s-cheek-bones",
    "cheek/%s-cheek-inner",
    "cheek/%s-cheek-volume",
    "eyes/%s-eye-bag",
    "eyes/%s-eye-corner1",
    "eyes/%s-eye-corner2",
    "eyes/%s-eye-eyefold",
    "eyes/%s-eye-height1",
    "eyes/%s-eye-height2",
    "eyes/%s-eye-height3",
    "eyes/%s-eye-scale",
    "eyes/%s-eye-push1",
    "ears/%s-ear-scale",
    "ears/%s-ear-wing",
    "ears/%s-ear-lobe",
]
SUF = [
    ("incr", "decr"),
    ("in", "out"),
    ("up", "down"),
    ("convex", "concave"),
    ("compress", "uncompress"),
    ("forward", "backward"),
]


def pr(base, w):
    for a, b in SUF:
        if base + "-" + a in TG or base + "-" + b in TG:
            return {base + "-" + (a if w > 0 else b): abs(w)}
    return {}


def sample(rng, **ov):
    p = {}
    p["seed"] = int(rng.integers(1, 10000))
    p["male"] = int(rng.random() < 0.5)
    p["old"] = float(
        np.clip(
            rng.choice(
                [rng.uniform(0, 0.25), rng.uniform(0.25, 0.6), rng.uniform(0.7, 1)],
                p=[0.6, 0.2, 0.2],
            ),
            0,
            1,
        )
    )
    eth = rng.dirichlet([0.35, 0.35, 0.35])
    p["eth"] = eth
    base = (
        eth[0] * rng.uniform(0.02, 0.38)
        + eth[1] * rng.uniform(0.1, 0.42)
        + eth[2] * rng.uniform(0.55, 0.98)
    )
    p["tone"] = float(np.clip(base + rng.normal(0, 0.05), 0, 1))
    p["under"] = np.exp(rng.normal(0, 0.045, 3) * np.array([0.4, 0.5, 1]))
    p["red"] = rng.uniform(0.4, 1.25)
    p["bags"] = rng.uniform(0, 1)
    p["shadow"] = rng.uniform(0, 0.12)
    p["freckles"] = float(rng.choice([0, 0, 0, rng.uniform(0.2, 0.8)])) * (p["tone"] < 0.35)
    p["moles"] = int(rng.integers(0, 4))
    p["oily"] = rng.uniform(0.1, 1.1)
    p["gloss"] = rng.uniform(0, 1)
    c = ["black", "darkbrown", "brown", "blond", "red"]
    w = (
        np.array([0.35, 0.25, 0.2, 0.15, 0.05])
        if eth[0] > 0.5
        else np.array([0.75, 0.18, 0.05, 0.02, 0.0])
    )
    p["hcn"] = str(rng.choice(c, p=w / w.sum()))
    if p["old"] > 0.65 and rng.random() < 0.7:
        p["hcn"] = str(rng.choice(["gray", "white"]))
    p["browgray"] = p["hcn"] in ("gray", "white")
    p["browth"] = rng.uniform(0.034, 0.052) * (1.15 if p["male"] else 0.85)
    p["bushy"] = int(rng.random() < (0.3 if p["male"] else 0.06))
    p["browden"] = rng.uniform(0.6, 0.95)
    p["browlen"] = rng.uniform(-0.04, 0.02)
    p["browy"] = rng.uniform(-0.008, 0.028)
    p["browarch"] = rng.uniform(0.2, 1.0)
    p["browtilt"] = rng.uniform(0.3, 0.7)
    p["makeup"] = 0.0 if p["male"] else float(rng.choice([0, rng.uniform(0.2, 1)]))
    p["hl"] = rng.uniform(7.86, 8.02)
    p["rec"] = 0.0
    p["hair"] = str(
        rng.choice(
            ["buzz", "short", "short", "side", "side", "quiff", "receding", "bald", "afro", "long"],
            p=[0.12, 0.15, 0.15, 0.14, 0.1, 0.12, 0.08, 0.07, 0.03, 0.04],
        )
        if p["male"]
        else rng.choice(
            ["long", "wavy", "curly", "tied", "bob", "side", "afro"],
            p=[0.3, 0.24, 0.1, 0.16, 0.1, 0.05, 0.05],
        )
    )
    if p["hair"] == "afro" and eth[2] < 0.4:
        p["hair"] = "short" if p["male"] else "wavy"
    if p["hair"] == "receding":
        p["rec"] = rng.uniform(0.25, 0.55)
    p["bangs"] = int(
        rng.random() < (0.08 if p["male"] else 0.3)
        and p["hair"] not in ("bald", "tied", "afro", "receding", "buzz")
    )
    p["bangy"] = rng.uniform(7.48, 7.70)
    p["part"] = float(
        rng.choice([0, rng.uniform(0.12, 0.36) * rng.choice([-1, 1])], p=[0.35, 0.65])
    )
    p["comb"] = rng.uniform(-1, 1)
    p["len"] = rng.uniform(0.22, 0.48)
    p["mess"] = rng.uniform(0.12, 0.5)
    p["vol"] = rng.uniform(0.6, 1.5)
    p["yend"] = rng.uniform(5.4, 6.2)
    p["nhair"] = 9000
    p["scalpden"] = 0.93
    p["beard"] = int(rng.choice([0, 1, 2], p=[0.68, 0.2, 0.12])) if p["male"] else 0
    p["mustache"] = int(p["male"] and p["beard"] == 0 and rng.random() < 0.15)
    p["stubble"] = rng.uniform(0, 0.8) * p["male"]
    p["blen"] = rng.uniform(0.04, 0.14)
    p["nbeard"] = 4500
    p["glasses"] = int(rng.random() < 0.18)
    p["gl"] = dict(
        a=rng.uniform(0.245, 0.285),
        b=rng.uniform(0.15, 0.235),
        e=rng.uniform(2, 4),
        r=rng.uniform(0.010, 0.028),
        c=np.array(
            [
                (0.015, 0.013, 0.012),
                (0.08, 0.03, 0.012),
                (0.5, 0.42, 0.25),
                (0.02, 0.03, 0.08),
                (0.3, 0.3, 0.32),
            ]
        )[rng.integers(0, 5)],
        tint=float(rng.choice([0.04, 0.06, 0.3, 0.8], p=[0.5, 0.35, 0.1, 0.05])),
    )
    p["nlash"] = 22 if p["male"] else 34
    p["lashlen"] = rng.uniform(0.035, 0.06) if p["male"] else rng.uniform(0.06, 0.095)
    p["collar"] = rng.uniform(5.55, 5.95)
    p["cpat"] = int(rng.choice([0, 0, 1, 2]))
    p["clothc"] = tuple(
        np.clip(
            rng.choice([0, 1]) * rng.uniform(0.02, 0.7)
            + rng.uniform(0.02, 0.45, 3) * rng.choice([0.3, 1]),
            0.015,
            0.85,
        )
    )
    p["iriscol"] = str(
        rng.choice(
            ["brown", "dark", "blue", "green", "hazel", "gray"],
            p=[0.3, 0.15, 0.25, 0.1, 0.12, 0.08],
        )
        if eth[0] > 0.55
        else rng.choice(["brown", "dark"], p=[0.5, 0.5])
    )
    # shape
    sp = {}
    g = "male" if p["male"] else "female"
    gm = rng.uniform(0.75, 1.0)
    p["shape_rng"] = int(rng.integers(1 << 30))
    for q, wt in pr_shape(p).items():
        pass
    p["smile"] = float(
        np.clip(
            rng.choice([rng.normal(0.12, 0.12), rng.normal(0.75, 0.22)], p=[0.45, 0.55]), 0, 1.2
        )
    )
    p["open"] = float(rng.choice([0, rng.uniform(0.15, 0.55)], p=[0.55, 0.45]))
    p["open"] *= 1.0 if rng.random() < 0.2 else 0.55
    p["smile"] = max(p["smile"], 0.45 * (p["open"] > 0) * (rng.random() < 0.85))
    p["yaw"] = float(np.clip(rng.normal(0, 20), -75, 75))
    p["pitch"] = rng.normal(0, 5)
    p["roll"] = rng.normal(0, 3.5)
    p["gaze"] = (rng.normal(0, 0.10), rng.normal(0, 0.06))
    p["lidopen"] = rng.normal(0.14, 0.16)
    p["light"] = int(rng.integers(0, 20))
    p["key"] = rng.uniform(1.5, 3.0)
    p["amb"] = float(np.exp(rng.uniform(np.log(0.18), np.log(0.75))))
    p["warm"] = rng.normal(0, 0.10)
    p["rim"] = float(rng.choice([0, rng.uniform(0.3, 1.4)]))
    p["pupil"] = rng.uniform(0.28, 0.48)
    p["dist"] = rng.uniform(7, 16)
    p["dx"] = rng.normal(0, 0.02)
    p["dy"] = rng.normal(0, 0.015)
    p["scale"] = rng.uniform(0.94, 1.07)
    p["post"] = int(rng.integers(1 << 30))
    p["bgseed"] = int(rng.integers(1 << 30))
    p.update(ov)
    fix(p)
    return p


def fix(p):
    p["haircol"] = np.array(HAIRC[p["hcn"]])
    bc = (
        np.array(HAIRC["gray"]) * 0.5
        if p["browgray"]
        else np.array(HAIRC[p["hcn"] if p["hcn"] in HAIRC else "brown"])
    )
    if p["hcn"] in ("blond",):
        bc = np.array((0.16, 0.10, 0.05))
    if p["hcn"] == "red":
        bc = np.array((0.13, 0.05, 0.022))
    p["browcol"] = np.minimum(bc, tone(p["tone"]) * 0.55)
    t = tone(p["tone"])
    mk = p["makeup"]
    nat = np.array([t[0] * 0.88 + 0.035, t[1] * 0.46 + 0.008, t[2] * 0.52 + 0.010])
    lipstick = [
        lin(np.array(c) / 255.0)
        for c in ((170, 40, 55), (190, 80, 90), (150, 50, 70), (200, 90, 85))
    ][p["seed"] % 4]
    p["lip"] = nat * (1 - 0.75 * mk) + lipstick * 0.75 * mk
    p["liner"] = 0.55 + 0.9 * mk
    p["shadow"] += 0


def pr_shape(p):
    rng = np.random.default_rng(p["shape_rng"])
    sp = {}
    g = "male" if p["male"] else "female"
    o = p["old"]
    gm = 1.0
    for e, w in zip(("caucasian", "asian", "african"), p["eth"]):
        for a, wa in (("young", 1 - o), ("old", o)):
            sp[f"macrodetails/{e}-{g}-{a}"] = sp.get(f"macrodetails/{e}-{g}-{a}", 0) + w * wa * gm
    wt = rng.uniform(-0.8, 0.45)
    ms = rng.uniform(-0.6, 0.8)
    for a, wa in (("young", 1 - o), ("old", o)):
        for m, wm in (
            ("averagemuscle", 1 - abs(ms)),
            ("maxmuscle" if ms > 0 else "minmuscle", abs(ms)),
        ):
            for q, wq in (
                ("averageweight", 1 - abs(wt)),
                ("maxweight" if wt > 0 else "minweight", abs(wt)),
            ):
                sp[f"macrodetails/universal-{g}-{a}-{m}-{q}"] = wa * wm * wq
    BI = {
        "head/head-scale-horiz": -0.2,
        "head/head-scale-vert": -0.25,
        "forehead/forehead-scale-vert": -0.3,
        "nose/nose-scale-vert": -0.15,
        "chin/chin-width": -0.25 if p["male"] else -0.5,
        "head/head-fat": -0.25,
        "eyes/%s-eye-scale": 0.45,
        "eyes/%s-eye-height2": 0.45,
        "mouth/mouth-scale-horiz": 0.25,
        "neck/neck-scale-horiz": -0.2,
        "eyebrows/eyebrows-angle": 0.25,
    }
    for b in PAIRS:
        sp.update(
            pr(
                b,
                float(
                    np.clip(
                        rng.normal(BI.get(b, 0), 0.24 if b[:4] in ("nose", "head") else 0.30),
                        -0.8,
                        0.8,
                    )
                ),
            )
        )
    for b in SIDE:
        w = float(np.clip(rng.normal(BI.get(b, 0), 0.3), -0.9, 0.9))
        for s in "lr":
            sp.update(pr(b % s, w + rng.normal(0, 0.05)))
    for hs in (
        "oval",
        "oval",
        "round",
        "square",
        "diamond",
        "rectangular",
        "invertedtriangular",
        "triangular",
    ):
        if rng.random() < 0.25:
            sp["head/head-" + hs] = rng.uniform(0, 0.6)
    return sp


IR = {
    "brown": ((0.085, 0.035, 0.014), (0.19, 0.085, 0.03)),
    "dark": ((0.03, 0.014, 0.008), (0.06, 0.028, 0.014)),
    "blue": ((0.10, 0.22, 0.38), (0.28, 0.36, 0.40)),
    "green": ((0.12, 0.20, 0.10), (0.26, 0.24, 0.10)),
    "hazel": ((0.14, 0.11, 0.05), (0.26, 0.15, 0.05)),
    "gray": ((0.20, 0.24, 0.27), (0.33, 0.34, 0.33)),
}
AZ = [-90, -65, -45, -30, -15, 0, 15, 30, 45, 65, 90]
LIGHTS = [(a, 12) for a in AZ] + [
    (-60, 40),
    (-30, 45),
    (0, 50),
    (30, 45),
    (60, 40),
    (0, -25),
    (-35, -10),
    (35, -10),
    (20, 70),
]


def ldir(i):
    a, e = np.deg2rad(LIGHTS[i])
    return np.array([np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)])


def rotm(yaw, pitch, roll):
    y, p, r = np.deg2rad([yaw, pitch, roll])
    cy, sy, cp, sp, cr, sr = np.cos(y), np.sin(y), np.cos(p), np.sin(p), np.cos(r), np.sin(r)
    Ry = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    Rp = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    Rr = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return Rr @ Rp @ Ry


def nearest(q, k=1):
    return int(
        np.argmin(
            ((V0 - np.array(q)) ** 2).sum(1) + 1e3 * ~np.isin(np.arange(len(V0)), FB[CLB == 0])
        )
    )


LMC = dict(
    nose=(0, 6.94, 1.69),
    ml=(0.255, 6.60, 1.36),
    mr=(-0.255, 6.60, 1.36),
    chin=(0, 6.18, 1.42),
    earl=(0.80, 7.32, 0.50),
    earr=(-0.80, 7.32, 0.50),
    nasion=(0, 7.33, 1.45),
    lipu=(0, 6.69, 1.55),
    lipl=(0, 6.51, 1.52),
    eol=(0.455, 7.285, 1.27),
    eil=(0.175, 7.27, 1.33),
    eor=(-0.455, 7.285, 1.27),
    eir=(-0.175, 7.27, 1.33),
    bol=(0.52, 7.47, 1.2),
    bil=(0.12, 7.43, 1.5),
    bor=(-0.52, 7.47, 1.2),
    bir=(-0.12, 7.43, 1.5),
    al=(0.18, 6.87, 1.45),
    ar=(-0.18, 6.87, 1.45),
    jl=(0.45, 6.4, 0.95),
    jr=(-0.45, 6.4, 0.95),
    cl=(0.66, 6.8, 0.75),
    cr=(-0.66, 6.8, 0.75),
    col=(0.25, 6.25, 1.3),
    cor=(-0.25, 6.25, 1.3),
)
LMI = {k: nearest(q) for k, q in LMC.items()}


def tube(pts, r, closed=False, m=7):
    pts = np.asarray(pts, float)
    n = len(pts)
    t = (np.roll(pts, -1, 0) - np.roll(pts, 1, 0)) if closed else np.gradient(pts, axis=0)
    t = unit(t)
    up = np.array([0, 0, 1.0])
    a = unit(np.cross(t, up) + 1e-6)
    b = np.cross(a, t)
    ph = np.arange(m) / m * 2 * np.pi
    v = pts[:, None] + r * (
        np.cos(ph)[None, :, None] * a[:, None] + np.sin(ph)[None, :, None] * b[:, None]
    )
    nn = np.cos(ph)[None, :, None] * a[:, None] + np.sin(ph)[None, :, None] * b[:, None]
    F_ = []
    for i in range(n if closed else n - 1):
        for j in range(m):
            i2 = (i + 1) % n
            j2 = (j + 1) % m
            A, B, C, D_ = i * m + j, i * m + j2, i2 * m + j, i2 * m + j2
            F_ += [[A, B, C], [B, D_, C]]
    return v.reshape(-1, 3), nn.reshape(-1, 3), np.array(F_)


def glasses(v, p):
    q = p["gl"]
    E = [v[np.unique(F[CL == c])].mean(0) for c in (1, 2)]
    ez = (E[0][2] + E[1][2]) / 2 + 0.29
    Vs = []
    Ns = []
    Fs = []
    lens = []
    n = 0
    nas = v[LMI["nasion"]]
    zz = max(ez, nas[2] + 0.05)
    cx0 = abs(E[0][0] - E[1][0]) / 2 + 0.02
    mx = (E[0][0] + E[1][0]) / 2
    cy = (E[0][1] + E[1][1]) / 2 - 0.035
    zf = lambda X: zz - 0.22 * (X - mx) ** 2

    def put(t):
        nonlocal n
        Vs.append(t[0])
        Ns.append(t[1])
        Fs.append(t[2] + n)
        n += len(t[0])

    for s in (1, -1):
        ph = np.linspace(0, 2 * np.pi, 32, endpoint=False)
        c, sn = np.cos(ph), np.sin(ph)
        X = mx + s * cx0 + q["a"] * np.sign(c) * np.abs(c) ** (2 / q["e"])
        Y = cy + q["b"] * np.sign(sn) * np.abs(sn) ** (2 / q["e"]) * np.where(sn > 0, 1, 1.05)
        rim = np.stack([X, Y, zf(X)], 1)
        put(tube(rim, q["r"], True))
        lens.append(rim)
        o = np.array([mx + s * (cx0 + q["a"]), cy + q["b"] * 0.55, zf(mx + s * (cx0 + q["a"]))])
        ear = v[LMI["earl" if s > 0 else "earr"]]
        e1 = np.array([ear[0] + 0.0 * s, max(ear[1] + 0.03, o[1] - 0.2), ear[2] + 0.05])
        pts = [o + [0, 0, -0.0], o + [0.035 * s, 0, -0.06]] + [
            o * (1 - t) + e1 * t + np.array([0.05 * s * np.sin(np.pi * t), 0, 0])
            for t in np.linspace(0.15, 1, 8)
        ]
        put(tube(np.array(pts), max(q["r"] * 0.9, 0.012)))
    x = np.linspace(-1, 1, 9)
    hw = cx0 - q["a"]
    br = np.stack(
        [
            mx + x * hw * 1.05,
            cy + q["b"] * 0.35 + 0.05 * (1 - x**2),
            zf(mx + x * hw) + 0.03 * (1 - x**2),
        ],
        1,
    )
    put(tube(br, q["r"]))
    return (
        np.concatenate(Vs).astype(np.float32),
        np.concatenate(Ns).astype(np.float32),
        np.concatenate(Fs).astype(np.int32),
        lens,
    )


def background(S, seed):
    r = np.random.default_rng(seed)
    y, x = np.mgrid[0:S, 0:S] / S
    c = [
        np.clip(
            np.exp(r.uniform(np.log(0.012), np.log(0.55)))
            * np.exp(r.normal(0, 0.16 if r.random() < 0.65 else 0.5, 3)),
            0.005,
            0.9,
        )
        for _ in range(4)
    ]
    k = r.integers(0, 4)
    a = r.uniform(0, 2 * np.pi)
    t = np.clip((x - 0.5) * np.cos(a) + (y - 0.5) * np.sin(a) + 0.5, 0, 1)[..., None]
    im = c[0] * (1 - t) + c[1] * t
    n = cv2.resize(r.random((5, 5, 3)).astype(np.float32), (S, S), interpolation=cv2.INTER_CUBIC)
    im = im * (0.55 + 0.9 * n.mean(-1, keepdims=True) * 0.8 + 0.10 * n)
    if k >= 1:
        m = cv2.resize(
            r.random((int(r.integers(3, 9)),) * 2).astype(np.float32),
            (S, S),
            interpolation=cv2.INTER_CUBIC,
        )[..., None]
        m = np.clip((m - 0.45) * 4, 0, 1)
        im = im * (1 - m) + c[2] * m
    if k >= 2:
        for _ in range(r.integers(8, 40)):
            cx, cy, R = r.random(), r.random(), r.uniform(0.02, 0.09)
            d = np.hypot(x - cx, y - cy) / R
            im = im + (np.clip((1 - d) * 12, 0, 1) * r.uniform(0.05, 0.6))[..., None] * np.clip(
                c[3] * np.exp(r.normal(0, 0.4, 3)), 0, 1
            )
    if k == 3:
        w = r.integers(2, 6)
        st = ((x * w + r.random()) % 1 < r.uniform(0.05, 0.5))[..., None]
        im = np.where(st, im * 0.4 + c[2] * 0.5, im)
    s = S * r.uniform(0.008, 0.04)
    return cv2.GaussianBlur(im.astype(np.float32), (0, 0), s)


import cv2


def prep_id(p):
    sp = pr_shape(p)
    rng = np.random.default_rng(p["seed"])
    v = morph(sp)
    E = [v[np.unique(F[CL == c])].mean(0) for c in (1, 2)]
    m = (E[0] + E[1]) / 2
    sc = 0.616 / np.linalg.norm(E[0] - E[1])
    base = dict(sp=sp, m=m, sc=sc**0.5)
    base["tex"] = bake(p, rng)
    return base


def pose_geom(p, B):
    ex = {
        "fu/jawOpen": 0.55 * p["open"],
        "fu/mouthSmileLeft": p["smile"] * 0.62,
        "fu/mouthSmileRight": p["smile"] * 0.62,
        "fu/cheekSquintLeft": p["smile"] * 0.35,
        "fu/cheekSquintRight": p["smile"] * 0.35,
        "fu/mouthUpperUpLeft": 0.5 * p["open"] + 0.40 * p["smile"] * (p["open"] > 0.05),
        "fu/mouthUpperUpRight": 0.5 * p["open"] + 0.40 * p["smile"] * (p["open"] > 0.05),
        "fu/mouthLowerDownLeft": 0.25 * p["open"],
        "fu/mouthLowerDownRight": 0.25 * p["open"],
        "fu/mouthClose": 0.0,
    }
    if p["open"] == 0:
        ex["fu/mouthClose"] = 0.0
        ex["fu/mouthPressLeft"] = 0.15
        ex["fu/mouthPressRight"] = 0.10
    l = p["lidopen"]
    for s in ("Left", "Right"):
        ex["fu/eyeWide" + s] = max(l, 0) * 1.4
        ex["fu/eyeSquint" + s] = max(-l, 0) * 0.8 + 0.25 * p["smile"]
        ex["fu/eyeBlink" + s] = p.get("blink", 0)
    v = morph({**B["sp"], **ex})
    v = (v - B["m"]) * B["sc"] + np.array([0, 7.29, B["m"][2]])
    v[:, 2] += 1.245 - np.mean([v[np.unique(F[CL == c])].mean(0)[2] for c in (1, 2)])
    v = v.astype(np.float32)
    n = vnormals(v, FB)
    a = ao(v, FB, n, 40, 128)
    g = dict(v=v, n=n, ao=a)
    rng = np.random.default_rng(p["seed"] + 1)
    g["hair"] = make_hair(v, n, p, rng)
    g["beard"] = make_beard(v, n, p, rng)
    g["lash"] = make_lash(v, p, rng)
    g["gl"] = glasses(v, p) if p["glasses"] else None
    return g


@njit(cache=True)
def maj(lb, size, s):
    o = np.empty((size, size), np.uint8)
    for y in range(size):
        for x in range(size):
            c = np.zeros(16, np.int32)
            b = 0
            for j in range(s):
                for i in range(s):
                    c[lb[y * s + j, x * s + i]] += 1
            for k in range(16):
                if c[k] > c[b]:
                    b = k
            o[y, x] = b
    return o


@njit(cache=True, fastmath=True)
def lpn(x, LB, ext, S):
    n = x.shape[0]
    o = np.empty((n, 3), np.float32)
    for i in range(n):
        a, b, c = x[i, 0], x[i, 1], x[i, 2]
        o[i, 0] = ((LB[0, 0] * a + LB[0, 1] * b + LB[0, 2] * c) / ext * 0.5 + 0.5) * S
        o[i, 1] = (0.5 - ((LB[1, 0] * a + LB[1, 1] * b + LB[1, 2] * c) - 0.1) / ext * 0.5) * S
        o[i, 2] = LB[2, 0] * a + LB[2, 1] * b + LB[2, 2] * c
    return o


@njit(cache=True, fastmath=True)
def pjn(x, f, Dz, cx, cy, ox, oy):
    n = x.shape[0]
    o = np.empty((n, 3), np.float32)
    for i in range(n):
        k = f / (Dz - x[i, 2])
        o[i, 0] = ox + (x[i, 0] - cx) * k
        o[i, 1] = oy - (x[i, 1] - cy) * k
        o[i, 2] = x[i, 2]
    return o


@njit(cache=True, fastmath=True)
def tfn(x, R, R0, piv):
    n = x.shape[0]
    o = np.empty((n, 3), np.float32)
    for i in range(n):
        t = x[i, 1] - 5.75
        t = min(1.0, max(0.0, t))
        w = t * t * (3 - 2 * t)
        a = x[i, 0] - piv[0]
        b = x[i, 1] - piv[1]
        c = x[i, 2] - piv[2]
        for k in range(3):
            o[i, k] = (R[k, 0] * a + R[k, 1] * b + R[k, 2] * c) * w + (1 - w) * (
                R0[k, 0] * a + R0[k, 1] * b + R0[k, 2] * c
            )
    return o


def aces(x):
    return np.clip(x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14), 0, 1)


def render(p, B, g, size=128, ss_=2, post=True, tm=None):
    T = time.perf_counter
    t0 = T()
    tm = {} if tm is None else tm
    S = size * ss_
    v = g["v"]
    D = np.float32(p["dist"])
    R = rotm(p["yaw"], p["pitch"], p["roll"])
    piv = np.array([0, 6.95, 0.55])
    R0 = rotm(p["yaw"] * 0.75, p["pitch"] * 0.3, p["roll"] * 0.3)
    Rf, R0f, pf = R.astype(np.float32), R0.astype(np.float32), piv.astype(np.float32)

    def tf(x, dirv=False, y=None):
        if not dirv:
            return tfn(np.ascontiguousarray(x, np.float32), Rf, R0f, pf)
        w = ss(5.75, 6.75, x[:, 1])[:, None] if not dirv else ss(5.75, 6.75, y)[:, None]
        q = x if dirv else x - piv
        a = q @ R.T
        b = q @ R0.T
        return (a * w + b * (1 - w)).astype(np.float32)

    vc = tf(v)
    vn = tf(g["n"], True, v[:, 1])
    E = [vc[np.unique(F[CL == c])].mean(0) for c in (1, 2)]
    fc = (E[0] + E[1]) / 2 * 0.5 + (vc[LMI["ml"]] + vc[LMI["mr"]]) / 2 * 0.5
    sy = abs(np.sin(np.deg2rad(p["yaw"])))
    cx = fc[0] * (1 - 0.45 * sy)
    cy = fc[1]
    fcl = S / 2.60 * D * p["scale"] * (1 - 0.0)
    z0 = fc[2] * 0.8

    def pj(c):
        return pjn(
            np.ascontiguousarray(c, np.float32).reshape(-1, 3),
            np.float32(fcl),
            np.float32(D + z0),
            np.float32(cx),
            np.float32(cy),
            np.float32(S * (0.5 + p["dx"])),
            np.float32(S * (0.615 + p["dy"])),
        ).reshape(c.shape)

    P = pj(vc)
    zb = np.full((S, S), -1e9, np.float32)
    fid = np.full((S, S), -1, np.int32)
    bw = np.zeros((S, S, 2), np.float32)
    raster(P, FB, zb, fid, bw, True, 0)
    tm["raster"] = T() - t0
    t0 = T()
    # light
    L = ldir(p["light"]).astype(np.float32)
    wm = p["warm"]
    LC = (p["key"] * np.exp(np.array([wm, 0, -wm]))).astype(np.float32)
    rs = -np.sign(L[0]) if abs(L[0]) > 0.1 else 1.0
    RL = unit(np.array([rs * 0.8, 0.35, -0.5])).astype(np.float32)
    RC = np.full(3, p["rim"], np.float32)
    bgc = B.get("bgmean", np.array([0.5, 0.5, 0.5]))
    E3 = np.stack(
        [
            np.array([0.62, 0.68, 0.78]),
            np.array([0.42, 0.41, 0.40]) * 0.7 + bgc * 0.4,
            np.array([0.22, 0.18, 0.15]),
        ]
    ).astype(np.float32)
    LB = lightbasis(L.astype(float))
    SZ = 176
    ext = 1.75

    def lp(c):
        return lpn(
            np.ascontiguousarray(c, np.float32).reshape(-1, 3), LB, np.float32(ext), np.float32(SZ)
        ).reshape(c.shape)

    vl = lp(vc)
    szb = np.full((SZ, SZ), -1e9, np.float32)
    rdepth(vl, FB, szb)
    hs = []
    hz = szb
    if g["hair"] is not None:
        hp = g["hair"][0]
        hc = tf(hp.reshape(-1, 3)).reshape(hp.shape)
        hl = lp(hc)
        hz = szb.copy()
        splat_depth(hl.reshape(-1, 3), szb, 2)
        splat_depth(hl[:, 1::2].reshape(-1, 3), hz, 1)
    tm["shadow"] = T() - t0
    t0 = T()
    ec = np.stack([vc[np.unique(F[CL == c])].mean(0) for c in (1, 2)]).astype(np.float32)
    gy, gp = p["gaze"]
    gz = np.array([[np.sin(gy - 0.03 * s), np.sin(gp), np.cos(gy)] for s in (1, -1)])
    gz = unit(unit(gz) @ rotm(p["yaw"] * 0.75, p["pitch"] * 0.6, p["roll"]).T).astype(np.float32)
    col = np.zeros((S, S, 3), np.float32)
    lb = np.zeros((S, S), np.uint8)
    bm = np.zeros((S, S), np.uint8)
    alb, spec, rough, Hm, lab, bd = B["tex"]
    shade(
        fid,
        bw,
        FB,
        CLB,
        vn,
        vc,
        CANV,
        g["ao"],
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
        E3,
        ec,
        gz,
        np.array(IR[p["iriscol"]], np.float32),
        np.float32(p["pupil"]),
        np.float32(0.46),
        np.array([0.75], np.float32),
        D,
        np.float32(p["amb"]),
        col,
        lb,
        bd.view(np.uint8),
        bm,
    )
    tm["shade"] = T() - t0
    t0 = T()

    def strands(st, hcol, width, tip, label, gloss, zo, sz):
        q0 = T()
        pc = hc if label == 10 else tf(st[0].reshape(-1, 3)).reshape(st[0].shape)
        out = np.empty(pc.shape, np.float32)
        shade_strands(
            pc,
            hl if label == 10 else lp(pc),
            np.ascontiguousarray(st[2], np.float32),
            st[1],
            np.asarray(hcol, np.float32),
            sz,
            L,
            LC,
            RL,
            RC,
            E3,
            np.float32(p["amb"]),
            D,
            np.float32(gloss),
            np.float32(1.3),
            out,
        )
        q1 = T()
        tm["s_shade"] = tm.get("s_shade", 0) + q1 - q0
        rstrands(pj(pc), out, zb, col, lb, bm, width, tip, label, zo)

    wd = max(1, round(S / 128 * 0.5)) if S <= 256 else 2
    if g["lash"] is not None:
        strands(g["lash"], (0.008, 0.006, 0.005), 1, 1, 0, 0.1, 0.02, hz)
    if g["beard"] is not None:
        strands(g["beard"], np.array(p["browcol"]), 1, 1, 20, 0.6, 0.005, hz)
    if g["hair"] is not None:
        strands(
            g["hair"],
            p["haircol"],
            p.get("hw", 2 if p["hair"] in ("long", "wavy", "tied", "bob", "curly") else 1),
            2,
            10,
            1.0 if p["hair"] in ("long", "wavy", "tied", "bob", "curly") else 0.4,
            0.0,
            hz,
        )
    tm["strands"] = T() - t0
    t0 = T()
    lensm = np.zeros((S, S), np.float32)
    if g["gl"] is not None:
        gv, gn, gf, lens = g["gl"]
        q = p["gl"]
        # lens first
        for k, rim in enumerate(lens):
            rc = tf(rim.astype(np.float32))
            c = rc.mean(0, keepdims=True)
            lv = np.concatenate([rc, c])
            m = len(rc)
            lf = np.array([[i, (i + 1) % m, m] for i in range(m)], np.int32)
            fz = np.full((S, S), -1, np.int32)
            z2 = zb.copy()
            raster(pj(lv), lf, z2, fz, bw, False, 0)
            M = fz >= 0
            nrm = R @ np.array([0, 0, 1.0])
            rv = 2 * nrm[2] * nrm - np.array([0, 0, 1.0])
            yy, xx = np.nonzero(M)
            if len(yy):
                u = (xx - xx.min()) / (np.ptp(xx) + 1)
                w = (yy - yy.min()) / (np.ptp(yy) + 1)
                stk = (
                    np.exp(-(((u + 0.6 * w - 0.55 - 0.3 * rv[0]) / 0.10) ** 2)) * 0.5
                    + np.exp(-(((u + 0.6 * w - 0.85 - 0.3 * rv[0]) / 0.03) ** 2)) * 0.25
                    + (1 - w) * 0.25
                )
                col[M] = col[M] * (1 - q["tint"]) * np.where(
                    q["tint"] > 0.2, np.array([0.8, 0.85, 0.8]), 1
                ) + (stk * (0.035 + 0.05 * q["tint"]) * p["key"] * 0.9)[:, None] * np.array(
                    [0.8, 0.95, 1.15]
                )
                lensm[M] = 1
        gc = tf(gv)
        gnn = (gn @ R.T).astype(np.float32)
        fz = np.full((S, S), -1, np.int32)
        b2 = np.zeros((S, S, 2), np.float32)
        raster(pj(gc), gf, zb, fz, b2, False, 0)
        M = fz >= 0
        w = np.stack([1 - b2[M].sum(-1), b2[M][:, 0], b2[M][:, 1]], -1)[..., None]
        nn = unit((gnn[gf[fz[M]]] * w).sum(1))
        nn *= np.sign(nn[:, 2:3] + 1e-6)
        h = unit(L + np.array([0, 0, 1.0]))
        nl = np.clip(nn @ L, 0, 1)[:, None]
        sp = (np.clip(nn @ h, 0, 1) ** 70)[:, None]
        col[M] = (
            np.asarray(q["c"]) * (nl * LC + p["amb"] * 0.6)
            + sp * LC * 0.5
            + 0.05 * np.clip(nn[:, 1:2], 0, 1)
        )
        lb[M] = 11
        lensm[M] = 1
    tm["glasses"] = T() - t0
    t0 = T()
    bg = B.get("bg")
    if bg is None or bg.shape[0] != S:
        bg = background(S, p["bgseed"])
        B["bg"] = bg
    r = np.random.default_rng(p["post"])
    lum = facelum(col, lb)
    tgt = 0.24 * (tone(p["tone"]) @ np.array([0.3, 0.59, 0.11]) / 0.35) ** 0.55
    e = (tgt / max(lum, 1e-3)) ** 0.85 * (np.exp(r.normal(0, 0.13)) if post else 1.0)
    B["e"] = e
    if p.get("lock_e"):
        e = p["lock_e"]
    wb = np.exp(r.normal(0, 0.05, 3)) if post else np.ones(3)
    x = np.empty((size, size, 3), np.float32)
    lo = np.empty((size, size), np.uint8)
    develop(
        col,
        bg,
        lb,
        (e * wb).astype(np.float32),
        (wb * np.clip(e, 0.6, 1.15)).astype(np.float32),
        ss_,
        x,
        lo,
    )
    tm["develop"] = T() - t0
    t0 = T()
    if post:
        x = cv2.GaussianBlur(x, (0, 0), r.uniform(0.25, 0.6) * (size / 128) ** 0.5)
        x = x + cv2.GaussianBlur(
            r.standard_normal(x.shape, dtype=np.float32), (0, 0), 0.6
        ) * r.uniform(0.003, 0.015) * (1.2 - x.mean(-1, keepdims=True))
        b = cv2.imencode(
            ".jpg",
            (np.clip(x, 0, 1) * 255)[..., ::-1].astype(np.uint8),
            [1, int(r.integers(84, 97))],
        )[1]
        im = cv2.imdecode(b, 1)[..., ::-1]
    else:
        im = (np.clip(x, 0, 1) * 255).astype(np.uint8)
    # labels: majority over the 2x2 block
    tm["sensor"] = T() - t0
    lm = {k: P[i, :2] / ss_ for k, i in LMI.items()}
    le = pj(ec) / ss_
    lm["el"] = le[0, :2]
    lm["er"] = le[1, :2]
    visb = {
        k: bool(
            P[i, 2] > zb[int(np.clip(P[i, 1], 0, S - 1)), int(np.clip(P[i, 0], 0, S - 1))] - 0.06
        )
        for k, i in LMI.items()
    }
    return im, lo, lm, visb


PAL = np.array(
    [
        [0, 0, 0],
        [255, 200, 160],
        [80, 0, 255],
        [80, 180, 255],
        [0, 0, 255],
        [0, 255, 255],
        [0, 200, 80],
        [255, 0, 80],
        [255, 255, 0],
        [200, 0, 160],
        [90, 50, 0],
        [255, 128, 0],
        [160, 120, 100],
        [60, 90, 60],
    ],
    np.uint8,
)


def sheet(ims, cols, pad=2):
    h, w = ims[0].shape[:2]
    rows = (len(ims) + cols - 1) // cols
    o = np.full((rows * (h + pad), cols * (w + pad), 3), 30, np.uint8)
    for i, m in enumerate(ims):
        o[
            (i // cols) * (h + pad) : (i // cols) * (h + pad) + h,
            (i % cols) * (w + pad) : (i % cols) * (w + pad) + w,
        ] = m
    return o

# ruff: noqa
import numpy as np
from numba import njit
from pathlib import Path

A_ = Path(__file__).parent.parent / "assets"
with np.load(A_ / "mesh.npz", allow_pickle=False) as z:
    d = {k: z[k] for k in z.files}
V0 = d["vertices"]
VT = d["uv"]
F = d["faces"].astype(np.int32)
FT = d["face_uvs"].astype(np.int32)
G = d["face_group"].astype(np.int64)
N = [str(x) for x in d["group_names"]]
off = d["target_offsets"]
TI = d["target_vertices"].astype(np.int32)
TX = d["target_deltas"].astype(np.float32) / np.float32(1000)
TG = {
    str(n): (TI[off[i] : off[i + 1]], TX[off[i] : off[i + 1]])
    for i, n in enumerate(d["target_names"])
}
gi = lambda n: N.index(n)
CL = np.zeros(len(F), np.int32)
for k, (c, n) in enumerate(
    [
        (1, "helper-l-eye"),
        (2, "helper-r-eye"),
        (3, "helper-upper-teeth"),
        (4, "helper-lower-teeth"),
        (5, "helper-tongue"),
    ]
):
    CL[G == gi(n)] = c
for n in N:
    if "eyelash" in n:
        CL[G == gi(n)] = 6
LASH = CL == 6
FB = np.ascontiguousarray(F[~LASH])
FTB = np.ascontiguousarray(FT[~LASH])
CLB = np.ascontiguousarray(CL[~LASH])


def morph(spec, V=None):
    v = (V0 if V is None else V).copy()
    for n, w in spec.items():
        if n in TG and w != 0:
            I, X = TG[n]
            v[I] += np.float32(w) * X
    return v


@njit(cache=True, fastmath=True)
def vnormals(v, F):
    n = np.zeros_like(v)
    for f in range(F.shape[0]):
        a, b, c = F[f, 0], F[f, 1], F[f, 2]
        ux = v[b, 0] - v[a, 0]
        uy = v[b, 1] - v[a, 1]
        uz = v[b, 2] - v[a, 2]
        wx = v[c, 0] - v[a, 0]
        wy = v[c, 1] - v[a, 1]
        wz = v[c, 2] - v[a, 2]
        nx = uy * wz - uz * wy
        ny = uz * wx - ux * wz
        nz = ux * wy - uy * wx
        for k in (a, b, c):
            n[k, 0] += nx
            n[k, 1] += ny
            n[k, 2] += nz
    for i in range(n.shape[0]):
        l = np.sqrt(n[i, 0] ** 2 + n[i, 1] ** 2 + n[i, 2] ** 2) + 1e-12
        n[i, 0] /= l
        n[i, 1] /= l
        n[i, 2] /= l
    return n


@njit(cache=True, fastmath=True)
def raster(P, F, zb, fid, bw, cull, fbase):
    H, W = zb.shape
    for f in range(F.shape[0]):
        i0, i1, i2 = F[f, 0], F[f, 1], F[f, 2]
        x0 = P[i0, 0]
        y0 = P[i0, 1]
        z0 = P[i0, 2]
        x1 = P[i1, 0]
        y1 = P[i1, 1]
        z1 = P[i1, 2]
        x2 = P[i2, 0]
        y2 = P[i2, 1]
        z2 = P[i2, 2]
        d = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if cull and d >= 0:
            continue  # y down: front faces have d<0
        if abs(d) < 1e-9:
            continue
        xa = max(0, int(np.ceil(min(x0, min(x1, x2)) - 0.5)))
        xb = min(W - 1, int(np.floor(max(x0, max(x1, x2)) - 0.5)))
        ya = max(0, int(np.ceil(min(y0, min(y1, y2)) - 0.5)))
        yb = min(H - 1, int(np.floor(max(y0, max(y1, y2)) - 0.5)))
        if xa > xb or ya > yb:
            continue
        inv = 1.0 / d
        for y in range(ya, yb + 1):
            py = y + 0.5 - y0
            for x in range(xa, xb + 1):
                px = x + 0.5 - x0
                w1 = (px * (y2 - y0) - (x2 - x0) * py) * inv
                w2 = ((x1 - x0) * py - px * (y1 - y0)) * inv
                w0 = 1 - w1 - w2
                if w0 < -1e-5 or w1 < -1e-5 or w2 < -1e-5:
                    continue
                z = w0 * z0 + w1 * z1 + w2 * z2
                if z > zb[y, x]:
                    zb[y, x] = z
                    fid[y, x] = f + fbase
                    bw[y, x, 0] = w1
                    bw[y, x, 1] = w2


@njit(cache=True, fastmath=True)
def rdepth(P, F, zb):
    H, W = zb.shape
    for f in range(F.shape[0]):
        i0, i1, i2 = F[f, 0], F[f, 1], F[f, 2]
        x0 = P[i0, 0]
        y0 = P[i0, 1]
        z0 = P[i0, 2]
        x1 = P[i1, 0]
        y1 = P[i1, 1]
        z1 = P[i1, 2]
        x2 = P[i2, 0]
        y2 = P[i2, 1]
        z2 = P[i2, 2]
        d = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(d) < 1e-9:
            continue
        xa = max(0, int(np.ceil(min(x0, min(x1, x2)) - 0.5)))
        xb = min(W - 1, int(np.floor(max(x0, max(x1, x2)) - 0.5)))
        ya = max(0, int(np.ceil(min(y0, min(y1, y2)) - 0.5)))
        yb = min(H - 1, int(np.floor(max(y0, max(y1, y2)) - 0.5)))
        if xa > xb or ya > yb:
            continue
        inv = 1.0 / d
        for y in range(ya, yb + 1):
            py = y + 0.5 - y0
            for x in range(xa, xb + 1):
                px = x + 0.5 - x0
                w1 = (px * (y2 - y0) - (x2 - x0) * py) * inv
                w2 = ((x1 - x0) * py - px * (y1 - y0)) * inv
                w0 = 1 - w1 - w2
                if w0 < 0 or w1 < 0 or w2 < 0:
                    continue
                z = w0 * z0 + w1 * z1 + w2 * z2
                if z > zb[y, x]:
                    zb[y, x] = z


def lightbasis(L):
    L = L / np.linalg.norm(L)
    u = np.cross([0, 1, 0], L)
    if np.linalg.norm(u) < 1e-3:
        u = np.array([1, 0, 0])
    u = u / np.linalg.norm(u)
    w = np.cross(L, u)
    return np.stack([u, w, L]).astype(np.float32)


def depthmap(v, F, L, c, ext, S):
    B = lightbasis(np.asarray(L, float))
    p = (v - c) @ B.T
    P = np.empty((len(v), 3), np.float32)
    P[:, 0] = (p[:, 0] / ext * 0.5 + 0.5) * S
    P[:, 1] = (0.5 - p[:, 1] / ext * 0.5) * S
    P[:, 2] = p[:, 2]
    zb = np.full((S, S), -1e9, np.float32)
    rdepth(P, F, zb)
    return zb, P


@njit(cache=True, fastmath=True)
def vis(P, zb, bias, out, wt):
    S = zb.shape[0]
    for i in range(P.shape[0]):
        x = int(P[i, 0])
        y = int(P[i, 1])
        if x < 0 or y < 0 or x >= S or y >= S:
            out[i] += wt[i]
            continue
        if P[i, 2] > zb[y, x] - bias:
            out[i] += wt[i]


def ao(v, F, n, k=64, S=160):
    # visibility weighted by cosine over k fibonacci directions
    i = np.arange(k) + 0.5
    ph = np.arccos(1 - 2 * i / k)
    th = np.pi * (1 + 5**0.5) * i
    D = np.stack([np.cos(th) * np.sin(ph), np.cos(ph), np.sin(th) * np.sin(ph)], 1).astype(
        np.float32
    )
    c = np.array([0, 7.1, 0.5], np.float32)
    a = np.zeros(len(v), np.float32)
    tot = np.zeros(len(v), np.float32)
    for L in D:
        wt = np.maximum(n @ L, 0).astype(np.float32)
        tot += wt
        zb, P = depthmap(v, F, L, c, 3.2, S)
        P = P + 0
        vis(P, zb, 0.03, a, wt)
    return a / np.maximum(tot, 1e-6)

"""The table of docs/exports.md: every full-size model in every format and precision.

    python -m zoo.testing.exports [MODEL ...]

Each model is created with random weights in a process of its own, exported, compared with Keras and
timed beside the rate of matrix products of the same minutes. The figures are kept in
docs/exports.json: a run with names measures these models anew and draws the table of all.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from zoo.errors import ZooError, did_you_mean
from zoo.files import atomic_path

CASES: dict[str, tuple[str, dict]] = {
    "context_encoder": ("context_encoder", {}),
    "context_encoder_features": ("context_encoder_features", {}),
    "gfc": ("gfc", {}),
    "parsing_network": ("parsing_network", {}),
    "sc_fegan": ("sc_fegan", {}),
    "sc_fegan lite": ("sc_fegan", {"width": 0.25}),
    "stgan": ("stgan", {}),
    "stgan lite": ("stgan", {"width": 0.5}),
    "attgan": ("attgan", {}),
    "attribute_classifier": ("attribute_classifier", {}),
    "tp_gan": ("tp_gan", {}),
    "light_cnn": ("light_cnn", {}),
}
"""Row of the table -> model and arguments."""

FILES = (
    ("onnxruntime", "float32"),  # first: the memory that is free afterwards would hide its need
    ("savedmodel", "float32"),
    ("onnxruntime", "float16"),
    ("onnxruntime", "int8"),
    ("litert", "float32"),
    ("litert", "float16"),
    ("litert", "int8"),
)
"""Runtime and precision; the file is its format."""

RANDOM, FACES = {("onnxruntime", "float32"): 20}, 5
"""Random images that a file is compared on, besides the faces."""

LONG = 50
"""GFLOP of an image from which a model is timed fewer times."""

DOCS = Path(__file__).resolve().parents[2] / "docs"
BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"
MINUTES = 40
"""After which a model is given up."""


def measure(case: str, repeats: int | None = None) -> dict:
    """Exports one model in every way and measures what came out.

    Args:
        case: a name from `CASES`.
        repeats: timed runs of each file, of which the best counts; None for 9, or 3 above
            `LONG` GFLOP.

    Returns:
        Facts of the run, and `files`: for each of `FILES` what `zoo.bench.Files` says of the
        export, `max_abs_diff`, `jumps`, `psnr`, `seconds` and `share`; or `skipped`, the reason.
    """
    import tensorflow as tf

    from zoo import bench, export
    from zoo.export.inference import inference_function, input_specs
    from zoo.export.parity import cores, random_batch
    from zoo.registry import create

    name, arguments = CASES[case]
    model = create(name, **arguments)
    size = model.default_size
    shapes = {key: tuple(spec.shape) for key, spec in input_specs(model, size).items()}
    batch = random_batch(shapes, 1, size, np.random.default_rng(0))
    specs = {key: tf.TensorSpec(value.shape, value.dtype) for key, value in batch.items()}
    keras = tf.function(inference_function(model), autograph=False).get_concrete_function(**specs)
    tensors = {key: tf.constant(value) for key, value in batch.items()}
    gflop = bench.flops(keras) / 1e9
    runs = {"keras": lambda: keras(**tensors)[model.output_key].numpy()}
    rows = {}
    with tempfile.TemporaryDirectory() as directory:
        files = bench.Files(model, size, Path(directory))
        for runtime, precision in FILES:
            key = f"{runtime} {precision}"
            try:
                rows[key], runs[key] = files.open(runtime, batch, precision)
            except ZooError as error:
                rows[key] = {"skipped": str(error)}
                continue
            random = RANDOM.get((runtime, precision), 0)
            path = files.path(runtime, precision)
            parity = export.verify(model, path, samples=random, faces=FACES)
            rows[key] |= {"max_abs_diff": parity.max_abs_diff, "ok": parity.ok}
            if parity.jumps:
                rows[key]["jumps"] = parity.jumps
            if np.isfinite(parity.psnr):
                rows[key]["psnr"] = parity.psnr
        repeats = repeats or (3 if gflop > LONG else 9)
        seconds = bench.best_seconds({"sgemm": bench.sgemm(), **runs}, repeats)
    rate = 2 * bench.SGEMM_SIDE**3 / 1e9 / seconds.pop("sgemm")
    for key, s in seconds.items():
        rows.setdefault(key, {}).update(seconds=s, share=gflop / s / rate)
    weights = sum(int(np.prod(v.shape)) * 4 for v in model.inference_variables())
    facts = {"size": size, "cores": cores(), "gflop": gflop, "sgemm_gflops": rate}
    return {**facts, "weights": weights, "files": rows}


def table(figures: dict[str, dict]) -> str:
    """The table in Markdown, one line for each file."""
    lines = [
        "| model | file | precision | MB | largest difference | PSNR, dB | ms | share of sgemm "
        "| export memory, GB |",
        "|---|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for case in CASES:
        if case not in figures:
            continue
        run = figures[case]
        lines.append(
            f"| {case}, {run['size']} px | Keras | float32 | {run['weights'] / 1e6:.0f} | | "
            + _speed(run["files"]["keras"])
            + " |"
        )
        for runtime, precision in FILES:
            row = run["files"][f"{runtime} {precision}"]
            kind = {"savedmodel": "SavedModel", "onnxruntime": "ONNX", "litert": "LiteRT"}[runtime]
            start = f"| | {kind} | {precision} | "
            if "skipped" in row:
                reason = "too large for a phone" if "phone" in row["skipped"] else row["skipped"]
                lines.append(f"{start}- | {reason} | | | | |")
                continue
            psnr = f"{row['psnr']:.1f}" if precision != "float32" and "psnr" in row else ""
            memory = row["export_memory"]
            jumps = f", {row['jumps']:.2%} jump" if "jumps" in row else ""
            lines.append(
                f"{start}{row['bytes'] / 1e6:.0f} | {row['max_abs_diff']:.1e}{jumps} | {psnr} | "
                + f"{row['seconds'] * 1e3:.4g} | {row['share']:.0%} | "
                + ("" if memory is None else f"{memory / 1e9:.2f}")
                + " |"
            )
    return "\n".join(lines) + "\n"


def _speed(row: dict) -> str:
    return f" | {row['seconds'] * 1e3:.4g} | {row['share']:.0%} |"


def main(arguments: list[str]) -> int:
    """Measures models and draws the table; exit code 1 if a file differs from Keras."""
    if arguments[:1] == ["--measure"]:  # in a process of its own
        print(json.dumps(measure(arguments[1])))
        return 0
    for name in arguments:
        if name not in CASES:
            legal = ", ".join(CASES)
            raise SystemExit(f"no model {name!r}; legal are {legal}.{did_you_mean(name, CASES)}")
    stored = DOCS / "exports.json"
    for name in arguments or CASES:
        command = [sys.executable, "-m", "zoo.testing.exports", "--measure", name]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=60 * MINUTES)
        figures = json.loads(stored.read_text()) if stored.exists() else {}
        figures[name] = json.loads(done.stdout.splitlines()[-1])
        with atomic_path(stored) as temporary:
            temporary.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        print(name, flush=True)
    figures = json.loads(stored.read_text())
    page = DOCS / "exports.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    with atomic_path(page) as temporary:
        after = rest.partition(END)[2]
        temporary.write_text(before + BEGIN + table(figures) + END + after, encoding="utf-8")
    rows = [row for run in figures.values() for row in run["files"].values()]
    return 0 if all(row.get("ok", True) for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

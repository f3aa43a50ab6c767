"""The command line as a user meets it: exit code 0 or 2, one line, nothing half-written."""

import struct
import sys
import zlib

import cv2
import numpy as np
import pytest

from zoo import cli, registry
from zoo.data import images

HEIGHT, WIDTH = 157, 203


def run(monkeypatch, capsys, *arguments):
    """Exit code, standard output and standard error of `zoo ARGUMENTS`."""
    monkeypatch.setattr(sys, "argv", ["zoo", *map(str, arguments)])
    try:
        cli.main()
        code = 0
    except SystemExit as stop:
        code = stop.code or 0
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def photo(tmp_path):
    """A photo, a mask and hints of one odd size, in a folder `in`; results go to `out`."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[60:100, 70:130] = 255
    lines = np.full((HEIGHT, WIDTH), 255, np.uint8)
    lines[80, 80:120] = 0
    color = np.zeros_like(pixels)
    color[70:75, 80:120] = (200, 60, 70)
    folder = tmp_path / "in"
    for name, picture in (("a", pixels), ("mask", mask), ("lines", lines), ("color", color)):
        images.write_image(folder / f"{name}.png", picture)
    (tmp_path / "out").mkdir()
    return folder


def command(preset, photo, **changes):
    options = {
        "--image": photo / "a.png",
        "--mask": photo / "mask.png",
        "-o": photo.parent / "out" / "r.png",
    }
    options |= {k.replace("_", "-"): v for k, v in changes.items()}
    flat = [part for key, value in options.items() if value is not None for part in (key, value)]
    return ["run", preset, *flat]


def test_run_edits_the_hole_only(monkeypatch, capsys, preset, photo):
    hints = {"--sketch": photo / "lines.png", "--color": photo / "color.png"}
    code, out, _ = run(monkeypatch, capsys, *command(preset, photo, **hints))
    assert code == 0 and out.strip().endswith("r.png")
    before = images.read_image(photo / "a.png")
    after = images.read_image(photo.parent / "out" / "r.png")
    hole = images.read_mask(photo / "mask.png", (HEIGHT, WIDTH))[..., 0] > 0
    np.testing.assert_array_equal(after[~hole], before[~hole])
    assert np.abs(after[hole].astype(int) - before[hole]).mean() > 5


def test_run_keeps_alpha_and_takes_box_and_native_size(monkeypatch, capsys, preset, photo):
    rgba = np.dstack([images.read_image(photo / "a.png"), np.full((HEIGHT, WIDTH), 90, np.uint8)])
    images.write_image(photo / "rgba.png", rgba)
    options = {"--image": photo / "rgba.png", "--size": "native", "--box": "50,40,100,90"}
    code, _, _ = run(monkeypatch, capsys, *command(preset, photo, **options))
    assert code == 0
    after = images.read_image(photo.parent / "out" / "r.png", keep_alpha=True)
    hole = images.read_mask(photo / "mask.png", (HEIGHT, WIDTH))[..., 0] > 0
    np.testing.assert_array_equal(after[~hole], rgba[~hole])
    assert (after[hole][:, 3] == 255).all()


def bomb(path):
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def small(path, shape=(20, 30), value=255):
    images.write_image(path, np.full(shape, value, np.uint8))


def colored(path):
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    picture[60:90, 60:90, 0] = 255
    images.write_image(path, picture)


def torn(path):
    data = cv2.imencode(".jpg", np.zeros((HEIGHT, WIDTH, 3), np.uint8))[1].tobytes()
    path.write_bytes(data[: len(data) // 2])


@pytest.mark.parametrize(
    "option, make, message",
    [
        ("--mask", None, "--mask is missing"),
        ("--mask", small, "is 20 x 30"),
        ("--mask", colored, "3 channels that differ"),
        ("--mask", lambda p: small(p, (HEIGHT, WIDTH), 0), "hole"),
        ("--image", torn, "damaged"),
        ("--image", bomb, "30000 x 30000 pixels"),
        ("--sketch", small, "is 20 x 30"),
        ("--color", lambda p: p.mkdir(), "is a directory"),
    ],
)
def test_bad_pictures(monkeypatch, capsys, preset, photo, option, make, message):
    path = None
    if make is not None:
        path = photo / ("bad.jpg" if make is torn else "bad.png")
        make(path)
    refused(monkeypatch, capsys, photo, command(preset, photo, **{option: path}), message)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"-o": "r.gif"}, "unknown suffix '.gif'"),
        ({"--box": "1,2,3"}, "--box is '1,2,3'"),
        ({"--box": "0,0,500,500"}, "does not lie in the picture"),
        ({"--size": "huge"}, "size is 'huge'"),
    ],
)
def test_bad_options(monkeypatch, capsys, preset, photo, options, message):
    refused(monkeypatch, capsys, photo, command(preset, photo, **options), message)


def refused(monkeypatch, capsys, photo, arguments, message):
    code, _, err = run(monkeypatch, capsys, *arguments)
    assert code == 2
    assert err.startswith("error: ") and err.count("\n") == 1 and message in err
    assert not list((photo.parent / "out").iterdir())


def test_other_refusals(monkeypatch, capsys, preset, photo, tmp_path):
    for arguments, message in (
        (command("sc_fegan_celebahq_51", photo), "Did you mean 'sc_fegan_celebahq_512'?"),
        (command("sc_fegan_celebahq_512", photo), "CC BY-NC 4.0"),
        (["train", "sc_fegan/smoke", "--run", tmp_path / "out" / "r", "--set", "training.step=1"],
         "unknown key training.step (--set)"),
        (["train", "sc_fegan/smok", "--run", tmp_path / "out" / "r"], "Did you mean"),
        (["convert", "sc_fegan", tmp_path / "no.ckpt", "-o", tmp_path / "out" / "p"], "no.ckpt"),
        (["export", preset, "--format", "onx", "-o", tmp_path / "out" / "m.onnx"], "'onnx'?"),
        (["show", "sc_fegann"], "Did you mean 'sc_fegan'"),
    ):  # fmt: skip
        refused(monkeypatch, capsys, photo, arguments, message)
    assert run(monkeypatch, capsys, "run")[0] == 2  # a usage error


def test_broken_weights_are_refused(monkeypatch, capsys, preset, photo, tmp_path):
    import shutil

    broken = tmp_path / "broken"
    shutil.copytree(preset, broken)
    path = broken / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    refused(monkeypatch, capsys, photo, command(broken, photo), "has SHA-256")
    path.write_bytes(data[:100])
    refused(monkeypatch, capsys, photo, command(broken, photo), "has SHA-256")


def test_a_bug_is_not_hidden(monkeypatch, capsys):
    def fail():
        raise RuntimeError("a bug")

    monkeypatch.setattr(registry, "list_models", fail)
    with pytest.raises(RuntimeError, match="a bug"):
        run(monkeypatch, capsys, "list")


def test_list_show_doctor_export(monkeypatch, capsys, preset, tmp_path):
    code, out, _ = run(monkeypatch, capsys, "list")
    assert code == 0 and "sc_fegan/smoke" in out and "sc_fegan_celebahq_512" in out
    code, out, _ = run(monkeypatch, capsys, "show", "sc_fegan/smoke", "--set", "training.seed=9")
    lines = {line.split()[0]: line.split() for line in out.splitlines()}
    assert lines["training.seed"][1:] == ["9", "--set"]
    assert lines["training.steps"][1:] == ["6", "smoke.yaml"]
    assert lines["hints.noise"][2] == "sc_fegan_synthfaces-512_8.yaml"
    assert lines["data.seed"][1:] == ["0", "default"]
    code, out, _ = run(monkeypatch, capsys, "show", preset)
    assert code == 0 and '"model": "sc_fegan"' in out
    code, out, _ = run(monkeypatch, capsys, "doctor")
    assert code == 0 and "tensorflow" in out
    arguments = ["export", preset, "--format", "onnx", "--verify", "-o", tmp_path / "m.onnx"]
    code, out, _ = run(monkeypatch, capsys, *arguments)
    assert code == 0 and "largest difference" in out and (tmp_path / "m.onnx").is_file()

"""The command line as a user meets it: exit code 0 or 2, one line, nothing half-written."""

import json
import shutil
import struct
import subprocess
import sys
import zlib

import cv2
import numpy as np
import pytest

import zoo
from zoo import cli, registry
from zoo.attributes import EDITED_ATTRIBUTES
from zoo.blending import poisson
from zoo.data import images
from zoo.presets import read_config
from zoo.testing.suite import small_model

HEIGHT, WIDTH = 157, 203


@pytest.fixture
def run(monkeypatch, capsys):
    """Exit code, standard output and standard error of `zoo ARGUMENTS`."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["zoo", *map(str, arguments)])
        capsys.readouterr()
        try:
            cli.main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def refused(run, tmp_path):
    """Runs a command that must be refused: exit code 2, one line, nothing written."""

    def refused(arguments, *parts):
        out = tmp_path / "out"
        out.mkdir(exist_ok=True)
        code, printed, err = run(*arguments)
        assert (code, printed) == (2, ""), err
        assert err.startswith("error: ") and err.endswith("\n") and err.count("\n") == 1
        for part in parts:
            assert part in err
        assert not list(out.iterdir())

    return refused


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
    return folder


def command(preset, photo, **changes):
    """`zoo run`; a change to None leaves an option out."""
    options = {
        "--image": photo / "a.png",
        "--mask": photo / "mask.png",
        "-o": photo.parent / "out" / "r.png",
        **changes,
    }
    flat = [part for key, value in options.items() if value is not None for part in (key, value)]
    return ["run", preset, *flat]


def hole_of(photo, shape=(HEIGHT, WIDTH)):
    return images.read_mask(photo / "mask.png", shape)[..., 0] > 0


# zoo run, good input.


def test_run_is_complete_on_files(run, preset, photo):
    out = photo.parent / "out" / "new" / "r.png"
    hints = {"--sketch": photo / "lines.png", "--color": photo / "color.png", "--seed": 3}
    code, printed, err = run(*command(preset, photo, **hints, **{"-o": out}))
    assert (code, printed, err) == (0, f"{out}\n", "")
    before, after = images.read_image(photo / "a.png"), images.read_image(out)
    hole = hole_of(photo)
    np.testing.assert_array_equal(after[~hole], before[~hole])
    lines = images.read_sketch(photo / "lines.png", hole.shape)
    color = images.read_color(photo / "color.png", hole.shape)
    assert lines.sum() == 40 and (color.any(axis=-1)).sum() == 200
    expected = zoo.load(preset).complete(before, hole, sketch=lines, color=color, seed=3)
    np.testing.assert_array_equal(after, expected)
    assert [p.name for p in out.parent.iterdir()] == ["r.png"]


@pytest.mark.parametrize(
    "options, arguments",
    [
        ({"--size": "native"}, {"size": "native"}),
        ({"--size": "48"}, {"size": 48}),
        ({"--box": "50,40,100,90"}, {"box": (50, 40, 100, 90)}),
        ({"--box": " 50, 40,100 ,90", "--size": "32"}, {"box": (50, 40, 100, 90), "size": 32}),
    ],
)
def test_run_size_and_box(run, preset, photo, options, arguments):
    assert run(*command(preset, photo, **options))[0] == 0
    after = images.read_image(photo.parent / "out" / "r.png")
    before = images.read_image(photo / "a.png")
    model = zoo.load(preset)
    expected = model.complete(before, hole_of(photo), **arguments)
    np.testing.assert_array_equal(after, expected)
    assert (expected != model.complete(before, hole_of(photo))).any(), "the option has an effect"


def test_run_hides_the_seam(run, preset, photo):
    """--blend is the Poisson refinement of what comes out without it."""
    out = photo.parent / "out" / "r.png"
    assert run(*command(preset, photo))[0] == 0
    plain = images.read_image(out)
    assert run(*command(preset, photo), "--blend")[0] == 0
    picture, mask = (images.read_image(photo / f"{n}.png") for n in ("a", "mask"))
    expected = poisson(picture, plain, mask[..., 0])
    np.testing.assert_array_equal(images.read_image(out), expected)
    assert (expected != plain).any()


def test_run_reads_and_writes_jpeg(run, preset, photo):
    images.write_image(photo / "a.jpg", images.read_image(photo / "a.png"), quality=90)
    options = {"--image": photo / "a.jpg", "-o": photo.parent / "out" / "r.JPG"}
    assert run(*command(preset, photo, **options))[0] == 0
    data = (photo.parent / "out" / "r.JPG").read_bytes()
    assert data.startswith(b"\xff\xd8\xff")
    assert images.read_image(photo.parent / "out" / "r.JPG").shape == (HEIGHT, WIDTH, 3)


def test_run_keeps_alpha(run, preset, photo):
    rng = np.random.default_rng(1)
    alpha = rng.integers(0, 255, (HEIGHT, WIDTH), dtype=np.uint8)
    rgba = np.dstack([images.read_image(photo / "a.png"), alpha])
    images.write_image(photo / "rgba.png", rgba)
    assert run(*command(preset, photo, **{"--image": photo / "rgba.png"}))[0] == 0
    after = images.read_image(photo.parent / "out" / "r.png", keep_alpha=True)
    hole = hole_of(photo)
    np.testing.assert_array_equal(after[~hole], rgba[~hole])
    expected = zoo.load(preset).complete(images.over_white(rgba), hole)
    np.testing.assert_array_equal(after[hole][:, :3], expected[hole])
    assert (after[hole][:, 3] == 255).all()


def test_run_turns_a_photo_upright(run, preset, photo):
    """EXIF orientation 6: stored on its side; the mask belongs to the upright picture."""
    upright = images.read_image(photo / "a.png")
    stored = np.rot90(upright)  # turned back by 90 degrees clockwise
    tiff = b"II*\x00\x08\x00\x00\x00\x01\x00" + struct.pack("<HHIHHI", 0x0112, 3, 1, 6, 0, 0)
    images.write_image(photo / "turned.png", np.ascontiguousarray(stored))
    data = (photo / "turned.png").read_bytes()
    at = data.index(b"IDAT") - 4
    (photo / "turned.png").write_bytes(data[:at] + png_chunk(b"eXIf", tiff) + data[at:])
    assert run(*command(preset, photo, **{"--image": photo / "turned.png"}))[0] == 0
    after = images.read_image(photo.parent / "out" / "r.png")
    np.testing.assert_array_equal(after, zoo.load(preset).complete(upright, hole_of(photo)))


# zoo run, bad input.


def png_chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def bomb(path):
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(99))), (b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks))


def small(path):
    images.write_image(path, np.full((20, 30), 255, np.uint8))


def black(path):
    images.write_image(path, np.zeros((HEIGHT, WIDTH), np.uint8))


def colored(path):
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    picture[60:90, 60:90, 0] = 255
    images.write_image(path, picture)


def torn(path):
    data = cv2.imencode(".jpg", np.zeros((HEIGHT, WIDTH, 3), np.uint8))[1].tobytes()
    path.write_bytes(data[: len(data) // 2])


def spoiled(path):
    data = bytearray(cv2.imencode(".png", np.zeros((HEIGHT, WIDTH, 3), np.uint8))[1].tobytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    "option, make, message",
    [
        ("--mask", None, "--mask is missing: a picture as large as the image, white = hole"),
        ("--mask", small, "is 20 x 30 (height x width), but the image is 157 x 203"),
        ("--mask", colored, "3 channels that differ"),
        ("--mask", black, "has no hole"),
        ("--mask", torn, "damaged: it ends too early"),
        ("--image", torn, "damaged: it ends too early"),
        ("--image", spoiled, "damaged: wrong check sum"),
        ("--image", bomb, "is 30000 x 30000 pixels"),
        ("--image", small, "mask.png is 157 x 203 (height x width), but the image is 20 x 30"),
        ("--image", lambda path: path.write_bytes(b"GIF89a" + bytes(50)), "legal format"),
        ("--image", lambda path: path.write_bytes(b""), "is empty"),
        ("--image", lambda path: None, "does not exist"),
        ("--sketch", small, "is 20 x 30"),
        ("--sketch", lambda path: None, "does not exist"),
        ("--color", small, "is 20 x 30"),
        ("--color", lambda path: path.mkdir(), "is a directory"),
    ],
)
def test_bad_pictures(refused, preset, photo, option, make, message):
    path = None
    if make is not None:
        path = photo / "bad.png"
        make(path)
    refused(command(preset, photo, **{option: path}), message)


@pytest.mark.parametrize(
    "option, value, message",
    [
        ("-o", "out/r.gif", "unknown suffix '.gif'"),
        ("-o", "out/r", "unknown suffix ''"),
        ("-o", "in/a.png/r.png", "Cannot write in/a.png/r.png"),
        ("--box", "1,2,3", "--box is '1,2,3'; legal are left,top,width,height, whole numbers"),
        ("--box", "a,b,c,d", "--box is 'a,b,c,d'"),
        ("--box", "²,0,203,157", "--box is '²,0,203,157'"),
        ("--box", "1.5,0,203,157", "--box is '1.5,0,203,157'"),
        ("--box", "", "--box is ''"),
        ("--box", "0,0,500,500", "does not lie in the picture of 203 x 157 pixels"),
        ("--box", "-1,0,203,157", "does not lie in"),
        ("--box", "0,0,80,80", "the hole reaches beyond the box"),
        ("--size", "huge", "--size is 'huge'; legal are native, or pixels, whole numbers"),
        ("--size", "²", "--size is '²'"),
        ("--size", "0", "size is 0; legal are 1 to 4096 pixels or 'native'"),
        ("--size", "5000", "size is 5000"),
        ("--seed", "-1", "seed is -1; legal are whole numbers from 0"),
    ],
)
def test_bad_options(refused, preset, photo, monkeypatch, option, value, message):
    monkeypatch.chdir(photo.parent)
    refused(command(preset, photo, **{option: value}), message)
    assert sorted(path.name for path in photo.iterdir()) == [
        "a.png",
        "color.png",
        "lines.png",
        "mask.png",
    ]


@pytest.mark.parametrize(
    "name, message",
    [
        ("sc_fegan_celebahq_51", "Did you mean 'sc_fegan_celebahq_512'?"),
        ("sc_fegan_celebahq_512", "are not shipped (CC BY-NC 4.0). Download SC-FEGAN.ckpt"),
        ("x" * 5000, "no preset or directory"),
        ("", "is not a preset"),
    ],
)
def test_unknown_presets_are_refused_before_pictures_are_read(refused, photo, name, message):
    refused(command(name, photo, **{"--image": photo / "gone.png"}), message)


@pytest.mark.parametrize("verb", ["run", "export"])
def test_broken_presets(refused, preset, photo, tmp_path, verb):
    broken = tmp_path / "broken"
    arguments = command(broken, photo)
    if verb == "export":
        arguments = ["export", broken, "-o", tmp_path / "out" / "saved"]
    for spoil, message in (
        (lambda data: data[:-7], "has SHA-256"),
        (lambda data: data[:-5] + bytes([data[-5] ^ 1]) + data[-4:], "has SHA-256"),
        (lambda data: b"", "has SHA-256"),
    ):
        shutil.copytree(preset, broken, dirs_exist_ok=True)
        path = broken / "model.safetensors"
        path.write_bytes(spoil(path.read_bytes()))
        refused(arguments, message, str(path))
    path.unlink()
    refused(arguments, "it has no model.safetensors")
    (broken / "config.json").write_text("{")
    refused(arguments, "config.json is not JSON")
    (broken / "config.json").unlink()
    refused(arguments, "is not a preset: it has no config.json")


# Models of other tasks.


@pytest.fixture(scope="module")
def editor(tmp_path_factory):
    return small_model("stgan").save_preset(tmp_path_factory.mktemp("presets") / "editor")


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    model = small_model("attribute_classifier", attribute_names=list(EDITED_ATTRIBUTES))
    return model.save_preset(tmp_path_factory.mktemp("presets") / "classifier")


def edits(preset, photo, *options):
    out = photo.parent / "out" / "r.png"
    return ["run", preset, "--image", photo / "a.png", "-o", out, *options]


def test_run_edits(run, editor, classifier, photo):
    picture, out = images.read_image(photo / "a.png"), photo.parent / "out" / "r.png"
    changes = {"Eyeglasses": 1.5, "Male": 0.0}
    asked = ["--set", "Eyeglasses=1.5", "--set", "Male=0", "--box", "20,10,100,120"]
    assert run(*edits(editor, photo, *asked, "--source", "Male,Young"))[0] == 0
    source = {"Male": 1, "Young": 1}
    box = (20, 10, 100, 120)
    expected = zoo.load(editor).edit(picture, changes, source_attributes=source, box=box)
    np.testing.assert_array_equal(images.read_image(out), expected)
    assert run(*edits(editor, photo, *asked, "--classifier", classifier))[0] == 0
    expected = zoo.load(editor).edit(picture, changes, classifier=zoo.load(classifier), box=box)
    np.testing.assert_array_equal(images.read_image(out), expected)


def test_run_classifies(run, classifier, photo):
    code, printed, _ = run("run", classifier, "--image", photo / "a.png")
    assert code == 0
    shown = {line.split()[1]: line.split()[0] for line in printed.splitlines()}
    probabilities = zoo.load(classifier).classify(images.read_image(photo / "a.png"))
    assert shown == {name: f"{value:.1%}" for name, value in probabilities.items()}
    assert list(shown) == sorted(probabilities, key=probabilities.get, reverse=True)


@pytest.mark.parametrize("options, message", [
    ([], "--set is missing: attributes to change"),
    (["--set", "Eyeglasses"], "--set Eyeglasses: write it as NAME=VALUE"),
    (["--set", "Eyeglasses=big"], "--set Eyeglasses=big: write it as NAME=VALUE"),
    (["--set", "Eyeglases=1", "--source", "Male"], "Did you mean 'Eyeglasses'?"),
    (["--set", "Eyeglasses=9", "--source", "Male"], "attribute Eyeglasses is 9.0; legal are"),
    (["--set", "Eyeglasses=1"], "stgan must know what the face is"),
    (["--set", "Bald=1", "--source", "Hat"], "unknown source attribute 'Hat'"),
    (["--set", "Bald=1", "--seed", "3"], "--seed is not for stgan, which serves edit"),
    (["--set", "Bald=1", "--source", "Male", "--box", "0,0,999,9"], "does not lie in"),
])  # fmt: skip
def test_bad_edits(refused, editor, photo, options, message):
    refused(edits(editor, photo, *options), message)


def test_bad_classifications(refused, preset, editor, classifier, photo):
    refused(edits(classifier, photo), "-o is not for attribute_classifier")
    refused(edits(editor, photo, "--set", "Bald=1", "--classifier", preset), "serves the task")
    refused(["run", editor, "--image", photo / "a.png", "--set", "Bald=1"], "-o is missing")


def test_run_turns_a_face_to_the_camera(run, refused, photo, tmp_path):
    preset = small_model("tp_gan").save_preset(tmp_path / "turner")
    points = [[90, 60], [120, 62], [110, 80], [92, 95], [115, 96]]
    (photo / "points.json").write_text(json.dumps(points))
    arguments = edits(preset, photo, "--landmarks", photo / "points.json")
    assert run(*arguments)[0] == 0
    out = photo.parent / "out" / "r.png"
    expected = zoo.load(preset).frontalize(images.read_image(photo / "a.png"), points)
    np.testing.assert_array_equal(images.read_image(out), expected)
    assert expected.shape == (128, 128, 3)
    out.unlink()
    legal = "legal is a JSON file of five points"
    for text in ("[[1, 2", "x" * 20_000):
        (photo / "points.json").write_text(text)
        refused(arguments, "points.json cannot be read", legal)
    (photo / "points.json").write_text('{"left_eye": [1, 2]}')
    refused(arguments, "landmarks must be five points")
    refused(edits(preset, photo, "--landmarks", photo / "none.json"), "none.json cannot be read")


# The other commands.


def test_list(run):
    code, out, err = run("list")
    assert (code, err) == (0, "")
    titles = [line for line in out.splitlines() if not line.startswith(" ")]
    assert titles == ["models:", "presets:", "recipes:", "protocols:"]
    names = [line.strip() for line in out.splitlines() if line.startswith(" ")]
    for name in ("sc_fegan", "sc_fegan_celebahq_512", "sc_fegan/smoke", "sc_fegan/preset"):
        assert name in names


def test_show_model(run, monkeypatch, preset):
    small = zoo.load(preset)
    monkeypatch.setattr(registry, "create", lambda name: small)  # full size takes seconds
    code, out, _ = run("show", "sc_fegan")
    assert code == 0 and "arXiv:1902.06838" in out
    assert "task: complete; reads image, mask, sketch, color, noise; licence Apache-2.0" in out
    assert f"generator: {small.generator.count_params():,} parameters" in out
    assert f"discriminator: {small.discriminator.count_params():,} parameters" in out


def test_show_preset_and_directories(run, preset, tmp_path):
    code, out, _ = run("show", "sc_fegan_celebahq_512")
    assert code == 0 and out.startswith("# sc_fegan_celebahq_512\n")
    assert "| licence | CC BY-NC 4.0 |" in out and "zoo convert sc_fegan SC-FEGAN.ckpt" in out
    code, out, _ = run("show", preset)
    assert code == 0 and "| model | sc_fegan |\n| licence | Apache-2.0 |" in out
    shutil.copytree(preset, tmp_path / "run" / "preset")
    code, again, _ = run("show", tmp_path / "run")
    assert code == 0 and again == out.replace(str(preset), str(tmp_path / "run"), 1).replace(
        str(preset), str(tmp_path / "run" / "preset")
    )


def test_show_recipe(run):
    code, out, _ = run("show", "sc_fegan/smoke", "--set", "training.seed=9", "--set", "data.seed=1")
    assert code == 0
    lines = {line.split()[0]: line.split()[1:] for line in out.splitlines()}
    assert lines["training.seed"] == ["9", "--set"]
    assert lines["data.seed"] == ["1", "--set"]
    assert lines["training.steps"] == ["6", "smoke.yaml"]
    assert lines["hints.noise"] == ["bernoulli", "sc_fegan_synthfaces-512_8.yaml"]
    assert lines["masks.max_draw"] == ["5", "default"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["sc_fegann"], "Did you mean 'sc_fegan'? `zoo list` shows what there is"),
        (["x" * 5000], "is no model, preset, preset directory or recipe"),
        (["sc_fegan/smoke", "--set", "training.step=1"], "unknown key training.step (--set)"),
        (["sc_fegan/smoke", "--set", "training.steps"], "write it as a.b=value"),
        (["sc_fegan/smoke", "--set", "training.steps=["], "is not legal YAML"),
        (["bad.yaml"], "bad.yaml is not legal YAML at line 2"),
        (["sc_fegan", "--set", "training.steps=1"], "--set is for recipes; sc_fegan is a model"),
    ],
)
def test_show_refuses(refused, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.yaml").write_text("a: [\n")
    refused(["show", *arguments], message)


def test_doctor(run):
    code, out, err = run("doctor")
    assert (code, err) == (0, "")
    versions = {line.split()[1]: line.split()[2] for line in out.splitlines()[1:]}
    assert out.startswith(f"Python {sys.version.split()[0]}, ")
    assert versions["numpy"] == np.__version__ and "tensorflow" in versions


def test_doctor_names_the_extra_of_a_missing_package(run, monkeypatch):
    from importlib import metadata

    def version(name):
        if name == "onnx":
            raise metadata.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(metadata, "version", version)
    code, out, _ = run("doctor")
    (line,) = [line for line in out.splitlines() if " onnx " in line]
    assert code == 0 and line.endswith("missing: pip install 'face-gan-zoo[export]'")
    assert out.count("missing") == 1


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["sc_fegan/smok"], "Did you mean 'sc_fegan/smoke'?"),
        (["sc_fegan/smoke", "--set", "training.step=1"], "unknown key training.step (--set)"),
        (["sc_fegan/smoke", "--set", "model.name=sc_fegn"], "unknown model 'sc_fegn'"),
        (["sc_fegan/smoke", "--set", "model.arguments.imagesize=1"], "Did you mean 'image_size'?"),
        (["sc_fegan/smoke", "--set", "optimizers.critic.learning_rate=1"], "'critic'"),
        (["sc_fegan/smoke", "--resume", "maybe"], "--resume is 'maybe'; legal are auto, no"),
    ],
)
def test_train_refuses(refused, tmp_path, arguments, message):
    refused(["train", *arguments, "--run", tmp_path / "out" / "run"], message)


@pytest.mark.parametrize("place", ["file", "file/x", "file/x/y"])
@pytest.mark.parametrize(
    "arguments",
    [["train", "sc_fegan/smoke", "--run"], ["data", "synthfaces", "-o"], ["demo", "-o"]],
    ids=lambda arguments: arguments[0],
)
def test_a_file_in_the_place_of_a_directory(refused, tmp_path, monkeypatch, arguments, place):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("work")
    refused([*arguments, place], f"{arguments[-1]} is {place}, but file is no directory")
    assert (tmp_path / "file").read_text() == "work"


def test_export_refuses(refused, preset, tmp_path):
    out = tmp_path / "out" / "m.onnx"
    refused(["export", preset, "--format", "onx", "-o", out], "'onx'", "Did you mean 'onnx'?")
    refused(["export", "nothing", "-o", out], "no preset or directory 'nothing'")


def test_export_and_verify(run, preset, tmp_path):
    path = tmp_path / "m.onnx"
    code, out, _ = run("export", preset, "--format", "onnx", "--verify", "-o", path)
    assert code == 0 and path.stat().st_size > 1000
    assert "largest difference from Keras: " in out


def test_convert_refuses(refused, tmp_path):
    import tensorflow as tf

    out = tmp_path / "out" / "preset"
    refused(["convert", "sc_fegn", tmp_path / "a", "-o", out], "Did you mean 'sc_fegan'?")
    refused(["convert", "sc_fegan", tmp_path / "no.ckpt", "-o", out], "no TensorFlow checkpoint at")
    wrong = {"generator/gconv1_ds/kernel": tf.Variable(tf.zeros((3, 3, 9, 64)))}
    wrong |= {"somebody/elses": tf.Variable(1.0)}
    saver = tf.compat.v1.train.Saver(wrong)
    prefix = saver.save(None, str(tmp_path / "wrong.ckpt"), write_meta_graph=False)
    refused(
        ["convert", "sc_fegan", prefix, "-o", out],
        "does not fit: missing (92): ",
        "extra (1): somebody/elses",
        "is (3, 3, 9, 64), needs (7, 7, 9, 64)",
    )
    (tmp_path / "junk.index").write_bytes(b"junk")
    (tmp_path / "junk.data-00000-of-00001").write_bytes(b"junk")
    refused(["convert", "sc_fegan", tmp_path / "junk", "-o", out], "junk")


def test_convert_writes_a_preset_of_the_generator_with_its_licence(
    run, preset, tmp_path, monkeypatch
):
    from zoo import convert

    def official(name, source):
        model = zoo.load(preset)
        model.licence = "CC BY-NC 4.0"
        return model

    monkeypatch.setattr(convert, "official", official)
    path = tmp_path / "p"
    assert run("convert", "sc_fegan", "SC-FEGAN.ckpt", "-o", path)[:2] == (0, f"{path}\n")
    config = read_config(path)
    assert config["networks"] == ["generator"]
    assert config["card"] == {
        "licence": "CC BY-NC 4.0",
        "source": "official weights: SC-FEGAN.ckpt",
    }


def test_demo_takes_any_directory_name(run, monkeypatch, tmp_path):
    from zoo import demo

    seen = []

    def made(directory, faces, report):
        report("faces", 1, 2)
        report("faces", 2, 2)
        seen.append((directory, faces))
        return ["done"]

    monkeypatch.setattr(demo, "run", made)
    for name in ("plain", "a: b #c", "[x]", 'it"s', "ü", "back\\slash"):
        assert run("demo", "-o", tmp_path / name, "--faces", 3)[:2] == (0, "faces: 2\ndone\n")
        assert seen.pop() == (tmp_path / name, 3)


# Usage errors, bugs, and a process of its own.


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["no-such-command"],
        ["run", "p", "--image", "a.png", "-o", "r.png", "--no-such-option"],
        ["run", "p", "--image", "a.png", "-o", "r.png", "--seed", "x"],
        ["data", "synthfaces"],
        ["export", "p"],
        ["show"],
    ],
)
def test_usage_errors_exit_with_2(run, arguments):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "") and "Usage: zoo" in err and "Traceback" not in err


def test_help(run):
    code, out, _ = run("--help")
    assert code == 0
    for name in ("list", "show", "doctor", "data", "train", "run", "export", "convert", "demo"):
        assert f" {name} " in out


def test_a_bug_is_not_hidden(run, monkeypatch):
    def fail():
        raise RuntimeError("a bug")

    monkeypatch.setattr(registry, "list_models", fail)
    with pytest.raises(RuntimeError, match="a bug"):
        run("list")


def process(*command):
    return subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True)


def test_a_bug_ends_a_process_with_1_and_a_traceback():
    code = (
        "import sys, zoo.registry, zoo.cli; sys.argv = ['zoo', 'list'];"
        "zoo.registry.list_models = lambda: 1 / 0; zoo.cli.main()"
    )
    done = process("-c", code)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("Traceback") and "ZeroDivisionError" in done.stderr


def test_a_process_with_refused_input(preset, photo):
    (photo.parent / "out").mkdir()
    arguments = command(preset, photo, **{"--box": "0,0,500,500"})
    done = process("-m", "zoo.cli", *arguments)
    assert done.returncode == 2 and done.stdout == ""
    lines = done.stderr.splitlines()
    assert lines[-1].startswith("error: box (0, 0, 500, 500) does not lie in the picture")
    assert "Traceback" not in done.stderr
    assert not list((photo.parent / "out").iterdir())
    done = process("-m", "zoo.cli", "show", "sc_fegann")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_a_process_with_good_input(preset, photo):
    done = process("-m", "zoo.cli", *command(preset, photo))
    assert done.returncode == 0 and done.stdout.endswith("r.png\n")
    after = images.read_image(photo.parent / "out" / "r.png")
    expected = zoo.load(preset).complete(images.read_image(photo / "a.png"), hole_of(photo))
    hole = hole_of(photo)
    np.testing.assert_array_equal(after[~hole], expected[~hole])
    assert np.abs(after.astype(int) - expected).max() <= 1

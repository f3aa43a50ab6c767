"""A wheel works outside the checkout: recipes, mesh data, licences and the command are in it."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = ("zoo", "configs", "setup.py", "pyproject.toml", "README.md", "LICENSE")
NO_LITTER = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", ".*")


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / "source" / name, ignore=NO_LITTER)
        else:
            (folder / "source").mkdir(exist_ok=True)
            shutil.copy(source, folder / "source" / name)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")
    offline = ("--no-deps", "--no-index", "--no-build-isolation")
    run(*pip, "wheel", *offline, "-w", folder / "dist", folder / "source")
    (path,) = (folder / "dist").glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    target = tmp_path_factory.mktemp("installed")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")
    run(*pip, "install", "--no-deps", "--no-index", "--target", target, wheel)
    return target


@pytest.fixture
def python(installed, tmp_path):
    """Runs Python in an empty folder, with nothing of the checkout on its path."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    environment |= {"PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1"}
    return lambda *command: run(sys.executable, *command, cwd=tmp_path, env=environment)


def test_what_is_in_the_wheel(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    info = f"{wheel.name.rsplit('-', 3)[0]}.dist-info"
    modules = {str(p.relative_to(ROOT)) for p in (ROOT / "zoo").rglob("*.py")}
    recipes = {f"zoo/{p.relative_to(ROOT)}" for p in (ROOT / "configs").rglob("*.yaml")}
    protocols = {
        str(p.relative_to(ROOT)) for p in (ROOT / "zoo" / "evaluation" / "protocols").glob("*.yaml")
    }
    assets = {
        str(p.relative_to(ROOT))
        for p in (ROOT / "zoo" / "data" / "synthfaces" / "assets").iterdir()
        if p.is_file()
    }
    assert recipes and protocols and any(name.endswith(".npz") for name in assets)
    assert modules | recipes | protocols | assets <= names
    assert "zoo/models/sc_fegan/README.md" in names
    stored = (
        p for p in (ROOT / "zoo" / "presets").rglob("*") if p.suffix in (".json", ".safetensors")
    )
    assert "zoo/presets/index.json" in names
    assert {str(p.relative_to(ROOT)) for p in stored} <= names
    licences = {name for name in names if name.startswith(f"{info}/licenses/")}
    assert f"{info}/licenses/LICENSE" in licences and len(licences) > 1
    other = {n for n in names if not n.startswith(("zoo/", f"{info}/"))}
    assert not other


def test_metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        metadata = archive.read(name).decode()
    assert "\nLicense-Expression: Apache-2.0 AND CC0-1.0\n" in metadata
    assert "\nRequires-Python: >=3.11,<3.14\n" in metadata
    assert "\nRequires-Dist: keras>=3.14\n" in metadata
    assert "# Face-GAN zoo" in metadata


def test_licence_texts_are_whole(wheel):
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if "/licenses/" in name:
                source = ROOT / name.split("/licenses/")[1]
                assert archive.read(name) == source.read_bytes() and len(source.read_bytes()) > 500


def test_it_works_outside_the_checkout(python, installed):
    code = (
        "import zoo, zoo.config as c; print(zoo.__file__); print(c.recipes_directory());"
        "print(*c.list_recipes()); [c.load_recipe(name) for name in c.list_recipes()]"
    )
    module, recipes, names = python("-c", code).splitlines()
    assert Path(module) == installed / "zoo" / "__init__.py"
    assert Path(recipes) == installed / "zoo" / "configs"
    there = sorted(p.relative_to(ROOT / "configs") for p in (ROOT / "configs").rglob("*.yaml"))
    assert names.split() == [str(p.with_suffix("")) for p in there]


def test_the_command_works_outside_the_checkout(python):
    out = python("-m", "zoo.cli", "list")
    assert "\n  sc_fegan\n" in out and "\n  sc_fegan/smoke\n" in out
    assert "smoke.yaml" in python("-m", "zoo.cli", "show", "sc_fegan/smoke")


def test_the_mesh_loads_outside_the_checkout(python, installed):
    code = (
        "from zoo.data.synthfaces import mesh; print(mesh.__file__);"
        "print(len(mesh.base_mesh().vertices) > 1000)"
    )
    module, enough = python("-c", code).splitlines()
    assert Path(module).is_relative_to(installed) and enough == "True"

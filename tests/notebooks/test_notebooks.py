"""Every notebook runs, with small settings; the copies in docs/notebooks are of these notebooks."""

import re

import cv2
import nbformat
import numpy as np
import pytest

import zoo
from zoo.config import load_recipe
from zoo.errors import ZooError
from zoo.testing import notebooks
from zoo.testing.notebooks import MOST_BYTES, notebooks_directory, strip_file

NOTEBOOKS = {path.stem: path for path in sorted(notebooks_directory().glob("*.ipynb"))}
COPIES = notebooks_directory().parent / "docs" / "notebooks"
SMALL = {
    "00_quickstart": {"SHOWN": 2, "VIEWS": 8},
    "01_context_encoder": {"FACES": 20, "SIZE": 32, "STEPS": 2, "JUDGED": 2},
    "02_generative_face_completion": {"FACES": 20, "SIZE": 32, "STEPS": 4, "JUDGED": 2},
    "03_sc_fegan": {"FACES": 20, "SIZE": 32, "STEPS": 2, "JUDGED": 2},
    "04_stgan": {"FACES": 20, "SIZE": 32, "STEPS": 2, "JUDGED": 2},
    "05_tp_gan": {"FACES": 6, "STEPS": 2, "VIEWS": 3, "JUDGED": 2},
    "06_train_on_your_own_faces": {"PHOTOS": 10, "SIZE": 32, "STEPS": 2},
    "07_export_and_serve": {"CALIBRATED": 2, "TIMED": 1},
}
MODELS = (
    *("attribute_classifier", "context_encoder", "gfc", "light_cnn", "parsing_network"),
    *("sc_fegan", "stgan", "tp_gan"),
)


@pytest.fixture(scope="session")
def preset_directory(tmp_path_factory):
    """Untrained models by the names of the presets that the package does not ship (yet)."""
    directory = tmp_path_factory.mktemp("presets")
    for name in MODELS:
        preset = f"{name}_synthfaces_128"
        if preset not in zoo.list_presets():
            arguments = load_recipe(f"{name}/preset")[0].model.arguments
            zoo.create(name, **{**arguments, "width": 0.0625}).save_preset(directory / preset)
    return directory


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_runs(name, preset_directory, tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_PRESETS", str(preset_directory))  # the kernel inherits it
    notebook = notebooks.execute(notebooks.read(NOTEBOOKS[name]), tmp_path, SMALL[name])
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [1, *range(3, len(code) + 2)]
    text, pictures = notebooks.markdown(notebook, name)
    assert len(pictures) >= 4 or name == "07_export_and_serve"
    for file, data in pictures.items():
        assert f"({name}/{file})" in text
        assert min(cv2.imdecode(np.frombuffer(data, np.uint8), 1).shape[:2]) >= 100


def test_each_has_small_settings():
    assert set(SMALL) == set(NOTEBOOKS)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_form(name):
    text = NOTEBOOKS[name].read_text(encoding="utf-8")
    notebook = notebooks.read(NOTEBOOKS[name])
    assert nbformat.writes(notebooks.strip(notebook)) + "\n" == text  # no outputs, no metadata
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in ids)
    assert set(SMALL[name]) <= set(notebooks.parameters(notebook))
    assert notebook.nbformat == 4


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_links_lead_somewhere(name):
    cells = [c for c in notebooks.read(NOTEBOOKS[name]).cells if c.cell_type == "markdown"]
    for cell in cells:
        for link in re.findall(r"\]\(([^)#]+)\)", cell.source):
            if not link.startswith("http"):
                assert (NOTEBOOKS[name].parent / link).exists(), link


@pytest.mark.parametrize("copy", sorted(COPIES.glob("[0-9]*.md")), ids=lambda path: path.stem)
def test_copy_is_of_the_notebook(copy):
    text = copy.read_text(encoding="utf-8")
    cells = notebooks.read(NOTEBOOKS[copy.stem]).cells
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    assert re.findall(r"^```python\n(.*?)\n```$", text, re.M | re.S) == code
    files = re.findall(rf"\]\({copy.stem}/([^)]+\.jpg)\)", text)
    assert sorted(files) == sorted(path.name for path in (COPIES / copy.stem).iterdir())
    assert sum(path.stat().st_size for path in (COPIES / copy.stem).iterdir()) <= MOST_BYTES


def _notebook(*sources, tags=("parameters",)):
    cells = [nbformat.v4.new_code_cell(source, id=f"cell-{i}") for i, source in enumerate(sources)]
    cells[0].metadata["tags"] = list(tags)
    return nbformat.v4.new_notebook(cells=cells)


def test_outputs_and_copy(tmp_path):
    source = (
        "import numpy as np, PIL.Image\n"
        "print('one')\nprint(N)\n"
        "PIL.Image.fromarray(np.full((120, 150, 3), 200, np.uint8))"
    )
    notebook = _notebook("N = 2", source, "N + 1")
    steps = []
    notebooks.execute(notebook, tmp_path, {"N": 7}, lambda *step: steps.append(step))
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [cell.id for cell in notebook.cells] == ["cell-0", "cell-1", "cell-2"]
    notebook.cells.append(nbformat.v4.new_markdown_cell("[a](../zoo/a.md) [b](01_b_c.ipynb)"))
    text, pictures = notebooks.markdown(notebook, "name")
    assert text.endswith(
        "```text\none\n7\n```\n\n![cell 1](name/cell-1-1.jpg)\n\n"
        "```python\nN + 1\n```\n\n```text\n8\n```\n\n[a](../../zoo/a.md) [b](01_b_c.md)\n"
    )
    picture = cv2.imdecode(np.frombuffer(pictures["cell-1-1.jpg"], np.uint8), 1)
    assert picture.shape == (120, 150, 3) and np.abs(picture.astype(int) - 200).max() <= 2


def test_render_keeps_the_pictures_small(tmp_path, monkeypatch):
    source = (
        "import numpy as np, PIL.Image\n"
        "noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)\n"
        "PIL.Image.fromarray(noise)"
    )
    nbformat.write(_notebook("N = 2", source), tmp_path / "noise.ipynb")
    best = _rendered(tmp_path, 400_000, monkeypatch)
    assert _rendered(tmp_path, best, monkeypatch) == best
    assert _rendered(tmp_path, best - 1, monkeypatch) < best
    with pytest.raises(ZooError, match="noise: its pictures take .* legal are 1000"):
        _rendered(tmp_path, 1000, monkeypatch)
    assert (tmp_path / "copies" / "noise.md").exists()  # the one before


def _rendered(directory, most, monkeypatch):
    """Bytes of the one picture of a copy of noise.ipynb."""
    monkeypatch.setattr(notebooks, "MOST_BYTES", most)
    copies = directory / "copies"
    size = notebooks.render(directory / "noise.ipynb", copies, lambda done, total: None)
    assert (copies / "noise" / "cell-1-1.jpg").stat().st_size == size
    return size


def test_refused(tmp_path):
    with pytest.raises(ZooError, match="unknown parameter 'STEP'.*STEPS"):
        notebooks.execute(_notebook("STEPS = 2"), tmp_path, {"STEP": 1})
    with pytest.raises(ZooError, match="no tag 'parameters'"):
        notebooks.parameters(_notebook("N = 2", tags=()))
    with pytest.raises(ZooError, match="'N = len' *; legal is NAME = a plain value"):
        notebooks.parameters(_notebook("N = len"))
    with pytest.raises(ZooError, match="'cell-1' failed: ZeroDivisionError: division by zero"):
        notebooks.execute(_notebook("N = 0", "1 / N"), tmp_path)
    (tmp_path / "a.ipynb").write_text("{")
    with pytest.raises(ZooError, match="a.ipynb is no notebook"):
        strip_file(tmp_path / "a.ipynb")


def test_strip_keeps_source_and_tags(tmp_path):
    notebook = _notebook("N = 2", "N")
    notebook.cells[1].outputs = [nbformat.v4.new_output("stream", text="2")]
    notebook.cells[1].execution_count = 3
    notebook.cells[1].metadata["scrolled"] = True
    notebook.metadata["widgets"] = {"state": {}}
    nbformat.write(notebook, path := tmp_path / "a.ipynb")
    assert notebooks.main(["--strip", str(path)]) == 0
    stripped = notebooks.read(path)
    assert [cell.source for cell in stripped.cells] == ["N = 2", "N"]
    assert stripped.cells[0].metadata == {"tags": ["parameters"]}
    assert stripped.cells[1].metadata == {} and stripped.cells[1].outputs == []
    assert stripped.cells[1].execution_count is None and "widgets" not in stripped.metadata
    assert not strip_file(path)

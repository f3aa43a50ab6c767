"""Runs the tutorial notebooks, strips their outputs, and writes copies that a browser can show.

python -m zoo.testing.notebooks [NAME ...] -o docs/notebooks   # runs, writes Markdown and pictures
python -m zoo.testing.notebooks --strip notebooks/*.ipynb      # outputs removed, in place

A notebook keeps its settings in one cell, tagged `parameters`, of assignments `NAME = value`.
"""

from __future__ import annotations

import argparse
import ast
import base64
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import nbformat
import numpy as np
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from zoo.errors import ZooError, did_you_mean
from zoo.files import atomic_path
from zoo.registry import check_names

TAG = "parameters"
MOST_BYTES = 400_000
"""Of the pictures of one rendered notebook."""

_QUALITIES = (80, 70, 60, 50)  # of the JPEG files; the first that keeps within MOST_BYTES
_WIDEST = 1000  # pixels
_TIMEOUT = 600  # of a cell, seconds
_COPIED = "<!-- Written by `python -m zoo.testing.notebooks`; edit the notebook instead. -->"


def notebooks_directory() -> Path:
    """The folder `notebooks` of the checkout that this package is installed from.

    Raises:
        ZooError: there is none; a wheel holds no notebooks.
    """
    directory = Path(__file__).parents[2] / "notebooks"
    if not directory.is_dir():
        raise ZooError("there is no folder of notebooks; they are in the repository, not the wheel")
    return directory


def read(path: str | os.PathLike) -> nbformat.NotebookNode:
    """Reads and checks a notebook of nbformat 4.

    Raises:
        ZooError: no such file, or not a notebook.
    """
    try:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
    except (OSError, ValueError, nbformat.ValidationError, nbformat.reader.NotJSONError) as error:
        raise ZooError(f"{path} is no notebook: {str(error).splitlines()[0]}") from None
    return notebook


def strip(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Removes outputs, counters and what editors add, in place; tags stay."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        tags = cell.metadata.get("tags")
        cell.metadata = {"tags": tags} if tags else {}
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def strip_file(path: str | os.PathLike) -> bool:
    """Strips a notebook file; returns whether anything had to go.

    Raises:
        ZooError: as `read`.
    """
    text = nbformat.writes(strip(read(path))) + "\n"
    if Path(path).read_text(encoding="utf-8") == text:
        return False
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return True


def parameters(notebook: nbformat.NotebookNode) -> dict[str, Any]:
    """Name -> value in the cell tagged `parameters`, which must be the first cell of code.

    Raises:
        ZooError: there is no such cell, or a statement in it is no assignment of a plain value.
    """
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if not code or TAG not in code[0].metadata.get("tags", ()):
        raise ZooError(f"the first cell of code has no tag {TAG!r}")
    found = {}
    for node in ast.parse(code[0].source).body:
        try:
            (target,) = node.targets
            found[target.id] = ast.literal_eval(node.value)
        except (AttributeError, ValueError):
            line = ast.unparse(node)
            raise ZooError(f"parameters: {line!r}; legal is NAME = a plain value") from None
    return found


def execute(
    notebook: nbformat.NotebookNode,
    directory: str | os.PathLike,
    changes: Mapping[str, Any] | None = None,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> nbformat.NotebookNode:
    """Runs a notebook in a fresh kernel of this Python, in place.

    Args:
        notebook: receives the outputs.
        directory: where the kernel works.
        changes: parameter -> value in place of the notebook's; their cell follows the cell of
            parameters and is removed at the end.
        progress: called with (cells done, cells).

    Returns:
        The notebook.

    Raises:
        ZooError: an unknown parameter, or a cell that fails; the message has the cell's id.
    """
    check_names("parameter", changes or {}, parameters(notebook))
    lines = [f"{name} = {value!r}" for name, value in (changes or {}).items()]
    first = next(i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code")
    cells = list(notebook.cells)
    if lines:
        changed = nbformat.v4.new_code_cell("\n".join(lines))
        notebook.cells = [*cells[: first + 1], changed, *cells[first + 1 :]]
    client = NotebookClient(
        notebook,
        timeout=_TIMEOUT,
        kernel_name="python3",
        resources={"metadata": {"path": str(directory)}},
    )
    try:
        with client.setup_kernel():
            for i, cell in enumerate(notebook.cells):
                client.execute_cell(cell, i)
                progress(i + 1, len(notebook.cells))
    except CellExecutionError as error:
        raise ZooError(f"cell {cell.id!r} failed: {error.ename}: {error.evalue}") from None
    finally:
        notebook.cells = cells
    return notebook


def markdown(
    notebook: nbformat.NotebookNode, name: str, quality: int = _QUALITIES[0]
) -> tuple[str, dict[str, bytes]]:
    """A copy of an executed notebook for people who read it on a web page.

    What goes to stderr is left out. Pictures become JPEG files, at most 1000 pixels wide.

    Args:
        notebook: with outputs.
        name: of the notebook, without suffix; the folder of its pictures.
        quality: of the JPEG files, 0 to 100.

    Returns:
        The text, and file name -> JPEG file of every picture.
    """
    link = f"Run it yourself: [`notebooks/{name}.ipynb`](../../notebooks/{name}.ipynb)."
    parts, pictures = [_COPIED, link], {}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            text = cell.source.replace("](../", "](../../")
            parts.append(re.sub(r"\]\((\d\d_\w+)\.ipynb\)", r"](\1.md)", text))
            continue
        parts.append(f"```python\n{cell.source}\n```")
        texts = []
        for output in cell.outputs:
            if output.output_type == "stream":
                texts += [output.text] if output.name == "stdout" else []
            elif "image/png" in output.data:
                file = f"{cell.id}-{sum(key.startswith(cell.id + '-') for key in pictures) + 1}.jpg"
                pictures[file] = _jpeg(base64.b64decode(output.data["image/png"]), quality)
                texts.append(None)
                parts += _fenced(texts)
                parts.append(f"![{cell.id.replace('-', ' ')}]({name}/{file})")
                texts = []
            else:
                texts.append(output.data["text/plain"])
        parts += _fenced(texts)
    return "\n\n".join(parts) + "\n", pictures


def _fenced(texts: list[str | None]) -> list[str]:
    """What was printed, as one block; nothing if nothing was."""
    text = "\n".join(text.rstrip() for text in texts if text is not None)
    return [f"```text\n{text}\n```"] if text else []


def _jpeg(png: bytes, quality: int) -> bytes:
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    if picture.shape[1] > _WIDEST:
        size = (_WIDEST, round(picture.shape[0] * _WIDEST / picture.shape[1]))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def render(path: Path, target: Path, progress: Callable[[int, int], object]) -> int:
    """Runs a notebook as it is and writes `NAME.md` and the folder `NAME` of pictures.

    Returns:
        Bytes of the pictures.

    Raises:
        ZooError: as `read` and `execute`, or pictures of more than `MOST_BYTES`.
    """
    name = path.stem
    with tempfile.TemporaryDirectory() as directory:
        notebook = execute(read(path), directory, progress=progress)
    for quality in _QUALITIES:
        text, pictures = markdown(notebook, name, quality)
        size = sum(map(len, pictures.values()))
        if size <= MOST_BYTES:
            break
    else:
        raise ZooError(f"{name}: its pictures take {size} bytes; legal are {MOST_BYTES}")
    with atomic_path(target / name) as temporary:
        temporary.mkdir()
        for file, data in pictures.items():
            (temporary / file).write_bytes(data)
    with atomic_path(target / f"{name}.md") as temporary:
        temporary.write_text(text, encoding="utf-8")
    return size


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m zoo.testing.notebooks")
    parser.add_argument("names", nargs="*", help="of notebooks, by default all; files to strip")
    parser.add_argument("-o", "--output", type=Path, help="folder for the copies")
    parser.add_argument("--strip", action="store_true", help="remove outputs from the files")
    options = parser.parse_args(arguments)
    if options.strip == (options.output is not None):
        parser.error("give either --strip FILES or -o FOLDER")
    try:
        if options.strip:
            for path in filter(strip_file, options.names):
                print(f"outputs removed: {path}")
        else:
            _render_all(options.names, options.output)
    except ZooError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _render_all(names: list[str], target: Path) -> None:
    found = {path.stem: path for path in sorted(notebooks_directory().glob("*.ipynb"))}
    for name in names:
        if name not in found:
            legal = ", ".join(found)
            raise ZooError(f"no notebook {name!r}; there are {legal}.{did_you_mean(name, found)}")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # of the kernels
    for name in names or found:
        start = time.monotonic()

        def progress(done: int, total: int, name: str = name) -> None:
            print(f"\r{name}: cell {done} of {total}", end="", flush=True)

        size = render(found[name], target, progress)
        print(f", {time.monotonic() - start:.0f} s, pictures {size / 1000:.0f} kB")


if __name__ == "__main__":
    sys.exit(main())

"""Results on disk: JSON for programs, Markdown and a page for people; and their comparison."""

from __future__ import annotations

import html
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from zoo.data.images import write_image
from zoo.errors import ZooError
from zoo.files import atomic_path

RESULT, REPORT, PAGE = "result.json", "report.md", "index.html"
_MAX_BYTES = 20_000_000
_KEYS = {"format": int, "protocol": dict, "preset": dict, "measures": dict, "rows": list}
_SHOWN = 4  # differing fields in a message


def check_place(directory: Path) -> None:
    """Refuses a directory that holds something else than a result."""
    if directory.name in ("", ".."):
        raise ZooError(f"cannot write {directory}: name a directory below it")
    for place in (directory, *directory.parents):
        if os.path.lexists(place) and not place.is_dir():
            raise ZooError(f"cannot write {directory}: {place} is no directory")
    if directory.is_dir() and not (directory / RESULT).is_file() and any(directory.iterdir()):
        raise ZooError(f"{directory} exists and is not a result; choose another directory")


def write_result(
    directory: Path, result: dict, grids: Mapping[str, tuple[str, np.ndarray]]
) -> None:
    """Writes a result, all of it at once.

    Args:
        directory: created, or replaced if it holds a result.
        result: plain values; NaN becomes null.
        grids: file stem -> (title, picture (H, W, 3) uint8).

    Raises:
        ZooError: it cannot be written.
    """
    result = {**_plain(result), "pictures": {f"{k}.png": title for k, (title, _) in grids.items()}}
    try:
        with atomic_path(directory) as temporary:
            temporary.mkdir()
            for stem, (_, picture) in grids.items():
                write_image(temporary / f"{stem}.png", picture)
            text = json.dumps(result, indent=1, allow_nan=False)
            for name, content in (
                (RESULT, text + "\n"),
                (REPORT, markdown(result)),
                (PAGE, page(result)),
            ):
                (temporary / name).write_text(content, encoding="utf-8")
    except OSError as error:
        raise ZooError(f"cannot write {directory}: {error.strerror}") from error


def read_result(directory: str | os.PathLike) -> dict:
    """The checked `result.json` of a directory, or of its file.

    Raises:
        ZooError: missing, too large, no JSON or no result.
    """
    path = Path(directory)
    path = path / RESULT if path.is_dir() else path
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ZooError(f"{path} is larger than {_MAX_BYTES} bytes; that is no result")
        result = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ZooError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ZooError(f"{path} is not JSON: {error}") from error
    whole = isinstance(result, dict) and all(isinstance(result.get(k), t) for k, t in _KEYS.items())
    if (
        not whole
        or result["format"] != 1
        or not isinstance(result["protocol"].get("identity"), dict)
    ):
        raise ZooError(f"{path} is no result of `zoo eval` that this version reads")
    for row in result["rows"]:
        if not isinstance(row, dict) or set(row) != {"method", "case", "images", "values"}:
            raise ZooError(f"{path}: a row of the result is broken: {row!r}"[:200])
    return result


def compare(directories: Sequence[str | os.PathLike]) -> str:
    """One Markdown table of several results of the same protocol.

    Args:
        directories: results; their names call the models. Baselines are those of the first.

    Raises:
        ZooError: fewer than two, the same name twice, or results whose protocols, data or networks
            differ; the message says in what.
    """
    if len(directories) < 2:
        raise ZooError("compare takes two results or more")
    results = [read_result(directory) for directory in directories]
    first = results[0]
    for directory, result in zip(directories[1:], results[1:], strict=True):
        mine, other = first["protocol"]["identity"], result["protocol"]["identity"]
        differ = [k for k in {**mine, **other} if mine.get(k) != other.get(k)]
        if differ:
            shown = "; ".join(
                f"{k} {mine.get(k)!s:.40} and {other.get(k)!s:.40}" for k in differ[:_SHOWN]
            )
            more = f" and {len(differ) - _SHOWN} more" if len(differ) > _SHOWN else ""
            raise ZooError(
                f"{directories[0]} and {directory} cannot be compared; they differ in {shown}{more}"
            )
    names = [Path(os.path.abspath(directory)).name for directory in directories]
    if len(set(names)) < len(names):
        raise ZooError(
            f"results are called by their directories; {', '.join(names)} are not unique"
        )
    rows = []
    for name, result in zip(names, results, strict=True):
        for row in result["rows"]:
            if row["method"].startswith("model"):
                rows.append({**row, "method": row["method"].replace("model", name, 1)})
    rows += [row for row in first["rows"] if not row["method"].startswith("model")]
    cases = list(dict.fromkeys(row["case"] for row in first["rows"]))
    rows.sort(key=lambda row: cases.index(row["case"]))
    head = [
        f"# {first['protocol']['name']}: {', '.join(names)}",
        f"Protocol {first['protocol']['sha256']}, the same for all.",
        _table(rows, first["measures"]),
        _legend(first["measures"]),
    ]
    return "\n\n".join(head) + "\n"


def markdown(result: dict) -> str:
    """The report of a result."""
    protocol, preset = result["protocol"], result["preset"]
    parts = [f"# {preset['name']} by {protocol['name']}", protocol["description"]]
    facts = [
        f"- model {preset['model']}, weights {preset['sha256']}",
        f"- protocol {protocol['sha256']}",
    ]
    if protocol["altered"]:
        facts.append(f"- not the pinned protocol: other {', '.join(protocol['altered'])}")
    facts += [f"- {k.partition('.')[2]} {v}" for k, v in _hashes(protocol)]
    parts += ["\n".join(facts), _table(result["rows"], result["measures"])]
    parts += [_legend(result["measures"]), *result["notes"]]
    if result["published"]:
        parts += ["As published on other data or by other code, not measured here:"]
        lines = [", ".join(f"{k} {v}" for k, v in row.items()) for row in result["published"]]
        parts.append("\n".join(f"- {line}" for line in lines))
    parts += [f"## {title}\n\n![{title}]({name})" for name, title in result["pictures"].items()]
    return "\n\n".join(parts) + "\n"


def page(result: dict) -> str:
    """The same as a page that needs nothing but its pictures."""
    protocol, preset = result["protocol"], result["preset"]
    title = html.escape(f"{preset['name']} by {protocol['name']}")
    header, *lines = _cells(result["rows"], result["measures"])
    body = ["<tr>" + "".join(f"<th>{html.escape(c)}</th>" for c in header) + "</tr>"]
    for line in lines:
        cells = [
            f"<td><b>{html.escape(c.strip('*'))}</b></td>"
            if c.startswith("**")
            else f"<td>{html.escape(c)}</td>"
            for c in line
        ]
        body.append(f"<tr>{''.join(cells)}</tr>")
    pictures = [
        f'<h2>{html.escape(text)}</h2><img src="{html.escape(name)}" alt="{html.escape(text)}">'
        for name, text in result["pictures"].items()
    ]
    style = "body{font:15px sans-serif;margin:2em}td,th{padding:.2em .7em;text-align:right}"
    style += "td:first-child,td:nth-child(2){text-align:left}img{max-width:100%}"
    return "\n".join(
        [
            "<!doctype html>",
            f'<html lang="en"><meta charset="utf-8"><title>{title}</title><style>{style}</style>',
            f"<h1>{title}</h1><p>{html.escape(protocol['description'])}</p>",
            f"<p>protocol {protocol['sha256']}</p><table>",
            *body,
            "</table>",
            *pictures,
            "</html>\n",
        ]
    )


def _hashes(protocol: dict) -> list[tuple[str, str]]:
    return [(k, v) for k, v in protocol["identity"].items() if k.startswith("sha256.") and v]


def _table(rows: list[dict], measures: dict) -> str:
    header, *lines = _cells(rows, measures)
    text = [f"| {' | '.join(header)} |", f"|{'---|' * 2}{'---:|' * (len(header) - 2)}"]
    return "\n".join([*text, *(f"| {' | '.join(line)} |" for line in lines)])


def _cells(rows: list[dict], measures: dict) -> list[list[str]]:
    """Header and lines; of each case the best value, the truth's aside, is in asterisks."""
    names = [name for name in measures if any(name in row["values"] for row in rows)]
    cells = [["case", "method", "images", *names]]
    for row in rows:
        line = [row["case"], row["method"], str(row["images"])]
        for name in names:
            value = row["values"].get(name)
            text = _number(value, measures[name]["percent"])
            best = value is not None and value == _best(rows, row["case"], name, measures[name])
            line.append(f"**{text}**" if best and row["method"] != "truth" else text)
        cells.append(line)
    return cells


def _best(rows: list[dict], case: str, name: str, measure: dict) -> float | None:
    values = [
        row["values"].get(name) for row in rows if row["case"] == case and row["method"] != "truth"
    ]
    values = [value for value in values if value is not None]
    if len(set(values)) < 2:
        return None
    return max(values) if measure["better"] == "higher" else min(values)


def _number(value: float | None, percent: bool) -> str:
    if value is None:
        return ""
    return f"{100 * value:.2f} %" if percent else f"{value:#.4g}"


def _legend(measures: dict) -> str:
    return "\n".join(
        f"- {name} (version {m['version']}, {m['better']} is better): {m['text']}"
        for name, m in measures.items()
    )


def _plain(value):
    """Plain Python values for JSON."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

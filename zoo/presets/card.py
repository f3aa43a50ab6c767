"""Model cards: what a preset is for, what it was trained on, what it reached, where it fails."""

from __future__ import annotations

import os
import re
from pathlib import Path

from zoo.presets import cards, find, list_presets, read_config, store
from zoo.presets.index import CONFIG, WEIGHTS, Entry, Result

_LIKENESS = """\
A face belongs to a person. Ask before you edit somebody's picture, say that it was edited when you
show it, and do not use this model to deceive, to expose, or to decide who somebody is or what they
are like. A filled or turned face is a guess, not a likeness: it is no evidence of how somebody
looks."""
_NOBODY = """\
The faces that it was trained on are rendered and show nobody; no photograph was used."""

_PLACES = """\
## Where presets come from
`zoo.load(NAME)`, `zoo run NAME` and the other commands look for a name in this order:

1. the package, so that nothing can take the name of a preset that it ships;
2. the directories in the environment variable `ZOO_PRESETS` (separated as in `PATH`): a directory
   of one's own presets and training runs, each under the name of its folder;
3. the user's store, `ZOO_HOME`: by default `~/.cache/face-gan-zoo` (`$XDG_CACHE_HOME` counts), on
   macOS `~/Library/Caches/face-gan-zoo`. `zoo presets remove NAME` deletes from there.

A preset is `config.json` (plain values) and `model.safetensors`; nothing in it is executed. In the
package and in the user's store both files must have the bytes and the SHA-256 of the store's
`index.json` before they are read; a broken, cut or exchanged file, or one of another preset format,
is refused with one line that says which and what to do.

**Machines without a network.** `zoo presets bundle NAME ... -o presets.tar` packs presets with
their index; `zoo presets import presets.tar` checks all of it (names, kinds and sizes of the
members before a byte is copied, then hashes) and puts the presets into `ZOO_HOME`, all or none. A
name that stands for other weights there is not replaced.

**Large presets** have a URL in the index and are fetched into `ZOO_HOME` when they are first
loaded, as a line on standard error says. Legal are `https://`, and `http://` to this machine, also
after a redirect; never `file://`. No more bytes are taken than the index says; a broken connection
is tried again and goes on where it broke, and so does the next call."""


def markdown(preset: str | os.PathLike) -> str:
    """The model card of a preset, a preset directory or a run.

    A preset that is not on this machine has a card too; nothing is fetched for it.

    Raises:
        ZooError: no such preset.
    """
    name = str(preset)
    directory, entry, text = store.preset_directory(Path(preset)), None, {}
    if directory is None:
        entry, text = store.entry_of(name), cards().get(name, {})
        directory = store.user_presets().get(name) if entry is None else None
        if entry is None and directory is None and not text:
            find(preset)  # says what is wrong with the name
    if directory is not None:
        config = read_config(directory)
        text = {"licence": "not stated", **config["card"], "model": config["model"]}
        text["files"] = f"{directory}"
    return _card(name, text, entry)


def _card(name: str, text: dict, entry: Entry | None) -> str:
    facts = {"model": text.get("model"), "licence": text.get("licence")}
    if entry is not None:
        facts = {"model": entry.model, "licence": entry.licence, **_facts(entry)}
    elif isinstance(text.get("recipe"), dict):  # a run of the user
        facts["trained"] = f"{text.get('step', '?')} steps; the recipe is in {CONFIG}"
    if "source" in text:
        facts["source"] = text["source"]
    if "files" in text:
        facts["files"] = text["files"]
    rows = [f"| {key} | {_cell(value)} |" for key, value in facts.items()]
    sections = [
        f"# {name}",
        text.get("description"),
        "\n".join(["| | |", "|---|---|", *rows]),
        *_section("How to get it", text.get("obtain")),
        *_section("Intended use", text.get("intended_use")),
        *_section("Training", _training(text, entry)),
        *_section("Metrics", "\n\n".join(map(_table, entry.metrics)) if entry else None),
        *_section("Limits", text.get("limits")),
        *_section("Likeness and consent", _likeness(entry)),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _facts(entry: Entry) -> dict[str, str]:
    facts = {"file": f"{entry.size / 1e6:.2f} MB, SHA-256 `{entry.files[WEIGHTS].sha256}`"}
    if entry.url:
        facts["fetched from"] = entry.url
    if entry.recipe:
        facts["recipe"] = f"`{entry.recipe}`"
    return {**facts, "written by": f"zoo {entry.zoo}"}


def _section(title: str, body: str | None) -> list[str]:
    return [f"## {title}", body] if body else []


def _training(text: dict, entry: Entry | None) -> str | None:
    parts = [text.get("training")]
    if entry is not None and entry.data is not None:
        data = entry.data
        parts.append(
            f"Data: {data.name}, {data.images:,} images of {data.size} x {data.size} pixels; "
            f"SHA-256 of its manifest `{data.manifest_sha256}`."
        )
    return "\n\n".join(filter(None, parts)) or None


def _table(result: Result) -> str:
    names = list(dict.fromkeys(name for row in result.rows for name in row.values))
    head = f"Protocol {result.protocol}, SHA-256 `{result.sha256}`"
    if result.altered:
        head += f", not as it is pinned: other {', '.join(result.altered)}"
    lines = [["case", "method", "images", *map(_cell, names)], ["---"] * (3 + len(names))]
    for row in result.rows:
        values = [f"{row.values[name]:.4g}" if name in row.values else "" for name in names]
        lines.append([_cell(row.case), _cell(row.method), str(row.images), *values])
    return "\n".join([f"{head}:", "", *(f"| {' | '.join(line)} |" for line in lines)])


def _likeness(entry: Entry | None) -> str:
    ours = entry is not None and entry.data is not None and entry.data.name == "SynthFaces"
    return f"{_LIKENESS}\n\n{_NOBODY}" if ours else _LIKENESS


def _cell(value) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")


def page(pictures: Path | None = None) -> str:
    """One page on all presets of the package: a table of those that we trained, then their cards,
    then a table of the authors' releases and their licences.

    Args:
        pictures: directory of `<name>.jpg`, which the cards then show; linked by its name.
    """
    shipped, known = store.SHIPPED.entries(), cards()
    parts = [
        "# Presets",
        "Made by `zoo presets page`; what it says comes from `zoo/presets/index.json` and from "
        "`presets.py` of each model.",
        _PLACES,
        "## Trained by us, on SynthFaces",
        _overview(shipped),
        "## Goals",
        "What the presets were to reach on people whom they have not seen, and what they did; bold "
        "where they did.",
        _goals(shipped, known),
        "## Cards",
    ]
    for name, entry in sorted(shipped.items()):
        card = re.sub("^#", "###", _card(name, known.get(name, {}), entry).rstrip(), flags=re.M)
        if pictures is not None and (pictures / f"{name}.jpg").is_file():
            card += f"\n\n![{name}]({pictures.name}/{name}.jpg)"
        parts.append(card)
    rows = [
        f"| `{name}` | {card['model']} | {_cell(card['description'])} | {_cell(card['licence'])} |"
        for name, card in sorted(known.items())
        if "obtain" in card
    ]
    parts += [
        "## The authors' releases",
        "Their licences do not let us ship them, or do not say. `zoo show NAME` tells where to get "
        "one and how to convert it.",
        "\n".join(["| preset | model | what | licence |", "|---|---|---|---|", *rows]),
    ]
    return "\n\n".join(parts) + "\n"


def _overview(shipped: dict[str, Entry]) -> str:
    if not shipped:
        return "None yet."
    rows = [
        f"| [`{name}`](#{name}) | {entry.model} | {entry.size / 1e6:.2f} | `{entry.recipe}` |"
        for name, entry in sorted(shipped.items())
    ]
    total = sum(entry.size for entry in shipped.values() if entry.url is None) / 1e6
    table = "\n".join(["| preset | model | MB | recipe |", "|---|---|---|---|", *rows])
    return f"{table}\n\nIn the package: {total:.1f} MB of weights."


def _goals(shipped: dict[str, Entry], known: dict[str, dict]) -> str:
    """A table of what presets were to reach and what they did."""
    rows = [["goal", "preset", "at least", "reached", "protocol"], ["---"] * 5]
    for name, entry in sorted(shipped.items()):
        for goal in known.get(name, {}).get("goals", ()):
            result = next((r for r in entry.metrics if r.protocol == goal["protocol"]), None)
            value = None if result is None else reached(goal, result)
            least = goal["at_least"]
            shown = "not measured" if value is None else f"{value:.4g}"
            if value is not None and value >= least:
                shown = f"**{shown}**"
            pinned = f"{goal['protocol']} `{result.sha256[:12]}`" if result else goal["protocol"]
            rows.append([_cell(goal["text"]), f"`{name}`", f"{least:g}", shown, pinned])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) if rows[2:] else "None yet."


def reached(goal: dict, result: Result) -> float | None:
    """What `result` says of a goal of a card: the greater, the better; None if it lacks a value.

    A goal has `text`, `protocol`, `value` (name of a measure), `cases` (their mean counts),
    `at_least`, and may have `over`, a baseline that the preset is compared with: then the
    difference counts. With `lower_is_better` it is the baseline's value less the preset's.
    """
    values = {(row.case, row.method): row.values.get(goal["value"]) for row in result.rows}

    def mean(method):
        found = [values.get((case, method)) for case in goal["cases"]]
        return None if None in found else sum(found) / len(found)

    value = mean("model")
    if value is None or "over" not in goal:
        return value
    other = mean(goal["over"])
    if other is None:
        return None
    return other - value if goal.get("lower_is_better") else value - other


def listing() -> list[tuple[str, str, str, str]]:
    """(name, model, size, place) of every preset, for people."""
    shipped, user, kept = store.SHIPPED.entries(), store.user_presets(), store.home().entries()
    rows = []
    for name in list_presets():
        entry = store.entry_of(name)
        if name in user and entry is None:
            model, size, place = read_config(user[name])["model"], "", str(user[name])
        elif entry is None:
            model, size, place = cards()[name]["model"], "", "not shipped; see `zoo show`"
        else:
            model, size = entry.model, f"{entry.size / 1e6:.2f} MB"
            here = name in kept and kept[name].files == entry.files
            place = "in the package"
            if here and shipped.get(name, entry).url is not None or name not in shipped:
                place = str(store.home().path(name))
            elif entry.url is not None:
                place = f"fetched when it is loaded, from {entry.url}"
        rows.append((name, model, size, place))
    return rows

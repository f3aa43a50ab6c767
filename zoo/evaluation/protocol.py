"""Protocols: everything that decides a score, pinned in a YAML file, typed and checked.

A protocol says which pictures of which set, which holes, which metrics in which version and which
networks they look through. Its identity is the SHA-256 of all that as it was in force: two results
may be compared only if they have the same one. What the pictures, holes and networks were is told
by their SHA-256; where they lay does not count.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zoo.config import DataSection, flat, parse_value
from zoo.errors import ZooError, did_you_mean

_MAX_BYTES = 100_000
_FREE = ("data.directory", "data.size", "networks.")  # may differ from the file and stay pinned
_SILENT = ("description", "published", "pictures")  # of no weight for the scores
BASELINES = (*("telea", "navier_stokes", "nearest_neighbor", "copy", "hog", "thumbnail", "prior"),)
PROCEDURES = (
    *("completion", "editing", "frontalization", "verification", "parsing", "classification"),
)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class SplitSection(_Section):
    """Which examples are scored: evenly spread over a split, in its order."""

    name: Literal["train", "val", "test"] = "test"
    count: int | None = Field(None, ge=1, description="of examples; none = all of the split")
    sha256: str | None = Field(None, description="of the list of their names, a line each")


class HoleSection(_Section):
    """Holes of a completion; see `zoo.evaluation.holes`."""

    kind: Literal["center", "facial_parts", "area_buckets", "sc_fegan"]
    seed: int = Field(0, ge=0)
    sha256: dict[int, str] = Field({}, description="side of the pictures -> of all holes")


class NetworkSection(_Section):
    """Presets, by name or directory, of the networks that metrics look through."""

    embedding: str | None = None
    classifier: str | None = None
    frontalizer: str | None = Field(None, description="turns the faces of a verification, too")


class Protocol(_Section):
    """One way to judge a model; see the files in `zoo/evaluation/protocols`."""

    version: int = Field(ge=1)
    description: str
    procedure: Literal[PROCEDURES]
    data: DataSection
    split: SplitSection = SplitSection()
    holes: HoleSection | None = None
    hints: bool = Field(False, description="completion with and without sketch and colour")
    strength: float = Field(1.0, ge=1, le=2, description="of edits; 1.5 is STGAN's test_int 2")
    setting: Literal[1, 2] = Field(1, description="of TP-GAN")
    gallery_light: int = Field(7, ge=0, description="of frontal gallery pictures")
    pairs: int | None = Field(None, ge=20, description="drawn from the split; none = the set's own")
    baselines: list[Literal[BASELINES]] = Field([], description="in the same table")
    neighbor: Literal["hog", "thumbnail"] = "thumbnail"
    gallery: int = Field(500, ge=1, description="training pictures that baselines see")
    metrics: dict[str, int] = Field(description="name -> version")
    networks: NetworkSection = NetworkSection()
    pictures: int = Field(6, ge=1, le=24, description="examples on the picture page")
    published: list[dict[str, Any]] = Field([], description="rows of papers, not measured here")


class Pinned:
    """A protocol as it is in force.

    Attributes:
        name: of the file.
        values: the protocol.
        altered: paths that were given other values than the file's and thereby unpin it.
    """

    def __init__(self, name: str, values: Protocol, altered: Sequence[str]):
        self.name = name
        self.values = values
        self.altered = tuple(altered)

    def check_hash(self, what: str, pinned: str | None, found: str) -> None:
        """Raises ZooError if the file pins another SHA-256 than what was found.

        A protocol altered by the user is not held to the file's hashes.
        """
        if pinned is not None and not self.altered and pinned != found:
            raise ZooError(
                f"protocol {self.name}: the {what} have SHA-256 {found[:12]}..., pinned are "
                f"{pinned[:12]}...; this is not the data or not the version it was made for"
            )

    def identity(self, found: dict[str, str | None]) -> dict[str, Any]:
        """Everything that two results must share: path -> value.

        Args:
            found: SHA-256 of what was used: `split`, `holes`, `pictures`, `embedding`,
                `classifier`, `frontalizer`; None for what was not.
        """
        values = self.values.model_dump(mode="json", exclude=set(_SILENT))
        values["data"].pop("directory")
        values["split"].pop("sha256")
        values["networks"] = {}
        if values["holes"]:
            values["holes"].pop("sha256")
        return {
            "protocol": self.name,
            **flat(values),
            **{f"sha256.{k}": v for k, v in found.items()},
        }


def digest(identity: dict[str, Any]) -> str:
    """SHA-256 of an identity: of its JSON with sorted keys."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def protocols_directory() -> Path:
    """Where the protocols that come with the package are."""
    return Path(str(resources.files("zoo.evaluation") / "protocols"))


def list_protocols() -> list[str]:
    """Names of the protocols that come with the package."""
    return sorted(path.stem for path in protocols_directory().glob("*.yaml"))


def load_protocol(protocol: str | os.PathLike, overrides: Iterable[str] = ()) -> Pinned:
    """Reads and checks a protocol.

    Args:
        protocol: name of one that comes with the package, or the path of a YAML file.
        overrides: texts `a.b=value`; the value is read as YAML. Others than of data.directory,
            data.size and networks make another protocol of it, which no pinned hash holds for.

    Raises:
        ZooError: no such protocol, bad YAML, an unknown key or an illegal value.
    """
    path = _find(protocol)
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ZooError(f"{path} is larger than {_MAX_BYTES} bytes; that is no protocol")
        values = parse_value(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ZooError(f"cannot read {path}: {error}") from error
    if not isinstance(values, dict):
        raise ZooError(f"{path} must hold a mapping, such as `procedure:` and `data:`")
    altered = []
    for override in overrides:
        key, separator, text = override.partition("=")
        if not separator or not key:
            raise ZooError(f"--set {override}: write it as a.b=value")
        _assign(values, key, parse_value(text, f"--set {key}: the value"))
        if not key.startswith(_FREE):
            altered.append(key)
    try:
        checked = Protocol.model_validate(values)
    except ValidationError as error:
        raise ZooError(f"protocol {path.stem}: {_explained(error)}") from None
    if checked.procedure == "completion" and checked.holes is None:
        raise ZooError(f"protocol {path.stem}: holes is missing; a completion needs some")
    return Pinned(path.stem, checked, altered)


def _find(protocol: str | os.PathLike) -> Path:
    for path in (Path(protocol), protocols_directory() / f"{protocol}.yaml"):
        if os.path.isfile(path):  # False for a name that no file can have
            return path
    names = list_protocols()
    raise ZooError(
        f"no protocol {str(protocol)!r}; legal are a YAML file and {', '.join(names)}."
        f"{did_you_mean(str(protocol), names)}"
    )


def _assign(values: dict, path: str, value: Any) -> None:
    *sections, key = path.split(".")
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise ZooError(f"--set {path}: {section} is no section")
    values[key] = value


def _explained(error: ValidationError) -> str:
    """The first problem on one line: path, what was received, what is legal."""
    problem = error.errors()[0]
    path = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        section: Any = Protocol
        for part in problem["loc"][:-1]:
            annotation = section.model_fields[part].annotation
            kinds = [annotation, *getattr(annotation, "__args__", ())]
            section = next(kind for kind in kinds if hasattr(kind, "model_fields"))
        legal = list(section.model_fields)
        hint = did_you_mean(problem["loc"][-1], legal)
        return f"unknown key {path}; legal are {', '.join(legal)}.{hint}"
    if problem["type"] == "missing":
        return f"{path} is missing"
    message = problem["msg"][0].lower() + problem["msg"][1:]
    return f"{path} is {problem['input']!r}: {message}"

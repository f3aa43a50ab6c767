"""The index of a store of presets: what each preset is, and the SHA-256 and bytes of its files."""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic import field_validator as validator
from pydantic_core import PydanticCustomError

from zoo import __version__
from zoo.errors import ZooError

INDEX, CONFIG, WEIGHTS = "index.json", "config.json", "model.safetensors"
FORMAT = 1
"""Of presets and of indices; a later one is refused."""

MAX_INDEX = 4_000_000  # bytes
MAX_CONFIG = 1_000_000  # bytes
MAX_WEIGHTS = 4 * 1024**3  # bytes

NAME = r"^[a-z0-9][a-z0-9_-]{0,63}$"

# No control characters: these texts come from outside and are printed on terminals.
_Text = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f-\x9f]+$", max_length=2000)]
_Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_Name = Annotated[str, StringConstraints(pattern=NAME)]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class File(_Record):
    """A file of a preset."""

    sha256: _Sha256
    bytes: int = Field(ge=1, le=MAX_WEIGHTS)


class Data(_Record):
    """What a preset was trained on."""

    name: _Text
    manifest_sha256: _Sha256
    images: int
    size: int = Field(description="side of the images, pixels")


class Row(_Record):
    """What one method reached in one case: the preset (`model`) or a baseline."""

    case: _Text
    method: _Text
    images: int
    values: dict[_Text, float]


class Result(_Record):
    """What `zoo eval` measured under one protocol."""

    protocol: _Text
    sha256: _Sha256
    altered: list[_Text] = Field([], description="values that are not the pinned protocol's")
    rows: list[Row]


class Entry(_Record):
    """A preset; `url` is the folder that its files are fetched from, None if they are here."""

    model: _Text
    zoo: _Text = Field(description="version that wrote it")
    licence: _Text
    files: dict[Literal["config.json", "model.safetensors"], File]
    recipe: _Text | None = None
    data: Data | None = None
    metrics: list[Result] = []
    url: _Text | None = None

    @validator("files")
    @classmethod
    def _both_files(cls, files):
        if set(files) != {CONFIG, WEIGHTS} or files[CONFIG].bytes > MAX_CONFIG:
            raise PydanticCustomError(
                "files", f"legal are {CONFIG} of at most {MAX_CONFIG} bytes and {WEIGHTS}"
            )
        return files

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.bytes for file in self.files.values())


class _Index(_Record):
    format: int
    presets: dict[_Name, Entry]


def parse(text: str | bytes, source: str) -> dict[str, Entry]:
    """Name -> entry, of the text of an index.

    Args:
        text: JSON.
        source: named in error messages.

    Raises:
        ZooError: no index, one of another format, or an illegal value.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ZooError(f"{source} is not JSON: {error}") from error
    if not isinstance(document, dict) or "format" not in document:
        raise ZooError(f"{source} is no index of presets: it has no format")
    check_format(document, source)
    try:
        return _Index.model_validate(document).presets
    except ValidationError as error:
        raise ZooError(f"{source}: {explained(error)}") from None


def explained(error: ValidationError) -> str:
    """The first problem on one line: path, what was received, what is legal."""
    problem = error.errors()[0]
    path = ".".join(map(str, problem["loc"]))
    if problem["type"] == "missing":
        return f"{path} is missing"
    return f"{path} is {repr(problem['input'])[:80]}: {problem['msg']}"


def check_format(document: dict, source: str) -> None:
    """Refuses an index or a preset's config that another zoo wrote in another format.

    Without a number it is of the first format.
    """
    number = document.get("format", 1)
    if number != FORMAT:
        maker = str(document.get("zoo", "another version"))[:40]
        raise ZooError(
            f"{source} is of preset format {str(number)[:40]}, written by zoo {maker}; this zoo "
            f"{__version__} reads format {FORMAT}. Use the zoo that wrote it, or a newer one"
        )


def dump(entries: dict[str, Entry]) -> str:
    """The text of an index, sorted by name."""
    index = _Index(format=FORMAT, presets=dict(sorted(entries.items())))
    return json.dumps(index.model_dump(exclude_defaults=True), indent=2) + "\n"

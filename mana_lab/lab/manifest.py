"""The manifest of a run folder: what run it is, and which files the folder has."""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from mana_lab.crypto.strictjson import strict_json
from mana_lab.errors import InvalidJsonError, RunFolderError
from mana_lab.lab.recording import Recording

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
FILES: Final = (
    "actions.parquet",
    "catalog.json",
    "memory.json",
    "offers.jsonl",
    "personas.parquet",
    "ratings.parquet",
    "runs.parquet",
    "tape.jsonl",
    "ticks.parquet",
)
"""What a run folder has besides its manifest, and nothing else."""

MOST_BYTES: Final = 8 * 1024**3
"""How large all files of a folder may be together."""
_LARGEST_MANIFEST = 16 * 1024**2
_PIECE = 1024**2


class KeptFile(BaseModel):
    """A file of the folder.

    Attributes:
        sha256: Of its content, in hex.
        bytes: How long it is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    bytes: Annotated[int, Field(ge=0)]


class KeptRun(BaseModel):
    """The run.

    Attributes:
        id: Its id.
        number: The how-manieth of its lab it was.
        seed: What all randomness derived from.
        brain: Who played the personas.
        model: The model behind that, where there was one.
        starts_at: Its first moment.
        ends_at: When it was to end.
        participants: The addresses of those who took part; all personas when None.
        status: How it ended.
        app_on_tape: Whether what the app answered was recorded.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    number: int
    seed: int
    brain: str
    model: str | None
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    participants: list[str] | None
    status: str
    app_on_tape: bool


class Manifest(BaseModel):
    """The manifest of a run folder.

    Attributes:
        format: The version of the folder's format.
        run: The run.
        recording: What decides what the run comes to besides; None where nobody noted it.
        files: The files, by name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = FORMAT
    run: KeptRun
    recording: Recording | None
    files: dict[str, KeptFile]

    def text(self) -> str:
        """Return the manifest as its file; the same manifest, the same text."""
        content = self.model_dump(mode="json")
        return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def kept_file(path: Path) -> KeptFile:
    """Return what a manifest says of a file."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            size += len(piece)
    return KeptFile(sha256=digest.hexdigest(), bytes=size)


def checked_manifest(folder: Path) -> Manifest:
    """Return a folder's manifest, when the folder is as it was written.

    Raises:
        RunFolderError: It is no run folder, of another version, or changed; the message names the
            file.
    """
    if not folder.is_dir():
        raise RunFolderError(f"there is no run folder at {folder}; keep a run to make one")
    there = {path.name for path in folder.iterdir()}
    if MANIFEST not in there:
        raise RunFolderError(f"{folder} is no run folder: it has no {MANIFEST}")
    manifest = _read(folder / MANIFEST)
    _check_names(manifest, there)
    if sum(file.bytes for file in manifest.files.values()) > MOST_BYTES:
        raise RunFolderError(f"the files are larger than {MOST_BYTES} bytes together")
    for name, file in sorted(manifest.files.items()):
        _check_file(folder / name, file)
    return manifest


def _read(path: Path) -> Manifest:
    _check_plain(path, _LARGEST_MANIFEST)
    try:
        content = strict_json(path.read_bytes())
    except InvalidJsonError:
        raise RunFolderError(f"{path.name}: is not JSON that can be read in one way only") from None
    version = content.get("format") if isinstance(content, dict) else None
    if version != FORMAT or isinstance(version, bool):
        raise RunFolderError(
            f"{path.name}: has format {_shown(version)}; this version of mana_lab reads {FORMAT}"
        )
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"]))[:120]
        raise RunFolderError(f"{path.name}: {where}: {first['msg']}") from None


def _check_names(manifest: Manifest, there: set[str]) -> None:
    listed = set(manifest.files)
    if odd := sorted(listed ^ set(FILES)):
        has = "does not list" if odd[0] in FILES else "lists"
        hint = "" if odd[0] in FILES else ", which is no file of a run folder"
        raise RunFolderError(f"{MANIFEST}: {has} {_shown(odd[0])}{hint}")
    if missing := sorted(listed - there):
        raise RunFolderError(f"{missing[0]}: is missing from the run folder")
    if extra := sorted(there - listed - {MANIFEST}):
        raise RunFolderError(f"{_shown(extra[0])}: does not belong into a run folder; remove it")


def _check_file(path: Path, file: KeptFile) -> None:
    _check_plain(path, file.bytes)
    found = kept_file(path)
    if found.bytes != file.bytes:
        raise RunFolderError(f"{path.name}: has {found.bytes} bytes instead of {file.bytes}")
    if found.sha256 != file.sha256:
        raise RunFolderError(f"{path.name}: was changed; its SHA-256 is not that of the manifest")


def _check_plain(path: Path, most: int) -> None:
    """Check that it is a file, no link, and not too large, before any of it is read."""
    state = path.lstat()
    if not stat.S_ISREG(state.st_mode):
        raise RunFolderError(f"{path.name}: is no plain file")
    if state.st_size > most:
        raise RunFolderError(f"{path.name}: has {state.st_size} bytes, and may have {most}")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"

"""The tape of a run as files: an entry a line, the lists of tools, what was remembered before."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mana_lab.crypto import canonical_json
from mana_lab.crypto.strictjson import strict_json
from mana_lab.errors import InvalidJsonError, RunFolderError, UnserializableValueError
from mana_lab.runner.ledger_tape import RunTape, TickTape
from mana_lab.runner.replay.offers import digest
from mana_lab.runner.tape import Entry, Track

if TYPE_CHECKING:
    import pandas as pd

TAPE, OFFERS, MEMORY = "tape.jsonl", "offers.jsonl", "memory.json"
_LONGEST_LINE = 64 * 1024**2
_DEPTH = 256


class Line(BaseModel):
    """A line of the tape.

    Attributes:
        run: The run.
        persona: Whose tick it is: their address.
        tick: Their how-manieth.
        track: Who was asked.
        step: The place on the track, from 0.
        request: SHA-256 of what was asked, without ids and times, in hex.
        answer: What was answered.
        text: Instead, its JSON, where that is not one that every parser reads alike.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    run: str
    persona: str
    tick: Annotated[int, Field(ge=1)]
    track: Track
    step: Annotated[int, Field(ge=0)]
    request: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    answer: Any = None
    text: str | None = None

    @property
    def entry(self) -> Entry:
        """The entry of the tape."""
        answer = self.answer if self.text is None else json.loads(self.text)
        return Entry(self.step, self.request, answer)


def tape_lines(run: str, tape: RunTape) -> Iterator[str]:
    """Yield the lines of the tape, by the time of the tick and the persona."""
    for tick in tape.ticks:
        tracks: Mapping[Track, Any] = {"app": tick.app, "model": tick.model}
        for track, entries in tracks.items():
            for step, entry in enumerate(entries):
                yield _written(
                    {
                        "run": run,
                        "persona": tick.email,
                        "tick": tick.number,
                        "track": track,
                        "step": step,
                        "request": entry.request_hash,
                        **_packed(entry.answer),
                    }
                )


def offer_lines(tape: RunTape) -> Iterator[str]:
    """Yield the lists of tools, by their hashes."""
    for name, tools in sorted(tape.offers.items()):
        yield _written({"hash": name, **_packed(list(tools))})


def memory_text(tape: RunTape) -> str:
    """Return what was remembered before the run."""
    return _written({email: dict(past) for email, past in sorted(tape.memory.items())})


def read_tape(folder: Path, run: str, ticks: pd.DataFrame) -> RunTape:
    """Return what a run has on tape.

    Args:
        folder: The run folder.
        run: The id of its run.
        ticks: The run's ticks.

    Raises:
        RunFolderError: A file is none of a tape; the message names it and the line.
    """
    tracks: dict[tuple[str, int, Track], list[Entry]] = {}
    for number, content in _lines(folder / TAPE):
        line = _line(number, content)
        entries = tracks.setdefault((line.persona, line.tick, line.track), [])
        if line.run != run or line.step != len(entries):
            raise RunFolderError(f"{TAPE}: line {number}: is out of place")
        entries.append(_entry(number, line))
    found = [_tick(row, tracks) for row in ticks.to_dict("records")]
    known = {(tick.email, tick.number) for tick in found}
    if stray := next((key for key in tracks if key[:2] not in known), None):
        raise RunFolderError(f"{TAPE}: has entries of a tick that is not in the run: {stray[:2]}")
    found.sort(key=lambda tick: (tick.scheduled_at, tick.email, tick.number))
    return RunTape(found, dict(_offers(folder / OFFERS)), _memory(folder / MEMORY))


def _tick(row: Mapping[Any, Any], tracks: Mapping[tuple[str, int, Track], list[Entry]]) -> TickTape:
    email, number = str(row["email"]), int(row["tick"])
    return TickTape(
        tick_id=row["id"],
        email=email,
        number=number,
        scheduled_at=row["scheduled_at"].to_pydatetime(),
        status=row["status"],
        failed_step=_text(row["failed_step"]),
        error=_text(row["error"]),
        model=tracks.get((email, number, "model"), []),
        app=tracks.get((email, number, "app"), []),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _line(number: int, content: Any) -> Line:
    try:
        return Line.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"]))[:80]
        raise RunFolderError(f"{TAPE}: line {number}: {where}: {first['msg']}") from None


def _entry(number: int, line: Line) -> Entry:
    try:
        return line.entry
    except (ValueError, RecursionError):
        raise RunFolderError(f"{TAPE}: line {number}: text: is not JSON") from None


def _offers(path: Path) -> Iterator[tuple[str, Any]]:
    for number, content in _lines(path):
        try:
            name, tools = content["hash"], content.get("answer")
            if tools is None:
                tools = json.loads(content["text"])
            known = digest(tools)
        except (TypeError, AttributeError, LookupError, ValueError, RecursionError):
            raise RunFolderError(f"{path.name}: line {number}: is no list of tools") from None
        if name != known or not isinstance(tools, list):
            raise RunFolderError(f"{path.name}: line {number}: is not the list of its hash")
        yield name, tools


def _memory(path: Path) -> dict[str, Mapping[str, Any]]:
    content = _json(path.name, path.read_bytes())
    if not isinstance(content, dict) or not all(isinstance(x, dict) for x in content.values()):
        raise RunFolderError(f"{path.name}: is not what personas remember")
    return content


def _lines(path: Path) -> Iterator[tuple[int, Any]]:
    with path.open("rb") as file:
        for number, raw in enumerate(iter(lambda: file.readline(_LONGEST_LINE), b""), 1):
            if not raw.endswith(b"\n"):
                raise RunFolderError(f"{path.name}: line {number}: is cut off, or too long")
            yield number, _json(f"{path.name}: line {number}", raw)


def _json(where: str, raw: bytes) -> Any:
    try:
        return strict_json(raw, max_depth=_DEPTH)
    except InvalidJsonError:
        raise RunFolderError(f"{where}: is not JSON that can be read in one way only") from None


def _packed(answer: Any) -> dict[str, Any]:
    try:
        canonical_json(answer)
    except UnserializableValueError:
        return {"text": json.dumps(answer)}
    return {"answer": answer}


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write the lines of a file."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(lines)

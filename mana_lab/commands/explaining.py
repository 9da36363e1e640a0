"""``explain``: why a record is as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from mana_lab.commands.console import finish, progress, say, show
from mana_lab.commands.options import HERE, Folder, check_seeded, existing_lab, open_lab
from mana_lab.display import visible
from mana_lab.errors import NotFoundError
from mana_lab.lab import Lab, RecordHistory
from mana_lab.sync import FieldStory, Write

_LONGEST_ID = 200
_LONGEST_VALUE = 60
_FORM_LENGTH = len("enc:1:")


def explain(
    record: Annotated[str, typer.Argument(help="The record's id.", metavar="RECORD")],
    folder: Folder = HERE,
    reader: Annotated[
        str | None,
        typer.Option("--as", help="As whom to read; else as whoever may.", metavar="NAME"),
    ] = None,
) -> None:
    """Tell which write won each field of a record, when and from whom, and which ones lost.

    Values that are encrypted stay so.

    For example: python -m mana_lab explain 0b4cf1d2-7f0c-4c39-9d2e-5a8f3b6c1e70 --as anna
    """
    finish(_explain(folder, record, reader))


async def _explain(folder: Path, record: str, reader: str | None) -> None:
    with progress() as tell:
        async with await open_lab(existing_lab(folder), tell) as lab:
            check_seeded(lab, folder)
            found = await lab.explain(record, reader)
            names = _names(lab)
    if not found:
        whose = "anybody here" if reader is None else reader
        raise NotFoundError(
            f"there is no record {record[:_LONGEST_ID]!r} that {whose} may read; "
            "a tool that lists or searches shows ids"
        )
    for history in found:
        _tell(history, names)


def _names(lab: Lab) -> dict[str, str]:
    people = lab.personas_df()
    return dict(zip(people["user_id"], people["persona"], strict=True))


def _tell(history: RecordHistory, names: dict[str, str]) -> None:
    story = history.story
    state = "deleted" if story.deleted else "there" if story.inserted else "a fragment"
    say(f"{history.app_id}/{history.collection} in the space {history.space_id}: {state}")
    table = Table()
    for name in ("field", "", "value", "when", "who", "client", "by"):
        table.add_column(name, overflow="fold")
    for field in story.fields:
        for row in _rows(field, names):
            table.add_row(*map(visible, row))
    show(table)


def _rows(field: FieldStory, names: dict[str, str]) -> list[list[str]]:
    rows = [[field.name, "won", *_told(field.winner, names)]]
    return rows + [["", "lost", *_told(write, names)] for write in field.losers]


def _told(write: Write, names: dict[str, str]) -> list[str]:
    who = names.get(write.user_id, write.user_id or "unknown")
    return [_value(write.value), write.stamp or "no time", who, write.client_id, write.op]


def _value(value: Any) -> str:
    if isinstance(value, str) and value.startswith("enc:"):
        return f"encrypted ({value[:_FORM_LENGTH]})"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"

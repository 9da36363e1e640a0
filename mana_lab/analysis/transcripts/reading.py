"""Reading the transcripts of ticks from a warehouse."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import pandas as pd

from mana_lab.analysis.choosing import choose_persona
from mana_lab.analysis.columns import VIEWS
from mana_lab.analysis.friction import DEFINITIONS
from mana_lab.analysis.friction.definition import Scope
from mana_lab.analysis.transcripts.tick import Call, Opinion, Tick
from mana_lab.analysis.warehouse import Warehouse
from mana_lab.errors import NotFoundError

_IN: Final = "list_contains($ids::VARCHAR[], tick_id)"


def tick_of(warehouse: Warehouse, persona: str, number: int | None = None) -> Tick:
    """Return a tick of a persona, or the one of an id.

    Args:
        warehouse: Where the rows come from.
        persona: The persona's name or address; without *number*, the id of a tick or of a session
            by hand.
        number: The how-manieth tick of the persona, from 1, over all runs.

    Raises:
        UnknownPersonaError: There is no such persona; the message says who is there.
        NotFoundError: There is no such tick; the message says which there are.
        InvalidInputError: Several personas have that name.
    """
    wanted = persona if number is None else _numbered(warehouse, persona, number)
    for tick in ticks_of(warehouse, [wanted]):
        return tick
    raise NotFoundError(
        f"this lab has no tick of the id {persona[:80]!r}; take a persona and a number, as in "
        "lab.tick('anna', 1), or an id of ticks_df()"
    )


def ticks_of(warehouse: Warehouse, ids: Sequence[str]) -> list[Tick]:
    """Return the ticks of these ids, in their order; an id that there is not is left out.

    Args:
        warehouse: Where the rows come from.
        ids: The ids.
    """
    calls = _rows(warehouse, "friction_calls", ids)
    ratings = _rows(warehouse, "persona_feedback", ids)
    ticks = _rows(warehouse, "ticks", ids)
    found = []
    for wanted in dict.fromkeys(ids):
        own, said = calls.get(wanted, []), ratings.get(wanted, [])
        heads = ticks.get(wanted, [])
        if heads or own or said:
            found.append(_tick(wanted, heads, own, said))
    return found


def _numbered(warehouse: Warehouse, persona: str, number: int) -> str:
    """Return the id of a tick."""
    who = choose_persona(warehouse.personas_df(), persona)
    query = "SELECT tick, id FROM ticks WHERE email = $email ORDER BY tick"
    ticks = warehouse.typed(query, {"tick": "integer", "id": "text"}, email=str(who["email"]))
    found = ticks[ticks["tick"] == number]["id"]
    if found.empty:
        first, last = (ticks["tick"].iloc[place] if len(ticks) else None for place in (0, -1))
        there = "there is none yet" if first is None else f"there are {first} to {last}"
        raise NotFoundError(f"{who['persona']} has no tick {number}; {there}")
    return str(found.iloc[0])


def _rows(warehouse: Warehouse, view: str, ids: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of a view that belong to these ticks, by the id of the tick."""
    labs = warehouse.labs
    if view == "friction_calls":
        definition = DEFINITIONS[view]
        kinds = definition.columns(*labs)
        query = f"{definition.unordered(Scope(keys=labs, labs=labs, where=_IN))} ORDER BY seq, id"
    else:
        kinds, key = VIEWS[view], "id" if view == "ticks" else "tick_id"
        where = _IN.replace("tick_id", key)
        query = f"SELECT * FROM {view} WHERE {where} ORDER BY id"  # noqa: S608
    frame = warehouse.typed(query, kinds, ids=list(ids))
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in frame.to_dict("records"):
        known = {str(name): value for name, value in row.items()}
        rows.setdefault(str(known["id" if view == "ticks" else "tick_id"]), []).append(known)
    return rows


def _tick(
    wanted: str,
    heads: Sequence[Mapping[str, Any]],
    calls: Sequence[Mapping[str, Any]],
    ratings: Sequence[Mapping[str, Any]],
) -> Tick:
    head = dict((*heads, *calls, *ratings)[0])
    began = head.get("scheduled_at", head.get("occurred_at"))
    return Tick(
        id=wanted,
        persona=_text(head, "persona"),
        email=_text(head, "email"),
        number=_whole(head, "tick"),
        run=_whole(head, "run"),
        began_at=None if began is None or pd.isna(began) else began.to_pydatetime(),
        status=_text(head, "status"),
        brain=_text(head, "brain"),
        model=_text(head, "model"),
        variant=_text(head, "variant"),
        prompt_hash=_text(head, "prompt_hash"),
        error=_text(head, "error"),
        calls=tuple(map(_call, calls)),
        ratings=tuple(map(_opinion, sorted(ratings, key=lambda row: str(row["module"])))),
    )


def _call(row: Mapping[str, Any]) -> Call:
    kind, code = _text(row, "error_kind"), _text(row, "error_code")
    latency = row.get("latency_ms")
    return Call(
        seq=_whole(row, "seq"),
        tool_name=_text(row, "tool_name"),
        result=_text(row, "result"),
        became=_became(row),
        error_code=": ".join(filter(None, dict.fromkeys((kind, code)))),
        error_message=_text(row, "error_message"),
        latency_ms=None if latency is None or pd.isna(latency) else float(latency),
        id=_text(row, "id"),
    )


def _became(row: Mapping[str, Any]) -> str:
    if not row["failed"]:
        return "worked"
    later = _whole(row, "recovered_after")
    if later is not None:
        return f"failed; worked {later} call{'' if later == 1 else 's'} later"
    instead = _text(row, "then_tool")
    again = "tried again in vain" if row["retried"] else "not tried again at once"
    return f"failed; {again}" + (f"; then {instead} worked" if instead else "")


def _opinion(row: Mapping[str, Any]) -> Opinion:
    return Opinion(
        module=_text(row, "module"),
        rating=_whole(row, "rating"),
        notes=_text(row, "notes"),
        brain=_text(row, "brain"),
        evidence=tuple(map(str, row["evidence"])),
        id=_text(row, "id"),
    )


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""


def _whole(row: Mapping[str, Any], name: str) -> int | None:
    value = row.get(name)
    return None if value is None or pd.isna(value) else int(value)

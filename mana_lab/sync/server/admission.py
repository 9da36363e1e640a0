"""Admission: what a pushed body must be like before anything of it is stored.

Everything refused here is refused with a sentence that names the place, what was got and what is
allowed. Fields and tables that this service has never heard of are let in unchanged.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NoReturn
from uuid import UUID

from pydantic import ValidationError

from mana_lab.crypto.jsjson import nests_deeper
from mana_lab.errors import (
    FutureStampError,
    InvalidInputError,
    InvalidJsonError,
    PayloadTooLargeError,
)
from mana_lab.sync.server.names import MAX_NAME_CHARS, check_name, check_table
from mana_lab.sync.stamps import START, parse_stamp
from mana_lab.sync.wire import SCHEMA_VERSION, Change, Changeset, FieldChange

MAX_CHANGES = 1000
"""The most changes of one push; the browser sends 200."""
MAX_DEPTH = 64
"""How deep the arrays and objects of a push may nest."""
MAX_AHEAD = timedelta(minutes=5)
"""How far a stamp may be ahead of the service's clock."""

_LONGEST_QUOTE = 40
_READ_AT_ONCE = 16 * 1024


async def admit(body: bytes, header_client_id: str, now: datetime) -> Changeset:
    """Do what :func:`read_changeset` does, without holding up the event loop for a long body."""
    if len(body) <= _READ_AT_ONCE:
        return read_changeset(body, header_client_id, now)
    return await asyncio.to_thread(read_changeset, body, header_client_id, now)


def read_changeset(body: bytes, header_client_id: str, now: datetime) -> Changeset:
    """Parse and check what a client pushed.

    Args:
        body: The request's body.
        header_client_id: The header ``X-Client-Id``; if not empty it goes before ``clientId``.
        now: The service's time.

    Returns:
        The changeset, with its client id, and with a schema version on every change.

    Raises:
        InvalidInputError: Something in it is not allowed.
        FutureStampError: A stamp is more than :data:`MAX_AHEAD` ahead of *now*.
        PayloadTooLargeError: It has more than :data:`MAX_CHANGES` changes.
    """
    parsed = _parse(body)
    _count(parsed)
    _read_fields(parsed)
    try:
        changeset = Changeset.model_validate(parsed)
    except ValidationError as error:
        raise InvalidInputError(_sentence(error)) from None
    named = {"X-Client-Id": header_client_id, "clientId": changeset.client_id}
    client_ids = [check_name(place, name) for place, name in named.items() if name]
    if not client_ids:
        _refuse("clientId", "missing; send it in the body or as the header X-Client-Id")
    version = _version("schemaVersion", changeset.schema_version, SCHEMA_VERSION)
    changes = [
        _checked(f"changes[{index}]", change, version, now)
        for index, change in enumerate(changeset.changes)
    ]
    return changeset.model_copy(update={"client_id": client_ids[0], "changes": changes})


def _parse(body: bytes) -> Any:
    """Read JSON as a browser writes it: lone surrogates pass, what no browser reads does not."""
    try:
        text = body.decode("utf-8")
        if nests_deeper(text, MAX_DEPTH):
            raise InvalidJsonError(f"body: nests deeper than the {MAX_DEPTH} levels allowed")
        return json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except UnicodeDecodeError:
        raise InvalidJsonError("body: not UTF-8, which JSON has to be") from None
    except (ValueError, RecursionError) as error:
        raise InvalidJsonError(
            f"body: not JSON ({error}); a push is an object with clientId and changes"
        ) from None


def _count(parsed: Any) -> None:
    changes = parsed.get("changes") if isinstance(parsed, dict) else None
    if isinstance(changes, list) and len(changes) > MAX_CHANGES:
        raise PayloadTooLargeError(
            f"changes: got {len(changes):,}, at most {MAX_CHANGES:,} are allowed in one push; "
            "push them in parts"
        )


def _read_fields(parsed: Any) -> None:
    """Read the fields of all changes up to the first bad one, which is then its change's only one.

    The models would make a complaint of every bad field, which takes seconds for a million.
    """
    changes = parsed.get("changes") if isinstance(parsed, dict) else None
    for change in changes if isinstance(changes, list) else ():
        fields = change.get("fields") if isinstance(change, dict) else None
        if not isinstance(fields, dict):
            continue
        for name, field in fields.items():
            try:
                fields[name] = FieldChange.model_validate(field)
            except ValidationError:
                change["fields"] = {name: field}
                return


def _checked(place: str, change: Change, version: int, now: datetime) -> Change:
    check_table(f"{place}.table", change.table)
    check_name(f"{place}.id", change.id)
    if change.origin is not None:
        check_name(f"{place}.origin", change.origin)
    _check_content(place, change)
    for stamp_place, stamp in _stamps(change):
        _check_stamp(f"{place}.{stamp_place}", stamp, now)
    return change.model_copy(
        update={
            "schema_version": _version(f"{place}.schemaVersion", change.schema_version, version),
            "event_id": _event_id(place, change.event_id),
        }
    )


def _check_content(place: str, change: Change) -> None:
    if change.op == "insert" and change.data is None:
        _refuse(f"{place}.data", "missing; an insert carries the whole record")
    if change.op == "update" and change.fields is None:
        _refuse(f"{place}.fields", "missing; an update carries {name: {value, updatedAt}}")
    if change.op != "delete" and change.deleted_at is not None:
        _refuse(f"{place}.deletedAt", f"belongs to a delete, got it in an {change.op}")
    for name in (change.fields if change.op == "update" else change.data) or ():
        if len(name) > MAX_NAME_CHARS:
            _refuse(
                place,
                f"a field's name has {len(name)} characters, at most {MAX_NAME_CHARS} are allowed",
            )


def _stamps(change: Change) -> Iterator[tuple[str, Any]]:
    if change.op == "update":
        for name, update in (change.fields or {}).items():
            yield f"fields.{name}.updatedAt", update.updated_at
    elif change.op == "insert":
        for name in ("updatedAt", "createdAt"):
            stamp = (change.data or {}).get(name)
            if stamp is not None:
                yield f"data.{name}", stamp
    elif change.deleted_at is not None:
        yield "deletedAt", change.deleted_at


def _check_stamp(place: str, stamp: Any, now: datetime) -> None:
    if stamp == "":
        _refuse(place, f"missing; a write carries an ISO-8601 time with a zone, such as {START}")
    if not isinstance(stamp, str):
        _refuse(place, f"an ISO-8601 time is text, got {type(stamp).__name__}")
    try:
        moment = parse_stamp(stamp)
    except InvalidInputError as error:
        _refuse(place, error.message)
    if moment - now > MAX_AHEAD:
        raise FutureStampError(
            f"{place}: {stamp} is more than five minutes ahead of the service's clock; "
            "set the device's clock, then write again"
        )


def _version(place: str, given: int | None, default: int) -> int:
    if given is None or given <= 0:
        return default
    if given > SCHEMA_VERSION:
        _refuse(place, f"got {given}, the newest that is understood is {SCHEMA_VERSION}")
    return given


def _event_id(place: str, text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return str(UUID(text))
    except ValueError:
        _refuse(f"{place}.eventId", f"{text[:_LONGEST_QUOTE]!r} is not a UUID")


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ""
    for step in first["loc"]:
        place += f"[{step}]" if isinstance(step, int) else f".{step}"
    return f"{place.lstrip('.') or 'body'}: {first['msg'][:1].lower()}{first['msg'][1:]}"


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits[:_LONGEST_QUOTE]} is beyond what a double holds")
    return number


def _refuse(place: str, complaint: str) -> NoReturn:
    raise InvalidInputError(f"{place}: {complaint}") from None

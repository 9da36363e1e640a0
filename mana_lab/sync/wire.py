"""The messages of the sync service, one model each for the service and its clients.

The formats are those of the original's mana-sync, in both of its forms: its first clients call the
stamp of a field ``updatedAt``, its later ones ``at``. Either is taken, and both are sent. What this
service adds is optional for a client: ``clientId``, ``userId`` and ``seq`` on a change that comes
out of the log, and an ``eventId`` that the pushing side may choose.

The models check shape only. What the service lets in is stricter: :mod:`.server.admission`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    FailFast,
    StrictInt,
    WithJsonSchema,
    model_serializer,
    model_validator,
)
from pydantic.alias_generators import to_camel

from mana_lab.errors import UnserializableValueError
from mana_lab.sync.stamps import START

SCHEMA_VERSION = 1
"""The newest version of the change format that is spoken here."""

PERSONAL_PREFIX = "_personal:"

Op: TypeAlias = Literal["insert", "update", "delete"]


def personal_space(user_id: str) -> str:
    """Return the space id of changes that name no space: only their author reads them."""
    return f"{PERSONAL_PREFIX}{user_id}"


class WireModel(BaseModel):
    """Base of the messages: camelCase on the wire, unknown members of an envelope ignored."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )


_STAMP = {"type": "string", "format": "date-time"}
_FieldMembers = Annotated[
    dict[str, Any],
    WithJsonSchema(
        {"type": "object", "properties": {"value": {}, "updatedAt": _STAMP, "at": _STAMP}}
    ),
]


def field_members(value: Any, stamp: str) -> dict[str, Any]:
    """Return one field of an update as it goes over the wire, its stamp by both of its names."""
    return {"value": value} | ({"updatedAt": stamp, "at": stamp} if stamp else {})


class FieldChange(WireModel):
    """One field of an update.

    Attributes:
        value: The new value; ``None`` is a value like any other.
        updated_at: The stamp of the write (ISO-8601 with a zone); ``updatedAt`` or ``at``.
    """

    value: Any = None
    updated_at: str = ""

    @model_validator(mode="before")
    @classmethod
    def _by_either_name(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "at" not in given:
            return given
        stamp = given.get("updatedAt", given["at"])
        if stamp != given["at"]:
            raise ValueError("updatedAt and at are the same stamp; got two different ones")
        return {**given, "updatedAt": stamp}

    @model_serializer
    def _by_both_names(self) -> _FieldMembers:
        return field_members(self.value, self.updated_at)


def _object_or_name(actor: Any) -> dict[str, Any] | str | None:
    if actor is None or isinstance(actor, dict | str):
        return actor
    raise ValueError(f"an actor is an object or a name, got {json.dumps(actor)[:40]}")


class Change(WireModel):
    """One change of one record.

    Attributes:
        table: The collection, such as ``tasks``.
        id: The record.
        op: ``insert`` carries ``data``, ``update`` carries ``fields``.
        data: The whole record; its ``updatedAt``, else its ``createdAt``, is the stamp.
        fields: The changed fields by name.
        deleted_at: When it was deleted; the service's time where a delete does not say.
        space_id: The space; without one, the author's own ``_personal:`` space.
        actor: Who acted for the user, an object or a name; opaque.
        origin: What kind of actor it was, where a client says so: ``user``, ``agent``, ``system``,
            ``migration``.
        schema_version: Of the change format; 1.
        event_id: A UUID. The service keeps one change per user and event id, so that a push can
            be sent again; it makes one for a change that has none.
        client_id: Out of the log only: which client wrote it.
        user_id: Out of the log only: who wrote it; empty when the service does not say.
        seq: Out of the log only: its place there; 0 when the service does not say.
    """

    table: str
    id: str
    op: Op
    data: dict[str, Any] | None = None
    fields: dict[str, FieldChange] | None = None
    deleted_at: str | None = None
    space_id: str | None = None
    actor: Annotated[Any, AfterValidator(_object_or_name)] = None
    origin: str | None = None
    schema_version: StrictInt | None = None
    event_id: str | None = None
    client_id: str = ""
    user_id: str = ""
    seq: StrictInt = 0

    @classmethod
    def to_insert(
        cls, table: str, record_id: str, data: Mapping[str, Any], *, event_id: str | None = None
    ) -> Change:
        """Return the change that adds a record; *data* should carry ``createdAt``."""
        return cls(table=table, id=record_id, op="insert", data=dict(data), event_id=event_id)

    @classmethod
    def to_update(
        cls,
        table: str,
        record_id: str,
        values: Mapping[str, Any],
        stamp: str,
        *,
        event_id: str | None = None,
    ) -> Change:
        """Return the change that sets the fields of *values*, all at *stamp*."""
        fields = {
            name: FieldChange(value=value, updated_at=stamp) for name, value in values.items()
        }
        return cls(table=table, id=record_id, op="update", fields=fields, event_id=event_id)

    @classmethod
    def to_delete(
        cls, table: str, record_id: str, stamp: str, *, event_id: str | None = None
    ) -> Change:
        """Return the change that deletes a record at *stamp*."""
        return cls(table=table, id=record_id, op="delete", deleted_at=stamp, event_id=event_id)


class Changeset(WireModel):
    """What a client pushes; all of it is stored, or nothing.

    Attributes:
        client_id: The pushing client; the header ``X-Client-Id`` goes before it.
        since: Where the answer's changes start: a cursor, an ISO time, or nothing for the start.
        schema_version: For the changes that have none.
        changes: At most 1,000.
    """

    client_id: str | None = None
    since: str | None = None
    schema_version: StrictInt | None = None
    changes: Annotated[list[Change], FailFast()]


class SyncAnswer(WireModel):
    """The answer to a push and to a pull.

    Attributes:
        server_changes: The changes after ``since``, in the order of the log.
        conflicts: Always empty; the log keeps every write, and readers merge.
        synced_until: The ``since`` of the next request; opaque.
        has_more: Whether that request will find more at once.
    """

    server_changes: list[Change]
    conflicts: list[Any] = []
    synced_until: str = START
    has_more: bool = False


class ForgottenAnswer(WireModel):
    """The answer to the removal of a user's changes.

    Attributes:
        deleted: How many there were.
    """

    deleted: int


class Complaint(WireModel):
    """The body of every answer that is not a success.

    Attributes:
        error: The code of the error, as in :mod:`mana_lab.errors`.
        message: What was got, and what is allowed or to do next.
        status: The HTTP status.
    """

    error: str
    message: str
    status: int


def to_json(message: WireModel) -> bytes:
    """Return *message* as JSON, without the members that were never set.

    Characters beyond ASCII are escaped, so that text which UTF-8 cannot carry (a lone surrogate,
    as JavaScript may have it) goes through unchanged.

    Raises:
        UnserializableValueError: A value in it has no JSON form.
    """
    members = message.model_dump(mode="python", by_alias=True, exclude_unset=True)
    try:
        text = json.dumps(members, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise UnserializableValueError(f"a change cannot be sent as JSON: {error}") from None
    return text.encode("ascii")

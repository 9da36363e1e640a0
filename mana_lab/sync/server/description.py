"""Description: what the service's OpenAPI document says of a push.

The route reads a push itself, after the token was judged, so the framework does not see its form.
What is said here is what :mod:`.admission` keeps to.
"""

from __future__ import annotations

from collections.abc import Mapping
from inspect import getdoc
from typing import Annotated, Any, TypeAlias

from fastapi import Depends, Path
from fastapi.security import HTTPBearer

from mana_lab.sync.server.admission import MAX_CHANGES
from mana_lab.sync.server.names import MAX_NAME_CHARS, TABLE_PATTERN
from mana_lab.sync.stamps import START
from mana_lab.sync.wire import SCHEMA_VERSION, Change, Changeset, FieldChange

TABLE: dict[str, Any] = {"pattern": f"^{TABLE_PATTERN}$"}
"""What an app or a table may be called, as JSON Schema."""
NAME: dict[str, Any] = {"minLength": 1, "maxLength": MAX_NAME_CHARS}
"""What anything else may be called, as JSON Schema; its characters are printable besides."""
CLIENT: dict[str, Any] = {"maxLength": MAX_NAME_CHARS}
"""What a client may be called; the empty text is none, so that the other place counts."""

AppId: TypeAlias = Annotated[str, Path(json_schema_extra=TABLE)]
"""The app in the path."""
BEARER = Depends(HTTPBearer(bearerFormat="JWT", auto_error=False))
"""Says that a token is needed; the routes judge it themselves."""

_STAMP: dict[str, Any] = {"type": "string", "format": "date-time", "examples": [START]}
_FIELD_NAME: dict[str, Any] = {"maxLength": MAX_NAME_CHARS}


def push_body() -> dict[str, Any]:
    """Return what an OpenAPI operation says of the body of a push."""
    changeset = _object(
        Changeset,
        {
            "clientId": _or_null({"type": "string", **CLIENT}),
            "since": _or_null({"type": "string"}),
            "schemaVersion": _or_null(_version()),
            "changes": {
                "type": "array",
                "maxItems": MAX_CHANGES,
                "items": {"oneOf": [_insert(), _update(), _delete()]},
            },
        },
        ["changes"],
    )
    return {
        "requestBody": {"required": True, "content": {"application/json": {"schema": changeset}}}
    }


def _insert() -> dict[str, Any]:
    stamps = {name: _or_null(_STAMP) for name in ("updatedAt", "createdAt")}
    data = {
        "type": "object",
        "properties": {**stamps, "spaceId": _space()},
        "propertyNames": _FIELD_NAME,
    }
    return _change("insert", {"data": data, "deletedAt": {"type": "null"}}, ["data"])


def _update() -> dict[str, Any]:
    field = _object(FieldChange, {"value": {}, "updatedAt": _STAMP, "at": _STAMP}, [])
    field["anyOf"] = [{"required": ["updatedAt"]}, {"required": ["at"]}]
    fields = {"type": "object", "additionalProperties": field, "propertyNames": _FIELD_NAME}
    return _change("update", {"fields": fields, "deletedAt": {"type": "null"}}, ["fields"])


def _delete() -> dict[str, Any]:
    return _change("delete", {"deletedAt": _or_null(_STAMP)}, [])


def _change(op: str, own: Mapping[str, Any], required: list[str]) -> dict[str, Any]:
    members = {
        "table": {"type": "string", **TABLE},
        "id": {"type": "string", **NAME},
        "op": {"type": "string", "const": op},
        **own,
        "spaceId": _space(),
        "actor": {"type": ["object", "string", "null"]},
        "origin": _or_null({"type": "string", **NAME}),
        "schemaVersion": _or_null(_version()),
        "eventId": _or_null({"type": "string", "format": "uuid"}),
    }
    return {**_object(Change, members, ["table", "id", "op", *required]), "title": f"To {op}"}


def _object(model: type, members: Mapping[str, Any], required: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "title": model.__name__,
        "description": getdoc(model),
        "properties": dict(members),
        "required": required,
    }


def _space() -> dict[str, Any]:
    return _or_null({"type": "string", **NAME})


def _version() -> dict[str, Any]:
    return {"type": "integer", "maximum": SCHEMA_VERSION}


def _or_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {**schema, "type": [schema["type"], "null"]}

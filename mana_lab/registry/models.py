"""What tool inputs and outputs are made of: two base models and the field types tools share.

Fields are ``snake_case`` in Python and ``camelCase`` on the wire, and nothing undeclared passes.
Input is strict: ``"5"`` is not a number. The types reach the JSON Schema in full, so that a
generator of valid arguments needs nothing but the schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

MAX_SAFE_INTEGER = 2**53 - 1
"""The largest integer that a JavaScript client reads back unchanged (RFC 8259 §6)."""


class ToolInput(BaseModel):
    """Base of what a tool takes; every field needs a description."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        alias_generator=to_camel,
        hide_input_in_errors=True,
    )


class ToolOutput(BaseModel):
    """Base of what a tool returns; fields with a default are always sent."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        validate_by_alias=True,
        validate_by_name=True,
        hide_input_in_errors=True,
        json_schema_serialization_defaults_required=True,
    )

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        """Return the declared fields of a stored record; it may carry more than that.

        Raises:
            pydantic.ValidationError: A field is missing or not as declared; from a tool, the
                registry makes an ``InvalidOutputError`` of it.
        """
        names = [info.alias or name for name, info in cls.model_fields.items()]
        return cls.model_validate({name: record[name] for name in names if name in record})


class Done(ToolOutput):
    """What a tool returns that has nothing else to say than that it worked."""

    ok: Literal[True] = True


def integral(value: Any) -> Any:
    """Return 5 for 5.0, anything else as it is.

    JSON does not tell the two apart, and some clients send the former. For a type of whole
    numbers with bounds that may also be null: in ``Integer | None`` the bounds would be lost.
    """
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _real_time(text: str) -> str:
    datetime.fromisoformat(text)
    return text


def _real_date(text: str) -> str:
    date.fromisoformat(text)
    return text


Integer: TypeAlias = Annotated[int, BeforeValidator(integral)]
"""A JSON integer; bounds come from the field."""

PositiveInteger: TypeAlias = Annotated[
    int, Field(gt=0, le=MAX_SAFE_INTEGER), BeforeValidator(integral)
]
"""A JSON integer above zero that JavaScript can hold."""

Uuid: TypeAlias = Annotated[
    str,
    Field(
        pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
        json_schema_extra={
            "format": "uuid",
            "examples": ["0b4cf1d2-7f0c-4c39-9d2e-5a8f3b6c1e70"],
        },
    ),
]
"""The text of a UUID (RFC 9562), of any version."""

UtcTime: TypeAlias = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z$",
        json_schema_extra={"format": "date-time", "examples": ["2026-01-05T09:30:00Z"]},
    ),
    AfterValidator(_real_time),
]
"""A moment in UTC as ``YYYY-MM-DDTHH:MM:SS[.fraction]Z`` that exists in the calendar."""

CalendarDate: TypeAlias = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
        json_schema_extra={"format": "date", "examples": ["2026-01-05"]},
    ),
    AfterValidator(_real_date),
]
"""A day as ``YYYY-MM-DD`` that exists in the calendar."""

HexColor: TypeAlias = Annotated[
    str,
    Field(pattern=r"^#[0-9a-fA-F]{6}$", json_schema_extra={"examples": ["#6366f1"]}),
]
"""A color as ``#`` and six hexadecimal digits."""


class PageInput(ToolInput):
    """Base of what a tool takes that lists, newest first and page by page."""

    limit: Integer = Field(20, ge=1, le=100, description="At most this many")
    cursor: str = Field(
        default_factory=str,
        pattern=r"^[!-~]{1,128}$",
        description="nextCursor of the page before; leave it out for the first page",
        examples=["0b4cf1d2-7f0c-4c39-9d2e-5a8f3b6c1e70"],
    )


class PageOutput(ToolOutput):
    """Base of what such a tool returns."""

    next_cursor: str | None = Field(description="For the next page; null when this is the last")

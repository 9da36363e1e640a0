"""What all messages of the identity service are made of."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    StringConstraints,
)
from pydantic.alias_generators import to_camel

Role: TypeAlias = Literal["user", "admin", "service"]
Tier: TypeAlias = Literal["guest", "public", "beta", "alpha", "founder"]
Kind: TypeAlias = Literal["human", "persona", "system"]
Cadence: TypeAlias = Literal["hourly", "daily", "weekdays"]
SpaceType: TypeAlias = Literal["personal", "brand", "club", "family", "team", "practice"]
SharedSpaceType: TypeAlias = Literal["brand", "club", "family", "team", "practice"]
SpaceRole: TypeAlias = Literal["owner", "admin", "member"]
InvitationStatus: TypeAlias = Literal["pending", "accepted", "rejected", "canceled"]
PolicyAction: TypeAlias = Literal["added", "removed"]

_LONGEST_EMAIL = 254
_YEARS = range(2000, 3000)


def normalise_email(text: str) -> str:
    """Return the one spelling of an address: NFKC, lower case, no space around it."""
    return unicodedata.normalize("NFKC", text).strip().lower()


def _email(value: str) -> str:
    address = normalise_email(value)
    local, _, domain = address.partition("@")
    if (
        len(address) > _LONGEST_EMAIL
        or address.count("@") != 1
        or not (local and domain)
        or " " in address
        or not address.isprintable()
        or "." in (domain[0], domain[-1])
        or "." not in domain
    ):
        raise ValueError("must be an e-mail address such as anna@mana.test")
    return address


def without_controls(value: str) -> str:
    """Return a text that has no control characters.

    Raises:
        ValueError: It has some.
    """
    if any(unicodedata.category(character) == "Cc" for character in value):
        raise ValueError("must not contain control characters")
    return value


def _instant(value: datetime) -> datetime:
    if value.year not in _YEARS:
        raise ValueError("must be a time between the years 2000 and 2999")
    return value.astimezone(UTC)


Email: TypeAlias = Annotated[
    str, StringConstraints(min_length=3, max_length=320), AfterValidator(_email)
]
"""An address of at most 254 characters, normalised; no more of RFC 5321 than the app needs."""
Password: TypeAlias = Annotated[str, StringConstraints(min_length=8, max_length=128)]
ShortText: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=120)]
Name: TypeAlias = Annotated[
    str,
    StringConstraints(min_length=1, max_length=120, strip_whitespace=True),
    AfterValidator(without_controls),
]
Id: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=255)]
TickId: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=120)]
Instant: TypeAlias = Annotated[AwareDatetime, AfterValidator(_instant)]
"""A moment that the lab may record: with a zone, kept in UTC."""


class WireModel(BaseModel):
    """Base of the answers: camelCase on the wire, members we do not know ignored."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )


class RequestModel(WireModel):
    """Base of the requests: a member we do not know is refused."""

    model_config = ConfigDict(extra="forbid")


class Done(WireModel):
    """An answer that says no more than that it was done."""

    ok: bool = True


class ErrorDetail(WireModel):
    """What is wrong with one member of a request."""

    path: str
    message: str


class ErrorBody(WireModel):
    """Every answer that is not a success.

    Attributes:
        error: The stable name of the failure.
        message: What happened, and what to do next.
        status: The HTTP status.
        code: Mana's own name for it, where its clients go by that.
        details: What is wrong with single members of the request.
        retry_after_sec: After how many seconds to try again.
    """

    error: str
    message: str
    status: int
    code: str | None = None
    details: list[ErrorDetail] | None = None
    retry_after_sec: int | None = None


def to_json(model: BaseModel) -> Any:
    """Return a request as it goes over the wire, without what was not set."""
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)

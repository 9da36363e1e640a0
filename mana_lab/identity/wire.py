"""The messages of the identity service, one model each for the service and its client.

The names on the wire are those of Mana's own identity service: camelCase, additions optional.
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StrictInt,
    StringConstraints,
)
from pydantic.alias_generators import to_camel

from mana_lab.errors import ErrorKind

Role: TypeAlias = Literal["user", "admin", "service"]
Tier: TypeAlias = Literal["guest", "public", "beta", "alpha", "founder"]
Kind: TypeAlias = Literal["human", "persona", "system"]
Cadence: TypeAlias = Literal["hourly", "daily", "weekdays"]
SpaceType: TypeAlias = Literal["personal", "brand", "club", "family", "team", "practice"]
SpaceRole: TypeAlias = Literal["owner", "admin", "member"]

MAX_ACTIONS = 500
MAX_FEEDBACK = 100


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


def _without_controls(value: str) -> str:
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
    AfterValidator(_without_controls),
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


class User(WireModel):
    """An account as its owner sees it."""

    id: str
    email: str
    name: str
    email_verified: bool = False
    role: Role = "user"
    access_tier: Tier = "public"
    kind: Kind = "human"
    created_at: datetime | None = None
    updated_at: datetime | None = None


class RegisterRequest(RequestModel):
    """``POST /api/v1/auth/register``."""

    email: Email
    password: Password = Field(repr=False)
    name: Name | None = None
    source_app_url: Annotated[str, StringConstraints(max_length=2000)] | None = None


class Registered(WireModel):
    """The answer to a sign-up; no token, because signing in is a step of its own."""

    token: None = None
    user: User


class LoginRequest(RequestModel):
    """``POST /api/v1/auth/login``."""

    email: Annotated[str, StringConstraints(max_length=320)]
    password: Annotated[str, StringConstraints(max_length=1024)] = Field(repr=False)


class Login(WireModel):
    """The answer to a sign-in.

    Attributes:
        access_token: The JWT, for every service; 15 minutes long.
        refresh_token: The opaque session token.
        token: The same as ``refresh_token``.
        user: Who signed in.
    """

    redirect: bool = False
    token: str = Field(repr=False)
    access_token: str = Field(repr=False)
    refresh_token: str = Field(repr=False)
    user: User


class SpaceMetadata(WireModel):
    """What a space is."""

    type: SpaceType
    tier: Tier = "public"


class Organization(WireModel):
    """A space as ``GET /api/auth/organization/list`` writes it."""

    id: str
    name: str
    slug: str
    logo: str | None = None
    created_at: datetime
    metadata: SpaceMetadata | str
    role: SpaceRole | None = None


class Space(WireModel):
    """A space that a user is in."""

    id: str
    name: str
    slug: str | None = None
    type: SpaceType = "personal"
    role: SpaceRole | None = None


class Membership(WireModel):
    """One user's place in one space."""

    organization_id: str
    role: SpaceRole


class Memberships(WireModel):
    """``GET /api/v1/internal/users/{id}/memberships``."""

    user_id: str
    memberships: list[Membership]


class VaultStatus(WireModel):
    """``GET /api/v1/me/encryption-vault/status``."""

    vault_exists: bool
    has_recovery_wrap: bool
    zero_knowledge: bool
    recovery_set_at: datetime | None = None


class VaultKey(WireModel):
    """The vault's key, or the word that the server does not hold it.

    Attributes:
        master_key: Standard base64 of 32 bytes; None in zero-knowledge mode.
        requires_recovery_code: Whether only the user's recovery code opens the vault.
        recovery_wrapped_mk: The key, wrapped with the recovery code, in zero-knowledge mode.
        recovery_iv: The IV of that wrap.
    """

    master_key: str | None = Field(default=None, repr=False)
    format_version: int = 1
    kek_id: str | None = None
    requires_recovery_code: bool = False
    recovery_wrapped_mk: str | None = Field(default=None, repr=False)
    recovery_iv: str | None = Field(default=None, repr=False)


class PersonaUpsert(RequestModel):
    """``POST /api/v1/admin/personas``."""

    email: Email
    password: Password = Field(repr=False)
    archetype: Name
    system_prompt: Annotated[str, StringConstraints(min_length=1, max_length=20_000)]
    module_mix: dict[
        Annotated[str, StringConstraints(min_length=1, max_length=60)],
        Annotated[float, Field(ge=0, allow_inf_nan=False)],
    ]
    tick_cadence: Cadence = "daily"
    name: Name | None = None
    language: Annotated[str, StringConstraints(max_length=35)] | None = None
    timezone: Annotated[str, StringConstraints(max_length=60)] | None = None


class PersonaCreated(WireModel):
    """The answer to a create-or-update."""

    ok: bool = True
    user_id: str
    email: str
    created: bool = False


class PersonaSummary(WireModel):
    """A persona in the list."""

    user_id: str
    email: str
    name: str
    archetype: str
    tick_cadence: Cadence
    last_active_at: datetime | None
    created_at: datetime
    actions7d: int = Field(alias="actions7d")


class PersonaList(WireModel):
    """``GET /api/v1/admin/personas``."""

    personas: list[PersonaSummary]


class PersonaProfile(WireModel):
    """All that is kept about a persona."""

    user_id: str
    email: str
    name: str
    archetype: str
    system_prompt: str
    module_mix: dict[str, float]
    tick_cadence: Cadence
    language: str | None = None
    timezone: str | None = None
    last_active_at: datetime | None
    created_at: datetime


class ActionRow(WireModel):
    """An audited call as it is stored."""

    id: str
    tick_id: str
    run_id: str | None = None
    seq: int
    tool_name: str
    module: str | None = None
    input_hash: str | None = None
    result: Literal["ok", "error"]
    error_kind: ErrorKind | None = None
    error_code: str | None = None
    error_message: str | None = None
    latency_ms: float | None = None
    occurred_at: datetime
    created_at: datetime


class ModuleRating(WireModel):
    """How a persona rates one module, on average.

    Attributes:
        avg_rating: The mean of the ratings, from 1 to 5.
        count: How many there are.
    """

    module: str
    avg_rating: float
    count: int


class PersonaDetail(WireModel):
    """``GET /api/v1/admin/personas/{id}``."""

    persona: PersonaProfile
    recent_actions: list[ActionRow]
    feedback_by_module: list[ModuleRating]


class Deleted(WireModel):
    """The answer to a deletion."""

    ok: bool = True
    deleted: str


class DuePersona(WireModel):
    """A persona whose next tick is due."""

    user_id: str
    email: str
    name: str
    archetype: str
    system_prompt: str
    module_mix: dict[str, float]
    tick_cadence: Cadence
    language: str | None = None
    timezone: str | None = None
    last_active_at: datetime | None = None


class DuePersonas(WireModel):
    """``GET /api/v1/internal/personas/due``."""

    personas: list[DuePersona]
    server_time: datetime


class ActionRecord(RequestModel):
    """One audited call of a persona.

    Attributes:
        id: ``{tickId}-{seq}-{toolName}``, cut to 255; the service derives it where it is left out.
        tick_id: The tick it belongs to.
        run_id: The run that the tick belongs to.
        seq: Its place within the tick, from 0; by default its place in the batch.
        tool_name: The tool that was called.
        module: The tool's module; by default the text before the first dot.
        input_hash: SHA-256 over the canonical JSON of the arguments, in hex.
        result: Whether the call worked.
        error_kind: The kind of the failure.
        error_code: Its stable name.
        error_message: What the app said.
        latency_ms: How long the answer took, in milliseconds.
        occurred_at: The lab's time of the call; by default that of the service.
    """

    id: Id | None = None
    tick_id: TickId
    run_id: Id | None = None
    seq: Annotated[StrictInt, Field(ge=0, le=100_000)] | None = None
    tool_name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    module: ShortText | None = None
    input_hash: Annotated[str, StringConstraints(max_length=64)] | None = None
    result: Literal["ok", "error"]
    error_kind: ErrorKind | None = None
    error_code: ShortText | None = None
    error_message: Annotated[str, StringConstraints(max_length=2000)] | None = None
    latency_ms: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    occurred_at: Instant | None = None


class ActionBatch(RequestModel):
    """``POST /api/v1/internal/personas/{id}/actions``."""

    actions: Annotated[list[ActionRecord], Field(min_length=1, max_length=MAX_ACTIONS)]


class FeedbackRecord(RequestModel):
    """What a persona thinks of one module after a tick.

    Attributes:
        rating: A whole number from 1 (frustrating) to 5 (really helps).
        evidence: The ids of the actions that it rests on.
        brain: Which brain gave it.
    """

    tick_id: TickId
    run_id: Id | None = None
    module: ShortText
    rating: Annotated[StrictInt, Field(ge=1, le=5)]
    notes: Annotated[str, StringConstraints(max_length=5000)] | None = None
    evidence: Annotated[list[Id], Field(max_length=1000)] = Field(default_factory=list)
    brain: ShortText | None = None
    occurred_at: Instant | None = None


class FeedbackBatch(RequestModel):
    """``POST /api/v1/internal/personas/{id}/feedback``."""

    feedback: Annotated[list[FeedbackRecord], Field(min_length=1, max_length=MAX_FEEDBACK)]


class Written(WireModel):
    """How many rows a batch really added."""

    ok: bool = True
    written: int


class TickRecord(RequestModel):
    """``POST /api/v1/internal/personas/{id}/ticks``: a tick has ended, whatever became of it."""

    tick_id: TickId
    occurred_at: Instant | None = None


class Done(WireModel):
    """An answer that says no more than that it was done."""

    ok: bool = True


class ErrorDetail(WireModel):
    """What is wrong with one member of a request."""

    path: str
    message: str


class ErrorBody(WireModel):
    """Every answer that is not a success."""

    error: str
    message: str
    status: int
    details: list[ErrorDetail] | None = None


def to_json(model: BaseModel) -> Any:
    """Return a request as it goes over the wire, without what was not set."""
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)

"""Personas as an operator writes and reads them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import ConfigDict, Field, StringConstraints

from mana_lab.errors import ErrorKind
from mana_lab.identity.wire.base import Cadence, Email, Name, Password, RequestModel, WireModel

Share: TypeAlias = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, strict=True)]


class Traits(RequestModel):
    """What sets a persona apart from others of their archetype; the defaults are the archetype.

    Attributes:
        patience: How much it takes until they give something up; 0.5 is usual.
        skill: How well they find their way about the app; 0.5 is usual.
        honesty: How far their ratings follow what happened to them, from 0, always polite, to 1.
        verbosity: How much they fill in and write; 0.5 is usual.
    """

    patience: Share = 0.5
    skill: Share = 0.5
    honesty: Share = 1.0
    verbosity: Share = 0.5


class KnownTraits(Traits):
    """The traits of a persona as the service tells them; those that we do not know are ignored."""

    model_config = ConfigDict(extra="ignore")


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
    traits: Traits | None = None


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
    traits: KnownTraits | None = None
    last_active_at: datetime | None
    created_at: datetime


class ActionRow(WireModel):
    """An audited call as it is stored."""

    id: str
    tick_id: str
    run_id: str | None = None
    seq: int
    tool_name: str
    tool_hash: str | None = None
    module: str | None = None
    input_hash: str | None = None
    result: Literal["ok", "error"]
    error_kind: ErrorKind | None = None
    error_code: str | None = None
    error_message: str | None = None
    latency_ms: float | None = None
    shown: int | None = None
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
    """A persona as a runner knows it."""

    user_id: str
    email: str
    name: str
    archetype: str
    system_prompt: str
    module_mix: dict[str, float]
    tick_cadence: Cadence
    language: str | None = None
    timezone: str | None = None
    traits: KnownTraits | None = None
    last_active_at: datetime | None = None


class DuePersonas(WireModel):
    """``GET /api/v1/internal/personas`` and, of those whose tick is due, ``…/personas/due``."""

    personas: list[DuePersona]
    server_time: datetime

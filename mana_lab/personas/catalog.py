"""The catalog: who the personas are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from mana_lab.display import facts_table, share_bars
from mana_lab.errors import CatalogError, UnknownPersonaError
from mana_lab.identity.wire import Traits

if TYPE_CHECKING:
    import pandas as pd

Cadence: TypeAlias = Literal["hourly", "daily", "weekdays"]
SharedSpaceType: TypeAlias = Literal["brand", "club", "family", "team", "practice"]

DOMAIN = "@mana.test"
"""What a persona's address ends in: a domain that can never belong to anybody (RFC 6761 §6.2)."""

LONGEST_SHOWN = 60
_MOST_NAMED = 12


def _one_line(name: str) -> str:
    if name != name.strip() or not name.isprintable():
        raise ValueError("must be printable text with no space around it")
    return name


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be an IANA time zone such as Europe/Berlin") from None
    return name


def _some_weight(mix: dict[str, float]) -> dict[str, float]:
    total = sum(mix.values())
    if total <= 0:
        raise ValueError("must give some module a weight above 0")
    if math.isinf(total):
        raise ValueError("must have weights of a finite sum")
    return mix


def _each_once(members: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(members)) < len(members):
        raise ValueError("must name everybody once")
    return members


Module: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z][a-zA-Z0-9]*$")]
Weight: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]


class _Model(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        extra="forbid",
        frozen=True,
    )


class Persona(_Model):
    """Somebody who uses the app.

    Attributes:
        name: What they are called: a first name, or all of it.
        email: The address of their account, in lower case, ending in ``@mana.test``.
        archetype: What kind of user they are; scripted behaviour goes by it.
        system_prompt: Who they are, for a model that plays them.
        module_mix: How much they reach for each module of the app; weights of any sum.
        tick_cadence: How often they use the app.
        language: What they write in (BCP 47).
        timezone: Where they live (IANA name).
        traits: What sets them apart from others of their archetype; None for nothing.
    """

    name: Annotated[str, StringConstraints(min_length=1, max_length=80), AfterValidator(_one_line)]
    email: Annotated[
        str,
        StringConstraints(pattern=r"^[a-z0-9][a-z0-9._+-]*@mana\.test$", max_length=254),
    ]
    archetype: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$", max_length=60)]
    system_prompt: Annotated[str, StringConstraints(min_length=20, max_length=20_000)]
    module_mix: Annotated[dict[Module, Weight], Field(min_length=1), AfterValidator(_some_weight)]
    tick_cadence: Cadence = "daily"
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] = "en"
    timezone: Annotated[
        str, AfterValidator(_zone), WithJsonSchema({"type": "string", "minLength": 1})
    ] = "Europe/Berlin"
    traits: Traits | None = None

    @property
    def slug(self) -> str:
        """The name as it is typed: ``anna``, or ``amara-novak``."""
        return _typed(self.name)

    @property
    def shares(self) -> dict[str, float]:
        """The share of each module that they reach for, the largest first; together 1."""
        total = sum(self.module_mix.values())
        order = sorted(self.module_mix.items(), key=lambda item: (-item[1], item[0]))
        return {module: weight / total for module, weight in order if weight}

    def __repr__(self) -> str:
        mix = ", ".join(f"{module} {share:.0%}" for module, share in self.shares.items())
        return f"<Persona {self.name}: {self.archetype}, {self.tick_cadence}; {mix}>"

    def _repr_html_(self) -> str:
        return facts_table(self.facts())

    def facts(self) -> dict[str, object]:
        """Return who they are, for a table."""
        shown: dict[str, object] = {
            "persona": self.name,
            "archetype": self.archetype,
            "cadence": f"{self.tick_cadence}, in {self.timezone}",
            "language": self.language,
            "modules": share_bars(self.shares),
        }
        if self.traits is not None:
            shown["traits"] = ", ".join(f"{name} {value:.2f}" for name, value in self.traits)
        return shown


class SharedSpace(_Model):
    """A space that several personas share.

    Attributes:
        name: What they call it.
        slug: Its name in addresses; no two spaces have the same.
        type: What kind of space it is, which decides what can be done in it.
        members: The names of those who share it; the first one makes it and invites the others.
    """

    name: Annotated[str, StringConstraints(min_length=1, max_length=80), AfterValidator(_one_line)]
    slug: Annotated[
        str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", min_length=3, max_length=60)
    ]
    type: SharedSpaceType
    members: Annotated[
        tuple[Annotated[str, StringConstraints(min_length=1, max_length=80)], ...],
        Field(min_length=2, max_length=20, json_schema_extra={"uniqueItems": True}),
        AfterValidator(_each_once),
    ]

    def __repr__(self) -> str:
        return f"<SharedSpace {self.name}: {self.type} of {', '.join(self.members)}>"


class CatalogFile(_Model):
    """The file ``personas.json``."""

    schema_: str | None = Field(default=None, alias="$schema")
    description: str | None = None
    personas: Annotated[tuple[Persona, ...], Field(min_length=1)]
    spaces: tuple[SharedSpace, ...] = ()


class Catalog(Sequence[Persona]):
    """The personas, in the order of the file.

    Args:
        personas: At least one; names and addresses are unique.
        spaces: What they share; slugs are unique, and all members are among the personas.

    Raises:
        CatalogError: Two have the same name, address or slug, or a member is nobody's name.
    """

    def __init__(self, personas: Sequence[Persona], spaces: Sequence[SharedSpace] = ()) -> None:
        self.personas = tuple(personas)
        self.spaces = tuple(spaces)
        for field in ("slug", "email"):
            seen: set[str] = set()
            for persona in self.personas:
                value = getattr(persona, field)
                if value in seen:
                    shown = "name" if field == "slug" else field
                    raise CatalogError(
                        f"persona {persona.name}: {shown} {value!r} is used twice; "
                        "each persona needs their own"
                    )
                seen.add(value)

        keys = ("email", "slug")
        self._by_key = {getattr(each, key): each for key in keys for each in self.personas}
        self._check_spaces()

    def _check_spaces(self) -> None:
        slugs: set[str] = set()
        for space in self.spaces:
            if space.slug in slugs:
                raise CatalogError(
                    f"space {space.name}: slug {space.slug!r} is used twice; "
                    "each space needs its own"
                )
            slugs.add(space.slug)
            for member in space.members:
                try:
                    self.get(member)
                except UnknownPersonaError as error:
                    raise CatalogError(f"space {space.name}: members: {error.message}") from None
            if len({self.get(member).email for member in space.members}) < len(space.members):
                raise CatalogError(f"space {space.name}: members names somebody twice")

    def members_of(self, space: SharedSpace) -> tuple[Persona, ...]:
        """Return who shares *space*; the first one makes it."""
        return tuple(self.get(member) for member in space.members)

    def get(self, name: str) -> Persona:
        """Return the persona with that name or e-mail address.

        Raises:
            UnknownPersonaError: The catalog has none; the message lists those it has.
        """
        persona = self._by_key.get(_typed(name))
        if persona is None:
            known = _listed([each.slug for each in self.personas])
            raise UnknownPersonaError(f"the catalog has no persona {short(name)}; it has {known}")
        return persona

    def personas_df(self) -> pd.DataFrame:
        """Return the personas as a frame, as ``lab.personas_df()`` does once they are seeded."""
        import pandas as pd

        unknown = dict.fromkeys(Traits.model_fields, math.nan)
        rows = [
            {"persona": each.name}
            | each.model_dump(exclude={"name", "traits"})
            | dict(each.traits or unknown)
            for each in self.personas
        ]
        return pd.DataFrame(rows)

    def __getitem__(self, index: Any) -> Any:
        return self.personas[index]

    def __len__(self) -> int:
        return len(self.personas)

    def __iter__(self) -> Iterator[Persona]:
        return iter(self.personas)

    def __repr__(self) -> str:
        return f"<Catalog: {_listed([each.name for each in self.personas])}>"


def catalog_schema() -> dict[str, Any]:
    """Return the JSON Schema of the catalog file; it ships as ``personas.schema.json``."""
    schema = CatalogFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def short(value: Any) -> str:
    """Return what somebody gave, for a message: never more than a line of it."""
    try:
        text = repr(value)
    except ValueError:  # a number of more digits than Python writes
        text = "a number too long to show"
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"


def _typed(name: str) -> str:
    return "-".join(name.lower().split())


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    rest = [f"and {more} more"] if more > 0 else []
    return ", ".join([*names[:_MOST_NAMED], *rest])

"""Seeding: the catalog's personas become real users, and again is harmless."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from mana_lab.checks import check_count
from mana_lab.errors import (
    ForbiddenError,
    InvalidCredentialsError,
    InvalidInputError,
    ManaLabError,
    UnauthenticatedError,
)
from mana_lab.identity.client import IdentityClient
from mana_lab.identity.wire import PersonaUpsert
from mana_lab.personas.catalog import Catalog, Persona, SharedSpace
from mana_lab.personas.passwords import persona_password
from mana_lab.personas.sharing import Guest, SpaceOutcome, share

OnProgress: TypeAlias = Callable[[int, int, str], None]
"""Told how many are done, how many there are, and who was last."""

DEFAULT_CONCURRENCY = 8


@dataclass(frozen=True)
class SeedOutcome:
    """What became of one persona.

    Attributes:
        persona: Who.
        user_id: Their account; None when there is none.
        result: ``created``, ``updated``, ``planned`` or ``failed``.
        error: Why it failed.
    """

    persona: Persona
    user_id: str | None
    result: Literal["created", "updated", "planned", "failed"]
    error: str | None = None


@dataclass(frozen=True)
class SeedReport:
    """What became of all of them.

    Attributes:
        outcomes: One a persona, in the order of the catalog.
        spaces: One a shared space, in the order of the catalog.
    """

    outcomes: tuple[SeedOutcome, ...]
    spaces: tuple[SpaceOutcome, ...] = ()

    @property
    def failed(self) -> tuple[SeedOutcome, ...]:
        """Those that could not be seeded."""
        return tuple(outcome for outcome in self.outcomes if outcome.result == "failed")

    @property
    def failed_spaces(self) -> tuple[SpaceOutcome, ...]:
        """The spaces that not all of their members are in."""
        return tuple(outcome for outcome in self.spaces if outcome.result == "failed")

    def with_failed(self, catalog: Catalog, reasons: Mapping[str, str]) -> SeedReport:
        """Return the report of a larger catalog, of which some could not be seeded.

        Args:
            catalog: All personas.
            reasons: Why, by the e-mail addresses of those who are not in this report.
        """
        known = {outcome.persona.email: outcome for outcome in self.outcomes}
        outcomes = (
            known.get(each.email) or SeedOutcome(each, None, "failed", reasons[each.email])
            for each in catalog
        )
        return SeedReport(tuple(outcomes), self.spaces)

    def count(self, result: str) -> int:
        """Return how many personas had that result."""
        return sum(outcome.result == result for outcome in self.outcomes)

    def __repr__(self) -> str:
        parts = [f"{self.count(result)} {result}" for result in ("created", "updated", "planned")]
        parts = [part for part in parts if not part.startswith("0 ")]
        if self.failed:
            names = ", ".join(outcome.persona.name for outcome in self.failed)
            parts.append(f"{len(self.failed)} failed ({names})")
        if self.spaces:
            parts.append(_shared(self.spaces, self.failed_spaces))
        return f"<SeedReport: {', '.join(parts)}>"


def plan_seed(catalog: Catalog) -> SeedReport:
    """Return what seeding would do, without asking anybody."""
    return SeedReport(
        tuple(SeedOutcome(persona, None, "planned") for persona in catalog),
        tuple(SpaceOutcome(space, None, "planned") for space in catalog.spaces),
    )


async def seed(
    catalog: Catalog,
    identity: IdentityClient,
    *,
    admin_token: str,
    secret: str,
    concurrency: int = DEFAULT_CONCURRENCY,
    on_progress: OnProgress | None = None,
) -> SeedReport:
    """Make the personas' accounts, sign in as each, open their vaults and share their spaces.

    A persona or a space that fails does not stop the others.

    Args:
        catalog: The personas.
        identity: The identity service.
        admin_token: An administrator's access token.
        secret: What the passwords derive from.
        concurrency: How many are worked on at a time.
        on_progress: Told after each persona.

    Raises:
        InvalidInputError: *concurrency* is below 1.
    """
    check_count(concurrency, "concurrency")
    slots = asyncio.Semaphore(concurrency)
    guests: dict[str, Guest] = {}
    done = 0

    async def one(persona: Persona) -> SeedOutcome:
        nonlocal done
        async with slots:
            outcome = await _seed_one(persona, identity, admin_token, secret, guests)
        done += 1
        if on_progress is not None:
            on_progress(done, len(catalog), persona.name)
        return outcome

    async def share_one(space: SharedSpace) -> SpaceOutcome:
        members = catalog.members_of(space)
        if absent := [member.name for member in members if member.email not in guests]:
            reason = f"{', '.join(absent)} could not be seeded"
            return SpaceOutcome(space, None, "failed", reason)
        async with slots:
            return await share(space, [guests[member.email] for member in members], identity)

    outcomes = await asyncio.gather(*(one(persona) for persona in catalog))
    spaces = await asyncio.gather(*(share_one(space) for space in catalog.spaces))
    return SeedReport(tuple(outcomes), tuple(spaces))


async def _seed_one(
    persona: Persona,
    identity: IdentityClient,
    admin_token: str,
    secret: str,
    guests: dict[str, Guest],
) -> SeedOutcome:
    password = persona_password(persona.email, secret)
    try:
        made = await identity.upsert_persona(admin_token, _record(persona, password))
    except ManaLabError as error:
        return SeedOutcome(persona, None, "failed", _advice(error))
    try:
        login = await identity.login(persona.email, password)
        await identity.vault_init(login.access_token)
    except InvalidCredentialsError:
        reason = "the account has another password; was it seeded with another seed secret?"
        return SeedOutcome(persona, made.user_id, "failed", reason)
    except ManaLabError as error:
        return SeedOutcome(persona, made.user_id, "failed", error.message)
    guests[persona.email] = Guest(persona, login.access_token)
    return SeedOutcome(persona, made.user_id, "created" if made.created else "updated")


def _shared(spaces: Sequence[SpaceOutcome], failed: Sequence[SpaceOutcome]) -> str:
    planned = all(outcome.result == "planned" for outcome in spaces)
    text = f"{len(spaces) - len(failed)} spaces {'to share' if planned else 'shared'}"
    if failed:
        names = ", ".join(outcome.space.name for outcome in failed)
        text += f", {len(failed)} not ({names})"
    return text


def _record(persona: Persona, password: str) -> PersonaUpsert:
    try:
        return PersonaUpsert(
            email=persona.email,
            name=persona.name,
            password=password,
            archetype=persona.archetype,
            system_prompt=persona.system_prompt,
            module_mix=persona.module_mix,
            tick_cadence=persona.tick_cadence,
            language=persona.language,
            timezone=persona.timezone,
            traits=persona.traits,
        )
    except ValidationError as error:
        first = error.errors()[0]
        field = to_camel(str(first["loc"][0]))
        raise InvalidInputError(f"{field} is not what the service takes ({first['msg']})") from None


def _advice(error: ManaLabError) -> str:
    if isinstance(error, UnauthenticatedError):
        return f"the administrator's token is not taken; sign in again ({error.message})"
    if isinstance(error, ForbiddenError):
        return f"the token is not an administrator's ({error.message})"
    return error.message

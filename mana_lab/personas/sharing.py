"""Sharing: personas come into the spaces that the catalog has them share, by invitation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from mana_lab.errors import ConflictError, ForbiddenError, ManaLabError, NotFoundError
from mana_lab.identity.client import IdentityClient
from mana_lab.identity.wire import Invitation, Space
from mana_lab.personas.catalog import Persona, SharedSpace

_HOSTS = ("owner", "admin")


@dataclass(frozen=True)
class SpaceOutcome:
    """What became of one shared space.

    Attributes:
        space: Which.
        space_id: Its id; None when there is none.
        result: ``created``, ``completed`` when some members were missing, ``unchanged``,
            ``planned`` or ``failed``.
        error: Why it failed.
    """

    space: SharedSpace
    space_id: str | None
    result: Literal["created", "completed", "unchanged", "planned", "failed"]
    error: str | None = None


@dataclass(frozen=True)
class Guest:
    """A persona who is signed in.

    Attributes:
        persona: Who.
        token: Their access token.
    """

    persona: Persona
    token: str = field(repr=False)


async def share(
    space: SharedSpace, guests: Sequence[Guest], identity: IdentityClient
) -> SpaceOutcome:
    """Bring it about that all *guests* are in *space*, whatever is there already.

    The first one makes the space, if nobody is in it; whoever may invites the others, and they
    accept. Somebody else who does the same at the same time does no harm.

    Args:
        space: What the catalog says.
        guests: Its members, all of them.
        identity: The identity service.
    """
    # Each step that somebody else was quicker at is found done when looked at again.
    for left in reversed(range(2 * len(guests) + 1)):
        try:
            return await _bring_about(space, guests, identity)
        except (ConflictError, NotFoundError) as error:
            if not left:
                return SpaceOutcome(space, None, "failed", error.message)
        except ManaLabError as error:
            return SpaceOutcome(space, None, "failed", error.message)
    raise AssertionError("the last try returns")


async def _bring_about(
    space: SharedSpace, guests: Sequence[Guest], identity: IdentityClient
) -> SpaceOutcome:
    standing = {
        guest.persona.email: _found(await identity.spaces(guest.token), space.slug)
        for guest in guests
    }
    found = next((each for each in standing.values() if each is not None), None)
    if found is None:
        first = guests[0]
        made = await identity.create_space(first.token, space.name, space.slug, space.type)
        standing[first.persona.email] = made
    known = found or made
    if known.type != space.type:
        raise ForbiddenError(
            f"there is a {known.type} space with the slug {space.slug!r} already, not a "
            f"{space.type} space; give it another slug"
        )
    missing = [guest for guest in guests if standing[guest.persona.email] is None]
    if missing:
        host = _host(guests, standing)
        for guest in missing:
            await _bring_in(host, guest, known.id, identity)
    if found is None:
        return SpaceOutcome(space, known.id, "created")
    return SpaceOutcome(space, known.id, "completed" if missing else "unchanged")


async def _bring_in(host: Guest, guest: Guest, space_id: str, identity: IdentityClient) -> None:
    asked = await _pending(guest, space_id, identity)
    if asked is None:
        asked = await identity.invite(host.token, space_id, guest.persona.email)
    await identity.accept_invitation(guest.token, asked.id)


async def _pending(guest: Guest, space_id: str, identity: IdentityClient) -> Invitation | None:
    waiting = await identity.own_invitations(guest.token)
    return next((each for each in waiting if each.organization_id == space_id), None)


def _host(guests: Sequence[Guest], standing: dict[str, Space | None]) -> Guest:
    for guest in guests:
        place = standing[guest.persona.email]
        if place is not None and place.role in _HOSTS:
            return guest
    raise ForbiddenError(
        "the space belongs to somebody else, and none of its members may invite the others"
    )


def _found(spaces: Sequence[Space], slug: str) -> Space | None:
    return next((each for each in spaces if each.slug == slug and each.type != "personal"), None)

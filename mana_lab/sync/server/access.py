"""Access: which spaces a user may write to and read from, as long as their session lives.

The app shows its user's own token, which opens all of their spaces. A service that acts for them
shows an exchanged one, which opens one space for one purpose.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, runtime_checkable

from mana_lab.crypto import Claims
from mana_lab.crypto.exchanged import SYNC_AUDIENCE, SYNC_READ, SYNC_WRITE
from mana_lab.errors import (
    ForbiddenError,
    InsufficientScopeError,
    InvalidInputError,
    NotAMemberError,
)
from mana_lab.sync.server.names import check_name
from mana_lab.sync.server.single_use import SingleUse
from mana_lab.sync.wire import PERSONAL_PREFIX, Change, personal_space


class MembershipSource(Protocol):
    """Knows the spaces of every user, and whose session lives."""

    async def spaces_of(self, user_id: str, session_id: str) -> frozenset[str]:
        """Return the ids of the spaces that the user is a member of.

        Args:
            user_id: The user.
            session_id: The session of theirs that asks; empty where the token names none.

        Raises:
            SessionEndedError: It was signed out, or is over.
            ServiceUnavailableError: It cannot be found out; nothing is allowed then.
        """
        ...

    async def spaces_that_stay(self, user_id: str) -> frozenset[str]:
        """Return those of the user's spaces that others are in too.

        Raises:
            ServiceUnavailableError: It cannot be found out.
        """
        ...


@runtime_checkable
class CachingMembershipSource(MembershipSource, Protocol):
    """A source whose answer may be some seconds old, and that can be asked for a fresh one."""

    async def fresh_spaces_of(self, user_id: str, session_id: str) -> frozenset[str]:
        """Return the same as ``spaces_of``, from the origin.

        Raises:
            SessionEndedError: It was signed out, or is over.
            ServiceUnavailableError: It cannot be found out.
        """
        ...


def single_use_of(claims: Claims) -> SingleUse | None:
    """Return what a push uses up: an exchanged token; None for the user's own.

    Raises:
        InsufficientScopeError: The token is not for writing.
        InvalidTokenError: It has no id.
    """
    if SYNC_AUDIENCE not in claims.aud:
        return None
    _require_scope(claims, SYNC_WRITE)
    return SingleUse.of(claims)


class Access:
    """Decides by membership alone; who wrote a row gives no right to it.

    Args:
        memberships: Who is a member of what, and whose session lives.
    """

    def __init__(self, memberships: MembershipSource) -> None:
        self._memberships = memberships

    async def readable(self, claims: Claims, wanted: str | None = None) -> frozenset[str]:
        """Return the spaces to read: the *wanted* one, or all that the user may read.

        Args:
            claims: What the user's token says.
            wanted: The only space to read.

        Raises:
            SessionEndedError: The token's session was signed out, or is over.
            InsufficientScopeError: The token is not for reading.
            ForbiddenError: The token is for another space.
            NotAMemberError: The user may not read the wanted one.
            ServiceUnavailableError: The memberships cannot be found out.
        """
        if SYNC_AUDIENCE in claims.aud:
            _require_scope(claims, SYNC_READ)
        return await self.reach(claims, wanted)

    async def reach(self, claims: Claims, wanted: str | None = None) -> frozenset[str]:
        """Return the spaces that the answer to a push may tell of; else as :meth:`readable`."""
        bound = _bound(claims)
        if bound is not None:
            _require_bound(bound, [wanted or bound])
            wanted = bound
        if wanted is None:
            return await self._allowed(claims, frozenset())
        await self._require(claims, [check_name("spaceId", wanted)])
        return frozenset({wanted})

    async def spaces_for(self, claims: Claims, changes: Sequence[Change]) -> list[str]:
        """Return the space that each of *changes* is to be written in.

        Args:
            claims: What the user's token says.
            changes: What they want to write.

        Raises:
            SessionEndedError: The token's session was signed out, or is over.
            InvalidInputError: A space id is not a text of the allowed form.
            ForbiddenError: The token is for another space.
            NotAMemberError: The user may not write in a space that one of them names.
            ServiceUnavailableError: The memberships cannot be found out.
        """
        named = [
            list(_named_spaces(f"changes[{index}]", change)) for index, change in enumerate(changes)
        ]
        own, bound = personal_space(claims.sub), _bound(claims)
        if bound is not None:
            _require_bound(bound, (space for spaces in named for space in spaces or [own]))
        await self._require(claims, (space for spaces in named for space in spaces))
        return [spaces[0] if spaces else own for spaces in named]

    async def _require(self, claims: Claims, named: Iterable[str]) -> None:
        wanted = frozenset(named) - {personal_space(claims.sub)}
        foreign = sorted(wanted - await self._allowed(claims, wanted))
        if foreign:
            raise NotAMemberError(
                f"you are not a member of the space {foreign[0]!r}; use one of your own spaces"
            )

    async def _allowed(self, claims: Claims, wanted: frozenset[str]) -> frozenset[str]:
        source = self._memberships
        spaces = await source.spaces_of(claims.sub, claims.sid)
        if not wanted <= spaces and isinstance(source, CachingMembershipSource):
            spaces = await source.fresh_spaces_of(claims.sub, claims.sid)
        own = personal_space(claims.sub)
        return frozenset(space for space in spaces if not space.startswith(PERSONAL_PREFIX)) | {own}


def _bound(claims: Claims) -> str | None:
    """Return the only space that a token opens; None for all of its user's."""
    return claims.space if SYNC_AUDIENCE in claims.aud else None


def _require_bound(bound: str, spaces: Iterable[str]) -> None:
    if not bound or any(space != bound for space in spaces):
        raise ForbiddenError("the token is for another space")


def _require_scope(claims: Claims, scope: str) -> None:
    if claims.scope != scope:
        raise InsufficientScopeError(f"the token was not given for {scope}", scope)


def _named_spaces(place: str, change: Change) -> Iterator[str]:
    """Every space that a change names, the one it goes to first.

    A space inside the record is checked too, or a member of one space could plant records that
    the readers of another take for their own.
    """
    named = [("spaceId", change.space_id)]
    if change.op == "insert" and change.data:
        named.append(("data.spaceId", change.data.get("spaceId")))
    if change.op == "update" and change.fields and "spaceId" in change.fields:
        named.append(("fields.spaceId.value", change.fields["spaceId"].value))
    for name, space in named:
        if space is None:
            continue
        if not isinstance(space, str):
            raise InvalidInputError(f"{place}.{name}: a space id is text, got {space!r:.40}")
        yield check_name(f"{place}.{name}", space)

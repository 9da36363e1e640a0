"""The oracle: whether a request has to get in, knowing only who did what and when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from isolation_house import Login

LINGERING_S = 30.0
"""How long what was taken back may still have an effect."""
LEEWAY_S = 30.0
"""How long after its end a token may still be taken."""

Level: TypeAlias = Literal["yes", "maybe", "no"]


@dataclass(frozen=True)
class Verdict:
    """Whether a request gets in.

    Attributes:
        level: ``maybe`` where the gateway may not know yet.
        statuses: What it may be refused with.
    """

    level: Level
    statuses: frozenset[int] = frozenset()


@dataclass
class Session:
    """A session of the older era; ``murky`` where the gateway may have ended it."""

    id: str
    owner: str
    state: Literal["open", "murky", "closed"] = "open"


@dataclass
class Space:
    """A space; of each who was ever in it, when they left, and None for who is in it."""

    id: str
    owner: str
    left_at: dict[str, float | None] = field(default_factory=dict)
    is_shared: bool = True
    has_leave: bool = False

    def members(self) -> list[str]:
        return [name for name, left_at in self.left_at.items() if left_at is None]

    def readers(self, now: float) -> list[str]:
        """Return who may see what is written here now."""
        return [name for name in self.left_at if of_space(name, self, now).level != "no"]


def of_age(login: Login, now: float) -> Verdict:
    if now < login.expires_at:
        return Verdict("yes")
    late = now >= login.expires_at + LEEWAY_S
    return Verdict("no" if late else "maybe", frozenset({401}))


def of_sign_in(login: Login, now: float) -> Verdict:
    return _of_end(login.sign_in.ended_at, now, 401)


def of_session(user: str, session: Session | None, era: str) -> Verdict:
    if session is None or (era == "modern" and session.state == "closed"):
        return Verdict("yes")
    if session.state == "closed":
        return Verdict("no", frozenset({404}))
    if session.owner == user:
        return Verdict("yes" if session.state == "open" else "maybe", frozenset({404}))
    level: Level = "maybe" if era == "modern" and session.state == "murky" else "no"
    return Verdict(level, frozenset({403} if session.state == "open" else {403, 404}))


def of_space(user: str, space: Space, now: float) -> Verdict:
    if user not in space.left_at:
        return Verdict("no", frozenset({403}))
    return _of_end(space.left_at[user], now, 403)


def all_of(verdicts: Iterable[Verdict]) -> Verdict:
    """Return what follows from them, in the order in which the gateway looks."""
    level: Level = "yes"
    statuses: set[int] = set()
    for verdict in verdicts:
        if verdict.level == "yes":
            continue
        level = verdict.level
        statuses |= verdict.statuses
        if level == "no":
            break
    return Verdict(level, frozenset(statuses))


def _of_end(ended_at: float | None, now: float, status: int) -> Verdict:
    if ended_at is None:
        return Verdict("yes")
    lingers = now - ended_at < LINGERING_S
    return Verdict("maybe" if lingers else "no", frozenset({status}))

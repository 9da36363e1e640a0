"""Choosing: a run by itself, its id, or its number; a persona by name or address."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any, Protocol, SupportsIndex, TypeAlias

import pandas as pd

from mana_lab.errors import InvalidInputError, NotFoundError, UnknownPersonaError

_MOST_NAMED = 10


class HasId(Protocol):
    """Something with an id, such as a run."""

    @property
    def id(self) -> str:
        """The id."""
        ...


OneRun: TypeAlias = HasId | str | SupportsIndex
"""A run, its id, or its number: from 1, or from the end, where -1 is the last one."""

RunChoice: TypeAlias = OneRun | None
"""One run; None stands for all runs and for calls made by hand."""


def choose_run(known: Sequence[tuple[int, str]], run: OneRun) -> tuple[int, str]:
    """Return the number and the id of a run.

    Args:
        known: The numbers and ids of all runs, in the order of their numbers.
        run: Which one.

    Raises:
        NotFoundError: There is no such run; the message lists those that there are.
        InvalidInputError: It can be no run.
    """
    wanted = _name(run)
    if isinstance(wanted, int) and -len(known) <= wanted < 0:
        return known[wanted]
    for number, name in known:
        if wanted in (number, name):
            return number, name
    said = f"run {wanted}" if isinstance(wanted, int) else "run of that id"
    if not known:
        raise NotFoundError(f"this lab has no {said}; it has no runs yet; let the personas live")
    there = ", ".join(dict.fromkeys(str(number) for number, _ in known))
    raise NotFoundError(f"this lab has no {said}; its runs are {there}")


def chosen_row(runs: pd.DataFrame, run: OneRun) -> pd.Series[Any]:
    """Return the row of a run.

    Args:
        runs: Rows of ``runs_df``.
        run: Which one.

    Raises:
        NotFoundError: There is no such run; the message lists those that there are.
        InvalidInputError: It can be no run.
    """
    known = [(int(number), name) for number, name in zip(runs["run"], runs["id"], strict=True)]
    return runs.iloc[known.index(choose_run(known, run))]


def choose_persona(personas: pd.DataFrame, persona: str) -> pd.Series[str]:
    """Return the row of a persona; of several labs, the first one's.

    Args:
        personas: Rows of ``personas_df``.
        persona: Their name, as it is or as it is typed (``jin-winter``), or their address;
            capitals do not matter.

    Raises:
        UnknownPersonaError: There is nobody of that name; the message lists who is there.
        InvalidInputError: There are several, or it is no name.
    """
    if not isinstance(persona, str):
        raise InvalidInputError(f"persona: got {persona!r}, allowed: a name or an e-mail address")
    wanted = "-".join(persona.casefold().split())
    names = personas["persona"].str.casefold().str.split().str.join("-")
    is_meant = (personas["email"].str.casefold() == wanted) | (names == wanted)
    found = personas[is_meant].drop_duplicates("email")
    if found.empty:
        there = list(dict.fromkeys(personas["persona"]))
        more = [f"and {len(there) - _MOST_NAMED} more"] if len(there) > _MOST_NAMED else []
        known = ", ".join([*there[:_MOST_NAMED], *more]) or "nobody yet"
        raise UnknownPersonaError(f"this lab has no persona {persona[:40]!r}; it has {known}")
    if len(found) > 1:
        raise InvalidInputError(
            f"{len(found)} personas are called {persona[:80]!r}; name one by their address, such "
            f"as {', '.join(found['email'].head(3))}"
        )
    return found.iloc[0]


def _name(run: OneRun) -> int | str:
    if isinstance(run, str):
        return run
    if isinstance(run, SupportsIndex):
        return index(run)
    name = getattr(run, "id", None)
    if isinstance(name, str):
        return name
    raise InvalidInputError(f"run: got {run!r}, allowed: a run, its id, or its number")

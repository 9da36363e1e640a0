"""Units: the one place where the ratings of ticks become values of personas.

Whoever rates thirty times is one persona and not thirty: tests that take each rating for a unit
find differences that are not there, in the worst case more often than not. So every comparison
reduces its rows to one value per persona and condition here, or refuses.

A persona has another id in each lab that they were seeded in, and one address. So where rows of
several labs are together, a persona is known by the address (``email``).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mana_lab.analysis.statistics.reliability import design_effect, intraclass_correlation
from mana_lab.analysis.statistics.results import Floats, counted
from mana_lab.errors import InvalidInputError, MixedBrainsError, PseudoReplicationError

PERSONA, ADDRESS = "persona_id", "email"
LOWEST, HIGHEST = 1, 5
_BRAINS = ("brain_kind", "brain")


@dataclass(frozen=True)
class Units:
    """Values of personas.

    Attributes:
        means: The mean rating by persona (rows, sorted) and condition (columns, sorted); NaN
            where a persona has none. Personas of several labs go by their address.
        n_rows: On how many ratings they rest.
        n_missing: How many rows had no rating.
    """

    means: pd.DataFrame
    n_rows: int
    n_missing: int


def persona_means(feedback: pd.DataFrame, by: str, *, call: str = "persona_means") -> Units:
    """Return the mean rating of each persona in each condition.

    Args:
        feedback: Rows with ``persona_id``, ``rating`` and *by*; where there is ``brain_kind`` or
            ``brain``, all have to be of one.
        by: The column of the condition, such as ``module``.
        call: How the refusal names the right call.

    Raises:
        PseudoReplicationError: The rows do not say whose they are.
        MixedBrainsError: They are of different kinds of brains.
        InvalidInputError: A column is missing, or a rating is not a whole number from 1 to 5.
    """
    rows, missing = rated(feedback, by, call=call)
    means = rows.groupby([PERSONA, by], observed=True)["rating"].mean().unstack()
    return Units(means.sort_index().sort_index(axis="columns"), len(rows), missing)


def rated(feedback: pd.DataFrame, *columns: str, call: str) -> tuple[pd.DataFrame, int]:
    """Return the rows that have a rating, as numbers, and how many have none.

    Personas of several labs are known by their address there.

    Args:
        feedback: Rows as for :func:`persona_means`.
        columns: What else the rows must have and not miss.
        call: How the refusal names the right call.

    Raises:
        PseudoReplicationError: The rows do not say whose they are.
        MixedBrainsError: They are of different kinds of brains.
        InvalidInputError: It is no frame, a column is missing, or a rating is not a whole number
            from 1 to 5.
    """
    needed(feedback)
    if PERSONA not in feedback.columns or bool(feedback[PERSONA].isna().any()):
        raise _without_personas(len(feedback), call)
    needed(feedback, "rating", *columns)
    one_brain(feedback)
    ratings = checked_ratings(feedback["rating"])
    known = ~np.isnan(ratings)
    rows = known_by_address(feedback.assign(rating=ratings))[known]
    if len(rows) == 0:
        raise InvalidInputError("there is no rating")
    for column in columns:
        if bool(rows[column].isna().any()):
            raise InvalidInputError(f"some ratings have no {column!r}")
    return rows, int((~known).sum())


def halves(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Return both frames as one, whose ``half`` is ``A`` or ``B``.

    Raises:
        InvalidInputError: One is no frame.
    """
    needed(first)
    needed(second)
    return pd.concat([first.assign(half="A"), second.assign(half="B")], ignore_index=True)


def known_by_address(rows: pd.DataFrame) -> pd.DataFrame:
    """Return *rows* with the address for an id where some address has several ids.

    Args:
        rows: With ``persona_id``; without ``email`` they stay as they are.
    """
    if ADDRESS not in rows.columns:
        return rows
    known = rows[[PERSONA, ADDRESS]].dropna().drop_duplicates()
    if not bool(known[ADDRESS].duplicated().any()):
        return rows
    return rows.assign(**{PERSONA: rows[ADDRESS].fillna(rows[PERSONA])})


def needed(frame: pd.DataFrame, *columns: str) -> None:
    """Check that *frame* is one and has these columns.

    Raises:
        InvalidInputError: It is none, or lacks one.
    """
    if not isinstance(frame, pd.DataFrame):
        raise InvalidInputError(
            f"got a {type(frame).__name__}; a pandas DataFrame is needed, such as lab.feedback_df()"
        )
    for column in columns:
        if column not in frame.columns:
            have = ", ".join(map(str, frame.columns)) or "none"
            raise InvalidInputError(f"there is no column {column!r}; there are: {have}")


def checked_ratings(ratings: npt.ArrayLike | pd.Series[Any]) -> Floats:
    """Return ratings as numbers; missing ones are NaN.

    Raises:
        InvalidInputError: One is not a whole number from 1 to 5.
    """
    try:
        values = pd.to_numeric(pd.Series(ratings)).to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise InvalidInputError("a rating is not a number") from error
    wrong = ~np.isnan(values) & ~np.isin(values, np.arange(LOWEST, HIGHEST + 1))
    if wrong.any():
        raise InvalidInputError(
            f"got a rating of {values[wrong][0]:g}; ratings are whole numbers from 1 to 5"
        )
    return values


def one_brain(feedback: pd.DataFrame) -> None:
    """Check that all rows are of one kind of brain.

    The ratings of scripted brains are functions of what happened, those of models are opinions,
    and a mean of both is neither.

    Raises:
        MixedBrainsError: They are of several.
    """
    for column in _BRAINS:
        if column in feedback.columns:
            kinds = sorted(set(map(str, feedback[column].dropna().unique())))
            if len(kinds) > 1 or (kinds and bool(feedback[column].isna().any())):
                named = ", ".join(kinds) + ("" if len(kinds) > 1 else " and unknown")
                raise MixedBrainsError(
                    f"ratings of different brains in one test ({column}: {named}); scripted "
                    f"ratings are fixtures, not opinions: choose one, as in "
                    f"feedback[feedback[{column!r}] == {kinds[0]!r}]"
                )


def unit_values(
    values: npt.ArrayLike, personas: Sequence[Hashable] | npt.ArrayLike | None, *, call: str
) -> Floats:
    """Return *values* after a check that there is one per persona.

    Args:
        values: One number per persona.
        personas: Whose each is.
        call: Which call takes rows instead; the refusal names it.

    Raises:
        PseudoReplicationError: Nothing says whose they are, or a persona has several.
        InvalidInputError: There are not as many personas as values, or a value is not finite.
    """
    numbers = np.asarray(values, dtype=float)
    if personas is None:
        raise _without_personas(numbers.size, call)
    owners = np.asarray(personas).astype(str)
    if numbers.ndim != 1 or numbers.shape != owners.shape:
        raise InvalidInputError(f"{numbers.size} values of {owners.size} personas; one each needed")
    known = len(np.unique(owners))
    if known < len(owners):
        raise _repeated(numbers, owners, known, call)
    if not np.isfinite(numbers).all():
        raise InvalidInputError("a value is not finite; leave its persona out")
    return numbers


def _repeated(
    numbers: Floats, owners: npt.NDArray[np.str_], known: int, call: str
) -> PseudoReplicationError:
    rows, icc = len(numbers), intraclass_correlation(numbers, owners).icc
    told = f"an ICC of {icc:.2f}"
    if np.isnan(icc):
        icc, told = 1.0, "an ICC of up to 1, which these cannot tell,"
    deff = float(design_effect(rows / known, icc))
    return PseudoReplicationError(
        f"{counted(rows, 'rating')} of {counted(known, 'persona')} are not {rows} independent "
        f"values: with {told} the design effect 1+(n-1)·ICC is {deff:.1f}, so they are worth "
        f"{rows / deff:.0f}, and a pooled test finds what is not there; call {call}, whose unit "
        "is the persona",
        rows=rows,
        personas=known,
        design_effect=deff,
    )


def _without_personas(rows: int, call: str) -> PseudoReplicationError:
    return PseudoReplicationError(
        f"{counted(rows, 'rating')} of an unknown number of personas: without persona ids each "
        "would count as independent, and the design effect 1+(n-1)·ICC of ratings of the same "
        f"persona is often above 10; call {call} with a persona_id for each",
        rows=rows,
    )

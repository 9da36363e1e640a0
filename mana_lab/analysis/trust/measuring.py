"""Measuring what numbers rest on: those of a run, or of one figure or finding in it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

import pandas as pd

from mana_lab.analysis.choosing import RunChoice
from mana_lab.analysis.columns import Columns
from mana_lab.analysis.friction.definition import Scope
from mana_lab.analysis.in_context import RATINGS_IN_CONTEXT
from mana_lab.analysis.statistics.reliability import Icc, intraclass_correlation
from mana_lab.analysis.statistics.units import PERSONA, persona_means
from mana_lab.analysis.trust.noise import FEWEST, noise_of_mean
from mana_lab.analysis.trust.raters import Raters, raters_of
from mana_lab.analysis.trust.trust import Noise, Trust
from mana_lab.analysis.warehouse import Warehouse
from mana_lab.errors import InvalidInputError, MixedBrainsError

_ROWS: Final[Columns] = {
    PERSONA: "text",
    "persona": "text",
    "email": "text",
    "brain": "text",
    "model": "text",
    "variant": "text",
    "module": "text",
    "rating": "integer",
    "tick": "integer",
    "of_tick": "integer",
    "errors": "integer",
}
_PLAYERS: Final[Columns] = {
    PERSONA: "text",
    "brain": "text",
    "model": "text",
    "variant": "text",
}
_NO_RATINGS: Final = "no rating"
_NOT_OF_RATINGS: Final = "measured of ratings alone"


def trust_of(warehouse: Warehouse, run: RunChoice = None) -> Trust:
    """Return what the numbers of a run rest on; the same rows are measured once.

    Args:
        warehouse: Where the rows come from.
        run: A run, its id or its number; None for all.

    Raises:
        NotFoundError: There is no such run.
    """
    number = None if run is None else warehouse.run_number(run)

    def measured() -> Trust:
        rows = ratings_of(warehouse, number)
        took_part = set(_players(warehouse, number)[PERSONA])
        return _of_ratings(warehouse, number, rows, took_part, noise_of_mean(rows))

    return warehouse.once(("trust", number), measured)


def trust_in_ratings(
    warehouse: Warehouse,
    run: int | None,
    rows: pd.DataFrame,
    noise: Noise | None,
    *,
    personas: Iterable[str] = (),
    calls: int | None = None,
) -> Trust:
    """Return what numbers rest on that are made of some ratings of a run.

    Args:
        warehouse: Where the rows come from.
        run: The run's number; None for all.
        rows: Those ratings, in context.
        noise: The noise floor of what is shown.
        personas: The ids of those who count although they rated nothing.
        calls: Of how many calls they are besides; None where of none.
    """
    found = _of_ratings(warehouse, run, rows, {*rows[PERSONA], *personas}, noise)
    return replace(found, calls=calls)


def trust_in_calls(
    warehouse: Warehouse,
    run: int | None,
    personas: Iterable[str],
    calls: int | None,
    noise: Noise | None = None,
) -> Trust:
    """Return what numbers rest on that are made of calls, or of what personas are like.

    Args:
        warehouse: Where the rows come from.
        run: The run's number; None for all.
        personas: The ids of those whose calls they are.
        calls: How many calls; None where they are not made of calls.
        noise: The noise floor of what is shown, where it is known.
    """
    who = set(personas)
    raters = _raters(warehouse, run).of(who)
    played = _players(warehouse, run)
    played = played[played[PERSONA].isin(who)]
    return Trust(
        personas=len(who),
        ratings=None,
        calls=calls,
        icc=None,
        no_icc=_NOT_OF_RATINGS,
        noise=noise,
        no_noise="" if noise else _NOT_OF_RATINGS,
        **_players_and_raters(played, raters),
        mean=float("nan"),
        mean_unflagged=float("nan"),
    )


def ratings_of(warehouse: Warehouse, run: int | None) -> pd.DataFrame:
    """Return the ratings of a run in the order of time, as narrow as they can be.

    Args:
        warehouse: Where the rows come from.
        run: The run's number; None for all.
    """
    scope = Scope(keys=warehouse.labs, labs=warehouse.labs, where=_where(run))
    names = ", ".join(name for name in _ROWS if name != "of_tick")
    query = (
        f"SELECT {names}, dense_rank() OVER (ORDER BY tick_id) AS of_tick"  # noqa: S608
        f" FROM ({RATINGS_IN_CONTEXT.unordered(scope)}) ORDER BY occurred_at, email, module, id"
    )
    return warehouse.once(("ratings of", run), lambda: warehouse.typed(query, _ROWS))


def _of_ratings(
    warehouse: Warehouse,
    run: int | None,
    rows: pd.DataFrame,
    personas: set[str],
    noise: Noise | None,
) -> Trust:
    raters = _raters(warehouse, run).of(personas)
    honest = rows[~rows[PERSONA].isin({rater.persona_id for rater in raters.flagged})]
    players = _players(warehouse, run)
    played = rows if len(rows) else players[players[PERSONA].isin(personas)]
    icc = _icc(rows)
    few = f"fewer than {FEWEST} personas rated it in both parts"
    return Trust(
        personas=len(personas),
        ratings=len(rows),
        icc=icc,
        no_icc="" if icc else _why_not(rows, "all ratings are alike, or one each"),
        noise=noise,
        no_noise="" if noise else _why_not(rows, few),
        **_players_and_raters(played, raters),
        mean=_mean(rows),
        mean_unflagged=_mean(honest),
    )


def _players_and_raters(played: pd.DataFrame, raters: Raters) -> dict[str, Any]:
    return {
        "brains": _known(played["brain"]),
        "models": _known(played["model"]),
        "variants": _known(played["variant"]),
        "raters": len(raters.known),
        "judged": sum(raters.judged),
        "flagged": raters.flagged,
    }


def _raters(warehouse: Warehouse, run: int | None) -> Raters:
    return warehouse.once(("raters", run), lambda: raters_of(ratings_of(warehouse, run)))


def _players(warehouse: Warehouse, run: int | None) -> pd.DataFrame:
    """Return who took part, as played by whom; without a tick nobody knows the latter."""
    where = _where(run)
    query = " UNION ".join(
        [
            f"SELECT persona_id, brain, model, variant FROM ticks WHERE {where}",  # noqa: S608
            *(
                f"SELECT persona_id, NULL, NULL, NULL FROM {view} WHERE {where}"  # noqa: S608
                for view in ("persona_actions", "persona_feedback")
            ),
        ]
    )
    return warehouse.once(
        ("players", run),
        lambda: warehouse.typed(f"FROM ({query}) WHERE persona_id IS NOT NULL", _PLAYERS),
    )


def _where(run: int | None) -> str:
    return "true" if run is None else f"run = {run}"


def _known(names: pd.Series[str]) -> tuple[str, ...]:
    return tuple(sorted(map(str, names.dropna().unique())))


def _why_not(rows: pd.DataFrame, otherwise: str) -> str:
    """Return why something is not known of ratings."""
    if rows.empty:
        return _NO_RATINGS
    if rows["brain"].nunique(dropna=False) > 1:
        return "ratings of several brains"
    return "one persona" if rows[PERSONA].nunique() < 2 else otherwise


def _icc(rows: pd.DataFrame) -> Icc | None:
    if rows.empty or rows["brain"].nunique(dropna=False) > 1:
        return None
    found = intraclass_correlation(rows["rating"].to_numpy(dtype=float), rows[PERSONA])
    return None if math.isnan(found.icc) else found


def _mean(rows: pd.DataFrame) -> float:
    try:
        return float(persona_means(rows.assign(every=1), "every").means[1].mean())
    except (InvalidInputError, MixedBrainsError):
        return float("nan")

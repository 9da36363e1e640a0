"""Measuring what the numbers of a run rest on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import pandas as pd

from mana_lab.analysis.choosing import RunChoice
from mana_lab.analysis.columns import Columns
from mana_lab.analysis.contrast.arms import AGAIN, CONTROL
from mana_lab.analysis.friction.definition import Scope
from mana_lab.analysis.in_context import RATINGS_IN_CONTEXT
from mana_lab.analysis.statistics.noise import noise_floor
from mana_lab.analysis.statistics.raters import FLAGS, rater_profiles
from mana_lab.analysis.statistics.reliability import Icc, intraclass_correlation
from mana_lab.analysis.statistics.units import PERSONA, persona_means
from mana_lab.analysis.trust.trust import Noise, Rater, Trust
from mana_lab.analysis.warehouse import Warehouse
from mana_lab.analysis.wording import persona_labels
from mana_lab.errors import InvalidInputError, MixedBrainsError

_RATER: Final = [PERSONA, "brain", "model"]
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
_Found = TypeVar("_Found")


def trust_of(warehouse: Warehouse, run: RunChoice = None) -> Trust:
    """Return what the numbers of a run rest on; the same rows are measured once.

    Args:
        warehouse: Where the rows come from.
        run: A run, its id or its number; None for all.

    Raises:
        NotFoundError: There is no such run.
    """
    number = None if run is None else warehouse.run_number(run)
    return warehouse.once(("trust", number), lambda: _measured(warehouse, number))


def _measured(warehouse: Warehouse, run: int | None) -> Trust:
    where = "true" if run is None else f"run = {run}"
    rows = _rows(warehouse, where)
    flagged, raters, judged = _flagged(rows)
    honest = rows[~rows[PERSONA].isin({rater.persona_id for rater in flagged})]
    played = rows if len(rows) else _players(warehouse, where)
    return Trust(
        personas=_took_part(warehouse, where),
        ratings=len(rows),
        icc=_tried(lambda: _icc(rows)),
        noise=_noise(rows),
        brains=_known(played["brain"]),
        models=_known(played["model"]),
        variants=_known(played["variant"]),
        raters=raters,
        judged=judged,
        flagged=flagged,
        mean=_mean(rows),
        mean_unflagged=_mean(honest),
    )


def _rows(warehouse: Warehouse, where: str) -> pd.DataFrame:
    """Return the ratings in the order of time, as narrow as they can be."""
    scope = Scope(keys=warehouse.labs, labs=warehouse.labs, where=where)
    names = ", ".join(name for name in _ROWS if name != "of_tick")
    query = (
        f"SELECT {names}, dense_rank() OVER (ORDER BY tick_id) AS of_tick"  # noqa: S608
        f" FROM ({RATINGS_IN_CONTEXT.unordered(scope)}) ORDER BY occurred_at, email, module, id"
    )
    return warehouse.typed(query, _ROWS)


def _took_part(warehouse: Warehouse, where: str) -> int:
    parts = " UNION ".join(
        f"SELECT persona_id FROM {view} WHERE {where}"  # noqa: S608
        for view in ("ticks", "persona_actions", "persona_feedback")
    )
    query = f"SELECT count(persona_id) AS personas FROM ({parts})"  # noqa: S608
    return int(warehouse.typed(query, {"personas": "integer"})["personas"].iloc[0])


def _players(warehouse: Warehouse, where: str) -> pd.DataFrame:
    query = f"SELECT DISTINCT brain, model, variant FROM ticks WHERE {where}"  # noqa: S608
    return warehouse.typed(query, {"brain": "text", "model": "text", "variant": "text"})


def _known(names: pd.Series[str]) -> tuple[str, ...]:
    return tuple(sorted(map(str, names.dropna().unique())))


def _flagged(rows: pd.DataFrame) -> tuple[tuple[Rater, ...], int, int]:
    """Return the raters with a flag, how many raters there are and how many can be judged."""
    if rows.empty:
        return (), 0, 0
    found = rater_profiles(rows, by=_RATER, tick="of_tick")
    people = rows.drop_duplicates(PERSONA)
    labels = persona_labels(people)
    names = {
        who: labels[email] for who, email in zip(people[PERSONA], people["email"], strict=True)
    }
    raters = [
        Rater(
            persona=names[profile[PERSONA]],
            persona_id=str(profile[PERSONA]),
            brain=_text(profile["brain"]),
            model=_text(profile["model"]),
            flags=flags,
        )
        for profile in found.to_dict("records")
        if (flags := tuple(flag for flag in FLAGS if profile[flag] is True))
    ]
    ordered = sorted(raters, key=lambda rater: (rater.persona, rater.brain, rater.model))
    judged = found[list(FLAGS)].notna().any(axis="columns")
    return tuple(ordered), len(found), int(judged.sum())


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _icc(rows: pd.DataFrame) -> Icc | None:
    if rows["brain"].nunique(dropna=False) > 1:
        return None
    return intraclass_correlation(rows["rating"].to_numpy(dtype=float), rows[PERSONA])


def _noise(rows: pd.DataFrame) -> Noise | None:
    """Return the noise floor: of the same app under two names, or else of two halves of the ticks.

    The halves are every other tick of each persona, and the rest.
    """
    first, second = (rows[rows["variant"] == name] for name in (CONTROL, AGAIN))
    blind = _tried(lambda: noise_floor(first, second))
    if blind is not None:
        return Noise(blind, "blind A/A")
    known = rows[rows["tick"].notna()]
    odd = known.groupby(PERSONA)["tick"].rank("dense") % 2 == 1
    halves = _tried(lambda: noise_floor(known[odd], known[~odd]))
    return None if halves is None else Noise(halves, "split halves")


def _mean(rows: pd.DataFrame) -> float:
    units = _tried(lambda: persona_means(rows.assign(every=1), "every"))
    return float("nan") if units is None else float(units.means[1].mean())


def _tried(measure: Callable[[], _Found]) -> _Found | None:
    """Return what there is to measure; too few personas or several brains give nothing."""
    try:
        return measure()
    except (InvalidInputError, MixedBrainsError):
        return None

"""Who rated in a run, and which of them raised a flag."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import pandas as pd

from mana_lab.analysis.statistics.raters import FLAGS, rater_profiles
from mana_lab.analysis.statistics.units import PERSONA
from mana_lab.analysis.trust.trust import Rater
from mana_lab.analysis.wording import persona_labels

_RATER: Final = [PERSONA, "brain", "model"]


@dataclass(frozen=True)
class Raters:
    """Those who rated: each a persona, as played by a brain and a model.

    Attributes:
        known: All of them, with their flags.
        judged: Whether each has enough ratings to be flagged.
    """

    known: tuple[Rater, ...]
    judged: tuple[bool, ...]

    @property
    def flagged(self) -> tuple[Rater, ...]:
        """Those with a flag."""
        return tuple(rater for rater in self.known if rater.flags)

    def of(self, personas: Collection[str]) -> Raters:
        """Return those who are among these personas, by their ids."""
        kept = [rater.persona_id in personas for rater in self.known]
        return Raters(
            tuple(rater for rater, keep in zip(self.known, kept, strict=True) if keep),
            tuple(judged for judged, keep in zip(self.judged, kept, strict=True) if keep),
        )


def raters_of(rows: pd.DataFrame) -> Raters:
    """Return who rated.

    Args:
        rows: Ratings in context of a whole run, with the number of the tick in ``of_tick``.
    """
    if rows.empty:
        return Raters((), ())
    found = rater_profiles(rows, by=_RATER, tick="of_tick")
    people = rows.drop_duplicates(PERSONA)
    labels = persona_labels(people)
    names = {
        who: labels[email] for who, email in zip(people[PERSONA], people["email"], strict=True)
    }
    judged = found[list(FLAGS)].notna().any(axis="columns")
    raters = [
        Rater(
            persona=names[profile[PERSONA]],
            persona_id=str(profile[PERSONA]),
            brain=_text(profile["brain"]),
            model=_text(profile["model"]),
            flags=tuple(flag for flag in FLAGS if profile[flag] is True),
        )
        for profile in found.to_dict("records")
    ]
    pairs = sorted(
        zip(raters, map(bool, judged), strict=True),
        key=lambda pair: (pair[0].persona, pair[0].brain, pair[0].model),
    )
    return Raters(tuple(rater for rater, _ in pairs), tuple(known for _, known in pairs))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""

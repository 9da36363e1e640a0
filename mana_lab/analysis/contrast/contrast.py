"""Contrast: which modules a variant of the app changed, and which of their tools are behind it.

All measures of all modules and of their tools are screened together, each module with the same
weight, and the family-wise error is held, see :mod:`mana_lab.analysis.statistics.screening`. Where
no module is named, no tool is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from mana_lab.analysis.choosing import OneRun
from mana_lab.analysis.contrast.answer import Answer, answer_of
from mana_lab.analysis.contrast.arms import AGAIN, ALPHA, CONTROL, TREATMENT, Varied
from mana_lab.analysis.contrast.measures import MEASURES, MOST, differences
from mana_lab.analysis.statistics.comparing import compare_paired
from mana_lab.analysis.statistics.noise import NoiseFloor, floor_of, noise_floor
from mana_lab.analysis.statistics.results import HypothesisTest, shown_p
from mana_lab.analysis.statistics.screening import Screened, screen
from mana_lab.analysis.statistics.variants import VariantEffect, compare_within
from mana_lab.analysis.warehouse import Warehouse
from mana_lab.errors import InvalidInputError

_BY = ("module", "tool_name")
TOOL_ALPHA = 0.05
"""At which level, adjusted over its module's measures, a tool is named besides its module."""
_COLUMNS = [
    "module",
    "tool",
    "measure",
    "difference",
    "unit",
    "p",
    "p_within",
    "p_adjusted",
    "personas",
]


@dataclass(frozen=True)
class Named:
    """What changed.

    Attributes:
        module: The module.
        tool: The tool of it that changed most clearly; None where none did by itself.
        measure: What of it changed, such as ``failures``.
        difference: By how much, treatment less control, in the measure's unit.
        p: Of the module: adjusted over all modules and measures, so that false alarms are as rare
            as the level says.
        p_tool: Of the tool: adjusted over the measures of its module alone, in which it is looked
            for once the module has been named; None where no tool is.
        personas: How many personas have that measure in both.
        calls: The ids of the calls with the tool (or module) under treatment.
    """

    module: str
    tool: str | None
    measure: str
    difference: float
    p: float
    p_tool: float | None
    personas: int
    calls: tuple[str, ...] = field(repr=False)

    @property
    def unit(self) -> str:
        """What the difference is in."""
        return MEASURES[self.measure]

    def __str__(self) -> str:
        where = self.module if self.tool is None else self.tool
        return (
            f"{where}: {self.unit} {self.difference:+.2f} ({self.personas} personas; {self.tested})"
        )

    @property
    def tested(self) -> str:
        """The p-values, each with what it is of."""
        of_module = f"{self.module}: {shown_p(self.p)} family-wise"
        if self.p_tool is None:
            return of_module
        return f"{of_module}; {self.tool}: {shown_p(self.p_tool)} within {self.module}"


class Contrast:
    """Treatment against control, within each persona.

    Args:
        varied: The rows of a run.
        seed: For the patterns of signs and the draws.
        alpha: How often something may be named although nothing was changed.

    Attributes:
        varied: The rows.
        alpha: As given.
        seed: As given.
    """

    def __init__(self, varied: Varied, *, seed: int, alpha: float = ALPHA) -> None:
        if not 0 < alpha < 1:
            raise InvalidInputError(f"an alpha of {alpha}; it lies between 0 and 1")
        self.varied = varied.renamed(**{AGAIN: CONTROL})
        self.alpha = alpha
        self.seed = seed
        self._halves = varied

    @classmethod
    def of(cls, varied: Varied, *, seed: int | None = None, alpha: float | None = None) -> Contrast:
        """Return the contrast of a run, as its design says unless *seed* or *alpha* are given."""
        known = varied.design
        return cls(
            varied,
            seed=int(known.get("seed", 0)) if seed is None else seed,
            alpha=float(known.get("alpha", ALPHA)) if alpha is None else alpha,
        )

    @cached_property
    def table(self) -> pd.DataFrame:
        """All measures of all modules and of their tools, the clearest first.

        Columns ``module``, ``tool`` (missing for the module as a whole), ``measure``,
        ``difference`` (treatment less control), ``unit``, ``p`` of its own, ``p_within`` adjusted
        over the module, ``p_adjusted`` over all, and ``personas``.
        """
        gaps = self.gaps
        if gaps.empty or len(gaps) < 2:
            return pd.DataFrame(columns=_COLUMNS)
        owners = self._owners
        labels = [tuple(map(str, label)) for label in gaps.columns]
        modules = [name if by == "module" else owners[name] for by, name, _ in labels]
        return _ordered(screen(gaps, modules, seed=self.seed), modules)

    @cached_property
    def gaps(self) -> pd.DataFrame:
        """Treatment less control, a row for each persona.

        Columns ``(by, name, measure)``, where *by* is ``module`` or ``tool_name``.
        """
        parts = {by: differences(self.varied, CONTROL, TREATMENT, by) for by in _BY}
        return pd.concat(parts, axis="columns", names=["by", "name", "measure"])

    def test(self, name: str, measure: str) -> HypothesisTest:
        """Return the test of one measure by itself, with its interval over personas.

        Args:
            name: A module or a tool.
            measure: One of :data:`mana_lab.analysis.contrast.measures.MEASURES`.

        Raises:
            InvalidInputError: Nothing was measured of it, or of fewer than two personas.
        """
        by = "tool_name" if name in self._owners else "module"
        if (by, name, measure) not in self.gaps.columns:
            raise InvalidInputError(f"there is no {measure[:80]!r} of {name[:80]!r} in both")
        gap = self.gaps[by, name, measure].dropna()
        found = compare_paired(
            np.zeros(len(gap)),
            gap.to_numpy(dtype=float),
            personas=gap.index.to_numpy(),
            seed=self.seed,
            question=f"{measure} of {name}: treatment - control",
        )
        around = found.interval and found.interval.within(MOST.get(measure, math.inf))
        return replace(found, interval=around, effect_name=f"mean difference, {MEASURES[measure]}")

    @cached_property
    def named(self) -> tuple[Named, ...]:
        """What changed, the clearest first; nothing where nothing holds up."""
        found = self.table[self.table["p_adjusted"] <= self.alpha]
        return tuple(self._name(module) for module in dict.fromkeys(found["module"]))

    @cached_property
    def answer(self) -> Answer:
        """What it was set up to find, and what came of that."""
        return answer_of(self)

    def effect(self, module: str | None = None) -> VariantEffect:
        """Return what the treatment did to the ratings, with its interval.

        Args:
            module: Of this module; of all modules together when None.

        Raises:
            InvalidInputError: Fewer than two personas rated it under both.
        """
        return compare_within(
            self._ratings(self.varied, module), variant="variant", baseline=CONTROL, seed=self.seed
        )

    def noise_floor(self, module: str | None = None) -> NoiseFloor:
        """Return how far two blind halves of the control differ: the automatic A/A.

        Args:
            module: As for :meth:`effect`.

        Raises:
            InvalidInputError: Fewer than two personas rated it in both halves.
        """
        first, second = (
            self._ratings(self._halves.only(half), module) for half in (CONTROL, AGAIN)
        )
        return noise_floor(first, second)

    def noise_of(self, name: str, measure: str) -> NoiseFloor:
        """Return how far the two blind halves of the control differ in one measure.

        Args:
            name: A module or a tool.
            measure: As for :meth:`test`.

        Raises:
            InvalidInputError: Fewer than two personas have it in both halves.
        """
        by = "tool_name" if name in self._owners else "module"
        gaps = self._blind[by]
        known = (name, measure) in gaps.columns
        return floor_of(gaps[name, measure].dropna() if known else ())

    def __repr__(self) -> str:
        return f"<Contrast of run {self.varied.run}: {self}>"

    def __str__(self) -> str:
        asked = [str(self.answer)] if self.answer.holds else []
        return "; ".join([*asked, *map(str, self.named)]) or "nothing changed that holds up"

    def _ratings(self, varied: Varied, module: str | None) -> pd.DataFrame:
        rows = varied.ratings
        return rows if module is None else rows[rows["module"] == module]

    @cached_property
    def _blind(self) -> dict[str, pd.DataFrame]:
        """One blind half of the control less the other, as :attr:`gaps`, by what is told apart."""
        return {by: differences(self._halves, CONTROL, AGAIN, by) for by in _BY}

    @cached_property
    def _owners(self) -> dict[str, str]:
        """The module of each tool."""
        known = self.varied.calls.drop_duplicates("tool_name")
        return dict(zip(known["tool_name"], known["module"], strict=True))

    def _name(self, module: str) -> Named:
        rows = self.table[self.table["module"] == module]
        tools = rows[rows["tool"].notna() & (rows["p_within"] <= TOOL_ALPHA)]
        row = rows.iloc[0] if tools.empty else tools.iloc[0]
        tool = None if tools.empty else str(row["tool"])
        calls = self.varied.only(TREATMENT).calls
        chosen = calls[calls["module"] == module]
        if tool is not None:
            chosen = chosen[chosen["tool_name"] == tool]
        return Named(
            module=module,
            tool=tool,
            measure=str(row["measure"]),
            difference=float(row["difference"]),
            p=float(rows["p_adjusted"].iloc[0]),
            p_tool=None if tool is None else float(row["p_within"]),
            personas=int(row["personas"]),
            calls=tuple(chosen["id"]),
        )


def contrast(
    warehouse: Warehouse,
    run: OneRun,
    *,
    seed: int | None = None,
    alpha: float | None = None,
) -> Contrast:
    """Return treatment against control of a run that varied the app.

    Args:
        warehouse: Where the rows come from.
        run: The run, its id or its number.
        seed: For the patterns of signs and the draws; that of the experiment unless given.
        alpha: How often something may be named although nothing was changed; that of the
            experiment unless given.

    Raises:
        NotFoundError: There is no such run.
        InvalidInputError: It did not vary the app.
    """
    return Contrast.of(Varied.of(warehouse, run), seed=seed, alpha=alpha)


def _ordered(found: Screened, modules: list[str]) -> pd.DataFrame:
    table = found.table.rename(columns={"mean": "difference"}).assign(of=modules)
    table = table.reset_index()
    table["unit"] = table["measure"].map(MEASURES)
    table["tool"] = table["name"].where(table["by"] == "tool_name")
    table["blur"] = -table["clarity"]
    by = ["p_adjusted", "p_within", "p", "blur", "name", "measure"]
    ordered = table.sort_values(by, kind="stable").assign(module=lambda rows: rows["of"])
    return ordered[_COLUMNS].reset_index(drop=True)

"""Contrast: which modules a variant of the app changed, and which of their tools are behind it.

Modules are screened first, all measures of all of them together; only the tools of modules that
are named are looked at (a gatekeeper: where no module is named, no tool is). Within either step
the family-wise error is held, see :mod:`mana_lab.analysis.statistics.screening`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from mana_lab.analysis.contrast.arms import AGAIN, CONTROL, TREATMENT, Varied
from mana_lab.analysis.contrast.measures import MEASURES, differences
from mana_lab.analysis.statistics.noise import NoiseFloor, noise_floor
from mana_lab.analysis.statistics.screening import Screened, screen
from mana_lab.analysis.statistics.variants import VariantEffect, compare_within
from mana_lab.analysis.warehouse import HasId, Warehouse
from mana_lab.errors import InvalidInputError

ALPHA = 0.05
_COLUMNS = ["name", "measure", "difference", "unit", "p", "p_adjusted", "personas"]


@dataclass(frozen=True)
class Named:
    """What changed.

    Attributes:
        module: The module.
        tool: The tool of it that changed most clearly; None where none did by itself.
        measure: What of it changed, such as ``failures``.
        difference: By how much, treatment less control, in the measure's unit.
        p: Adjusted over all modules and measures.
        personas: How many personas have that measure in both.
        calls: The ids of the calls with the tool (or module) under treatment.
    """

    module: str
    tool: str | None
    measure: str
    difference: float
    p: float
    personas: int
    calls: tuple[str, ...]

    @property
    def unit(self) -> str:
        """What the difference is in."""
        return MEASURES[self.measure]

    def __str__(self) -> str:
        where = self.module if self.tool is None else self.tool
        return f"{where}: {self.difference:+.2f} {self.unit} ({self.personas} personas)"


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

    @cached_property
    def modules(self) -> pd.DataFrame:
        """All measures of all modules, the clearest first.

        Columns ``name``, ``measure``, ``difference``, ``unit``, ``p``, ``p_adjusted`` over all of
        them, and ``personas``.
        """
        return self._screened("module", self.varied)

    def tools(self, module: str) -> pd.DataFrame:
        """Return all measures of the tools of a module, adjusted over these; the clearest first.

        Args:
            module: Such as ``todo``.
        """
        calls = self.varied.calls
        of_module = calls[calls["module"] == module]
        part = Varied(
            self.varied.run, self.varied.design, self.varied.ticks, self.varied.ratings, of_module
        )
        return self._screened("tool_name", part)

    @cached_property
    def named(self) -> tuple[Named, ...]:
        """What changed, the clearest first; nothing where nothing holds up."""
        found = self.modules[self.modules["p_adjusted"] <= self.alpha]
        return tuple(self._name(module) for module in dict.fromkeys(found["name"]))

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

    def __repr__(self) -> str:
        return f"<Contrast of run {self.varied.run}: {self}>"

    def __str__(self) -> str:
        if not self.named:
            return "nothing changed that holds up"
        return "; ".join(map(str, self.named))

    def _ratings(self, varied: Varied, module: str | None) -> pd.DataFrame:
        rows = varied.ratings
        return rows if module is None else rows[rows["module"] == module]

    def _screened(self, by: str, varied: Varied) -> pd.DataFrame:
        gaps = differences(varied, CONTROL, TREATMENT, by)
        if gaps.empty or len(gaps) < 2:
            return pd.DataFrame(columns=_COLUMNS)
        return _ordered(screen(gaps, seed=self.seed))

    def _name(self, module: str) -> Named:
        first = self.modules[self.modules["name"] == module].iloc[0]
        tools = self.tools(module)
        clear = tools[tools["p_adjusted"] <= self.alpha]
        row = first if clear.empty else clear.iloc[0]
        tool = None if clear.empty else str(row["name"])
        calls = self.varied.only(TREATMENT).calls
        chosen = calls[calls["module"] == module]
        if tool is not None:
            chosen = chosen[chosen["tool_name"] == tool]
        return Named(
            module=module,
            tool=tool,
            measure=str(row["measure"]),
            difference=float(row["difference"]),
            p=float(first["p_adjusted"]),
            personas=int(row["personas"]),
            calls=tuple(chosen["id"]),
        )


def contrast(
    warehouse: Warehouse, run: HasId | str | int, *, seed: int = 0, alpha: float = ALPHA
) -> Contrast:
    """Return treatment against control of a run that varied the app.

    Args:
        warehouse: Where the rows come from.
        run: The run, its id or its number.
        seed: For the patterns of signs and the draws.
        alpha: How often something may be named although nothing was changed.

    Raises:
        NotFoundError: There is no such run.
        InvalidInputError: It did not vary the app.
    """
    return Contrast(Varied.of(warehouse, run), seed=seed, alpha=alpha)


def _ordered(found: Screened) -> pd.DataFrame:
    table = found.table.rename(columns={"mean": "difference"})
    table = table.rename_axis(["name", "measure"]).reset_index()
    table["unit"] = table["measure"].map(MEASURES)
    table["clarity"] = -table["sign"].abs()
    ordered = table.sort_values(["p_adjusted", "clarity", "name", "measure"], kind="stable")
    return ordered[_COLUMNS].reset_index(drop=True)

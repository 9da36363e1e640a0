"""The gate in pytest: a test a module, which fails where a run is worse than the baseline."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from mana_lab.analysis.gate import Judgement, Measured, Verdict
    from mana_lab.analysis.gate.judging import Finding

GATE = "mana_baseline"
"""The marker of the tests, to choose them alone: ``pytest -m mana_baseline``."""

_OUTCOMES: dict[str, Literal["passed", "failed", "skipped"]] = {
    "worse": "failed",
    "gone": "failed",
    "same": "passed",
    "better": "passed",
    "unjudged": "skipped",
}


@dataclass(frozen=True)
class Line:
    """What became of a module, in words and figures that also pass between processes.

    Attributes:
        module: Its name, printable.
        outcome: What its test comes to.
        text: Why, in one line.
        figures: What was measured, by name.
        remark: What holds for the whole run.
    """

    module: str
    outcome: Literal["passed", "failed", "skipped"]
    text: str
    figures: dict[str, str]
    remark: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)


class NotAsGoodError(AssertionError):
    """A module is worse than in the baseline."""


class GateCollector(pytest.Collector):
    """What holds the tests of the modules, whose names begin with its own.

    Attributes:
        lines: What became of each module.
    """

    lines: list[Line]

    @classmethod
    def of(cls, session: pytest.Session, lines: list[Line]) -> GateCollector:
        """Return what holds the tests of these modules."""
        collector: GateCollector = cls.from_parent(session, name=GATE, nodeid=GATE)
        collector.lines = lines
        return collector

    def collect(self) -> Iterator[ModuleItem]:
        """Yield the tests."""
        for line in self.lines:
            item: ModuleItem = ModuleItem.from_parent(self, name=line.module)
            item.line = line
            item.user_properties += line.figures.items()
            item.add_marker(GATE)
            yield item


class ModuleItem(pytest.Item):
    """The test of a module.

    Attributes:
        line: What became of it.
    """

    line: Line

    def runtest(self) -> None:
        """Fail or skip as the verdict says.

        Raises:
            NotAsGoodError: The module is worse.
        """
        if self.line.outcome == "failed":
            raise NotAsGoodError(f"{self.line.module}: {self.line.text}")
        if self.line.outcome == "skipped":
            pytest.skip(self.line.text)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the reason without a traceback, which would tell nothing."""
        if isinstance(excinfo.value, NotAsGoodError):
            return "\n".join(filter(None, [str(excinfo.value), self.line.remark]))
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return how the test is called where it is reported."""
        return self.config.rootpath, None, f"{self.line.module}, against the baseline"


def lines_of(baseline: str, place: str | None) -> list[Line]:
    """Return what became of each module of a run.

    Args:
        baseline: The file of the baseline.
        place: Where the run is: ``DIR`` or ``DIR:RUN``; None for the last one of the default lab.

    Raises:
        pytest.UsageError: The baseline or the run cannot be read, or not be compared.
    """
    from mana_lab.analysis.gate import judge, read_baseline
    from mana_lab.display import visible
    from mana_lab.errors import ManaLabError

    try:
        known = read_baseline(Path(baseline))
        return list(_lines(judge(known, asyncio.run(_measured(place)))))
    except ManaLabError as error:
        raise pytest.UsageError(
            f"--mana-baseline: {visible(error.message)} ({error.code})"
        ) from None


async def _measured(given: str | None) -> Measured:
    from mana_lab.analysis.gate import measured
    from mana_lab.lab import DEFAULT_FOLDER
    from mana_lab.lab.places import open_place, place_and_run
    from mana_lab.settings import Settings, revealed

    folder, run = place_and_run(DEFAULT_FOLDER if given is None else given)
    database_url = revealed(Settings.from_environment().database_url)
    async with await open_place(folder, database_url=database_url) as found:
        return measured(found.warehouse, run)


def _lines(judgement: Judgement) -> Iterator[Line]:
    from mana_lab.display import visible

    for verdict in judgement.verdicts:
        yield Line(
            module=_printable(verdict.module),
            outcome=_OUTCOMES[verdict.outcome],
            text=visible(_told(verdict)),
            figures=_figures(verdict),
            remark=visible("; ".join(judgement.remarks)),
        )


def _told(verdict: Verdict) -> str:
    told = [*map(_said, verdict.findings), *filter(None, [verdict.reason])]
    return f"{verdict.outcome}: {'; '.join(told)}"


def _said(finding: Finding) -> str:
    test = finding.test
    name, unit = ("rating", "") if finding.measure == "rating" else ("failed calls", "%")
    scale = 100 if unit else 1
    before, after, effect, floor = (
        f"{value * scale:.{0 if unit else 2}f}{unit}"
        for value in (finding.before, finding.after, test.effect, finding.floor)
    )
    sign = "+" if test.effect > 0 else ""
    around = test.interval
    low, high = (around.low, around.high) if around else (test.effect, test.effect)
    within = f"[{low * scale:.{0 if unit else 2}f}, {high * scale:.{0 if unit else 2}f}]"
    return (
        f"{name} {before} -> {after} ({sign}{effect} {within}, noise floor {floor}, "
        f"p {finding.p:.3f} after Holm, {test.n_personas} personas)"
    )


def _figures(verdict: Verdict) -> dict[str, str]:
    figures: dict[str, str] = {"outcome": verdict.outcome}
    for finding in verdict.findings:
        numbers = {
            "before": finding.before,
            "after": finding.after,
            "difference": finding.test.effect,
            "floor": finding.floor,
            "p_holm": finding.p,
            "personas": finding.test.n_personas,
        }
        figures |= {f"{finding.measure}_{name}": f"{value:.6g}" for name, value in numbers.items()}
    return figures


def _printable(name: str) -> str:
    return name if name.isprintable() else ascii(name)

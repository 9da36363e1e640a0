"""A run: some days of simulated use, and what it came to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from typing import Literal, TypeAlias

RunStatus: TypeAlias = Literal["running", "done", "failed", "abandoned"]


@dataclass(frozen=True)
class Run:
    """Some days of simulated use.

    Attributes:
        id: The run's id, which follows from the lab's run count, the seed and the start.
        seed: What all randomness of the run derives from.
        brain: The brain that played the personas.
        model: The model behind it, where there is one.
        starts_at: The first moment, in UTC.
        ends_at: The moment at which the run was to end, in UTC.
        ticks: How many ticks there were.
        failed_ticks: How many of them failed.
        calls: How many tool calls there were.
        errors: How many of them failed.
        skipped_modules: How often a persona wanted a module that offers no tool.
        status: ``done``, ``failed`` or ``abandoned``; ``running`` while it lasts.
    """

    id: str = field(repr=False)
    seed: int
    brain: str
    model: str | None
    starts_at: datetime
    ends_at: datetime
    ticks: int
    failed_ticks: int
    calls: int
    errors: int
    skipped_modules: Counter[str]
    status: RunStatus

    def __repr__(self) -> str:
        facts = ", ".join(f"{name} {value}" for name, value in self._facts().items())
        return f"<Run: {facts}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>"
            for name, value in self._facts().items()
        )
        return f"<table>{rows}</table>"

    def _facts(self) -> dict[str, str | int]:
        brain = f"{self.brain} ({self.model})" if self.model else self.brain
        skipped = ", ".join(
            f"{module} ({count})" for module, count in sorted(self.skipped_modules.items())
        )
        return {
            "seed": self.seed,
            "brain": brain,
            "from": f"{self.starts_at:%Y-%m-%d %H:%M}",
            "to": f"{self.ends_at:%Y-%m-%d %H:%M} UTC",
            "ticks": self.ticks,
            "failed ticks": self.failed_ticks,
            "calls": self.calls,
            "errors": self.errors,
            "wanted in vain": skipped or "nothing",
            "status": self.status,
        }

"""What the runner's service counts, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from mana_lab.runner.ledger import TickOutcome
from mana_lab.runner.meter import Meter, Usage

_BUCKETS_S: Final = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
_NAME = "mana_persona_runner"


class Counts:
    """The counts of one runner; each is of what this process did."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._ticks = self._counter("ticks", "Ticks that ended here.", "status")
        self._seconds = Histogram(
            f"{_NAME}_tick_duration_seconds",
            "How long ticks took.",
            buckets=_BUCKETS_S,
            registry=self._registry,
        )
        self._calls = self._counter("tool_calls", "Calls of tools in the ticks that ended.")
        self._errors = self._counter("tool_errors", "Those of them that failed.")
        self._requests = self._counter("model_requests", "Requests that models answered.")
        self._tokens = self._counter("tokens", "Tokens that models read and wrote.", "direction")
        self._cost = self._counter("cost_usd", "What they cost, in US dollars.")
        self._looks = self._counter("looks", "Looks who is due.", "outcome")
        for status in ("done", "failed", "abandoned"):
            self._ticks.labels(status)
        for direction in ("input", "output"):
            self._tokens.labels(direction)
        for outcome in ("ok", "failed"):
            self._looks.labels(outcome)

    def watch(self, levels: Mapping[str, tuple[str, Callable[[], float]]]) -> None:
        """Add what goes up and down: by its name, what it tells and what reads it."""
        for name, (what, read) in levels.items():
            Gauge(f"{_NAME}_{name}", what, registry=self._registry).set_function(read)

    def ended(self, outcome: TickOutcome, seconds: float) -> None:
        """Count a tick that ended."""
        self._ticks.labels(outcome.status).inc()
        self._calls.inc(outcome.calls)
        self._errors.inc(outcome.errors)
        self._seconds.observe(seconds)

    def used(self, usage: Usage) -> None:
        """Count what a model took."""
        self._requests.inc(usage.requests)
        self._tokens.labels("input").inc(usage.input_tokens)
        self._tokens.labels("output").inc(usage.output_tokens)
        self._cost.inc(float(usage.cost_usd))

    def looked(self, outcome: str) -> None:
        """Count a look who is due: ``ok`` or ``failed``."""
        self._looks.labels(outcome).inc()

    def text(self) -> bytes:
        """Return everything in Prometheus's text format."""
        return generate_latest(self._registry)

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(f"{_NAME}_{name}", what, labels, registry=self._registry)


class CountedMeter:
    """A meter whose requests are counted here, too.

    Args:
        meter: Holds the tick to its budget.
        counts: Where to count.
    """

    def __init__(self, meter: Meter, counts: Counts) -> None:
        self._meter = meter
        self._counts = counts

    async def reserve(self, at_most: Usage) -> None:
        """Hold what the next request may take at the most.

        Raises:
            BudgetExhaustedError: A limit does not admit it.
        """
        await self._meter.reserve(at_most)

    async def settle(self, used: Usage) -> None:
        """Count what the request really took."""
        await self._meter.settle(used)
        self._counts.used(used)

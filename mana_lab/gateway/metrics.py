"""What a gateway counts, for Prometheus; the names are those of the original's gateway."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, TypeAlias

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

UNKNOWN_TOOL: Final = "unknown"
"""What calls of names that no tool has are counted under."""

Gauges: TypeAlias = Mapping[str, tuple[str, Callable[[], float]]]
"""What is read when somebody looks: by their names, what they tell and how to read them."""

_MOST_KEPT = 1024
_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The counts of one gateway."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._decisions = Counter(
            "mana_mcp_policy_decisions",
            "Decisions of the policy.",
            ("decision", "reason", "mode"),
            registry=self.registry,
        )
        self._invocations = Counter(
            "mana_mcp_tool_invocations",
            "Calls of tools.",
            ("tool", "outcome"),
            registry=self.registry,
        )
        self._durations = Histogram(
            "mana_mcp_tool_duration_seconds",
            "How long calls of tools took.",
            ("tool", "outcome"),
            buckets=_BUCKETS_S,
            registry=self.registry,
        )

        # Looking a child up by its labels costs more than counting.
        self._decision = lru_cache(_MOST_KEPT)(self._decisions.labels)
        self._invocation = lru_cache(_MOST_KEPT)(self._invocations.labels)
        self._duration = lru_cache(_MOST_KEPT)(self._durations.labels)

    def decided(self, decision: str, reason: str, mode: str) -> None:
        """Count a decision of the policy."""
        self._decision(decision, reason, mode).inc()

    def called(self, tool: str, outcome: str, seconds: float) -> None:
        """Count a call that ended."""
        self._invocation(tool, outcome).inc()
        self._duration(tool, outcome).observe(seconds)

    def watch(self, gauges: Gauges) -> None:
        """Add *gauges*."""
        for name, (what, read) in gauges.items():
            Gauge(name, what, registry=self.registry).set_function(read)

    def text(self) -> bytes:
        """Return everything in Prometheus's text format."""
        return generate_latest(self.registry)

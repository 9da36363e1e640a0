"""What a gateway counts, for Prometheus; the names are those of the original's gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

UNKNOWN_TOOL: Final = "unknown"
"""What calls of names that no tool has are counted under."""

SHARED_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that tells several processes where they count together; its name is Prometheus's."""

_MOST_KEPT = 1024
_EVERY_S = 5.0
_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Level:
    """Something that goes up and down, and is read when somebody looks.

    Attributes:
        what: What it tells.
        read: Reads it.
        together: What it is for several processes: the sum of all there ever were, the sum of those
            that live, or the highest of those.
    """

    what: str
    read: Callable[[], float]
    together: Literal["sum", "livesum", "livemax"] = "livesum"


Levels: TypeAlias = Mapping[str, Level]
"""Levels by their names."""


class Metrics:
    """The counts of one gateway.

    Args:
        shared: It runs in several processes, which :data:`SHARED_FOLDER` gave a folder.
    """

    def __init__(self, *, shared: bool = False) -> None:
        self._shared = shared
        self._levels: list[tuple[Gauge, Callable[[], float]]] = []
        self._registry = CollectorRegistry()
        self._decisions = Counter(
            "mana_mcp_policy_decisions",
            "Decisions of the policy.",
            ("decision", "reason", "mode"),
            registry=self._registry,
        )
        self._invocations = Counter(
            "mana_mcp_tool_invocations",
            "Calls of tools.",
            ("tool", "outcome"),
            registry=self._registry,
        )
        self._durations = Histogram(
            "mana_mcp_tool_duration_seconds",
            "How long calls of tools took.",
            ("tool", "outcome"),
            buckets=_BUCKETS_S,
            registry=self._registry,
        )
        self._refusals = Counter(
            "mana_mcp_requests_refused",
            "Requests refused before they became calls, of strangers too.",
            ("reason",),
            registry=self._registry,
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

    def refused(self, reason: str) -> None:
        """Count a request that was refused before it became a call."""
        self._refusals.labels(reason).inc()

    def watch(self, levels: Levels) -> None:
        """Add *levels*."""
        for name, level in levels.items():
            gauge = Gauge(
                name, level.what, registry=self._registry, multiprocess_mode=level.together
            )
            self._levels.append((gauge, level.read))

    @asynccontextmanager
    async def telling(self, every_s: float = _EVERY_S) -> AsyncIterator[None]:
        """Tell the other processes the levels of this one, for as long as this is held.

        Args:
            every_s: How often, in seconds.
        """
        if not self._shared:
            yield
            return
        teller = asyncio.create_task(self._tell(every_s))
        try:
            yield
        finally:
            teller.cancel()
            with suppress(asyncio.CancelledError):
                await teller

    async def _tell(self, every_s: float) -> None:
        while True:
            self._read_levels()
            await asyncio.sleep(every_s)

    def _read_levels(self) -> None:
        for gauge, read in self._levels:
            gauge.set(read())

    def text(self) -> bytes:
        """Return everything, of all processes, in Prometheus's text format."""
        self._read_levels()
        if not self._shared:
            return generate_latest(self._registry)
        everybody = CollectorRegistry()
        MultiProcessCollector(everybody)  # type: ignore[no-untyped-call]
        return generate_latest(everybody)

"""Memory: what a gateway keeps in a store, and shares with its other processes."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from opentelemetry.trace import TracerProvider

from mana_lab.clock import Clock, SystemClock
from mana_lab.gateway.keys import GatewayKeys
from mana_lab.gateway.once import Terms
from mana_lab.gateway.rates import Rates
from mana_lab.storage import Store


def _own_terms() -> Terms:
    return Terms(str(uuid.uuid4()))


@dataclass(frozen=True)
class Memory:
    """What a gateway remembers of calls.

    Attributes:
        store: Opened with the gateway's ``METADATA``; the audit, and answers to keyed calls.
        keys: Seal what is in it.
        terms: Who claims calls; by default this object, which may share the store.
        rates: Counts the calls; None for a count of this application's own.
        shared: Several processes stand on it, and count together.
        wall_clock: Real time, whatever the lab's time is.
        random: Makes ids.
        tracer_provider: Where the spans of calls go; None makes none.
    """

    store: Store
    keys: GatewayKeys
    terms: Terms = field(default_factory=_own_terms)
    rates: Rates | None = None
    shared: bool = False
    wall_clock: Clock = field(default_factory=SystemClock)
    random: Callable[[], uuid.UUID] = uuid.uuid4
    tracer_provider: TracerProvider | None = None

"""A gateway of several processes that share one socket."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from functools import partial
from tempfile import TemporaryDirectory

from prometheus_client.multiprocess import mark_process_dead

from mana_lab.clock import SystemClock
from mana_lab.gateway import worker
from mana_lab.gateway.metrics import SHARED_FOLDER
from mana_lab.gateway.process import Order, prepare
from mana_lab.gateway.workers import Workers
from mana_lab.web.serving import OnReady


async def serve_workers(
    order: Order, sock: socket.socket, on_ready: OnReady, *, renew_on: signal.Signals | None = None
) -> None:
    """Serve the gateway from as many processes as *order* says, until this is cancelled.

    Args:
        order: What each of them is to be.
        sock: A listening socket; closed at the end.
        on_ready: Called as soon as all of them answer requests.
        renew_on: The signal at which they are replaced, one after the other.

    Raises:
        SettingsError: The key cannot be used.
        InfrastructureError: The database cannot be used, or a process did not start.
    """
    await prepare(order)
    with TemporaryDirectory(prefix="mana-gateway-") as counts:
        workers = Workers(
            [sys.executable, "-m", worker.__name__],
            order.to_json(),
            sock,
            order.workers,
            clock=SystemClock(),
            ready=worker.READY,
            grace_s=order.grace_s,
            environment={SHARED_FOLDER: counts},
            on_end=partial(mark_process_dead, path=counts),
        )
        if renew_on is not None:
            _renew_on(renew_on, workers)
        await workers.run(on_ready)


def _renew_on(number: signal.Signals, workers: Workers) -> None:
    renewals: set[asyncio.Task[None]] = set()

    def renew() -> None:
        renewal = asyncio.create_task(workers.renew())
        renewals.add(renewal)
        renewal.add_done_callback(renewals.discard)

    asyncio.get_running_loop().add_signal_handler(number, renew)

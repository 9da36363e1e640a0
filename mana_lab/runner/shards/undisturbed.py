"""What Dask loads first into the workers that it starts here: Ctrl-C is for who started them."""

from __future__ import annotations

import signal


def dask_setup(_worker: object) -> None:
    """Have Ctrl-C in the terminal not end a worker, which is told to stop when it has to."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

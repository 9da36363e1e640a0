"""Optimizing: the search for a maximum of a likelihood with few parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from scipy import optimize
from threadpoolctl import threadpool_limits

from mana_lab.analysis.statistics.results import Floats


def minimize(
    loss: Callable[[Floats], tuple[float, Floats]],
    start: Floats,
    *,
    bounds: Sequence[tuple[float | None, float | None]] | None = None,
    options: Mapping[str, float] | None = None,
) -> Any:
    """Return scipy's result of L-BFGS-B.

    Its matrices have a few rows. BLAS works at them with one thread: where the cores are busy,
    several wait for one another many times as long as they work.

    Args:
        loss: Gives the value and its gradient.
        start: Where to begin.
        bounds: The least and the greatest of each parameter; None where there is none.
        options: Of L-BFGS-B.
    """
    with threadpool_limits(limits=1, user_api="blas"):
        return optimize.minimize(
            loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=dict(options or {})
        )

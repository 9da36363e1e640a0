"""Engines: what carries shards to where they are lived."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Literal, Protocol, TypeAlias

from mana_lab.checks import got, is_whole
from mana_lab.errors import InvalidInputError, SettingsError
from mana_lab.runner.shards.access import Access
from mana_lab.runner.shards.shard import Shard

EngineName: TypeAlias = Literal["asyncio", "dask", "ray"]
"""``asyncio`` is this process, without shards."""

_WHERE = {
    "dask": ("mana_lab.runner.shards.on_dask", "DaskEngine"),
    "ray": ("mana_lab.runner.shards.on_ray", "RayEngine"),
}


class Engine(Protocol):
    """Carries shards to workers.

    Attributes:
        workers: How many shards are lived at the same time.
    """

    @property
    def workers(self) -> int:
        """How many shards are lived at the same time."""
        ...

    async def carry(self, shards: Sequence[Shard], access: Access) -> None:
        """Have all shards lived, and those again whose worker was lost.

        What became of them is in the ledger.

        Args:
            shards: The parts of a run.
            access: The secrets that workers need.

        Raises:
            ManaLabError: A shard failed, or there are no workers.
        """
        ...


def engine_of(name: str, workers: int) -> Engine:
    """Return an engine of this machine.

    Args:
        name: ``dask`` or ``ray``.
        workers: How many processes it has.

    Raises:
        InvalidInputError: There is no such engine, or *workers* is below 1.
        SettingsError: Its package is not installed.
    """
    if name not in _WHERE:
        known = ", ".join(_WHERE)
        raise InvalidInputError(f"there is no engine {name!r}; there are asyncio, {known}")
    if not is_whole(workers) or workers < 1:
        raise InvalidInputError(f"an engine has 1 worker or more, got {got(workers)}")
    module, engine = _WHERE[name]
    try:
        found: Engine = getattr(import_module(module), engine)(workers=workers)
    except ImportError:
        raise SettingsError(
            f"the engine {name} is not installed: pip install 'mana-lab[{name}]'"
        ) from None
    return found

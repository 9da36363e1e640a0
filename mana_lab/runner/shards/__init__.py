"""Shards: a run in parts, each of which any machine can live alone.

State is in the ledger, never in what carries the shards: a shard that is lost is begun again, and
goes on where it was left.
"""

from mana_lab.runner.shards.access import Access
from mana_lab.runner.shards.cutting import check_count, cut
from mana_lab.runner.shards.engines import Engine, EngineName, engine_of
from mana_lab.runner.shards.shard import Shard, Site
from mana_lab.runner.shards.working import live

__all__ = [
    "Access",
    "Engine",
    "EngineName",
    "Shard",
    "Site",
    "check_count",
    "cut",
    "engine_of",
    "live",
]

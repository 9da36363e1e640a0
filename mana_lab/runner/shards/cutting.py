"""Cutting a run into shards."""

from __future__ import annotations

from collections.abc import Collection

from mana_lab.checks import got, is_whole
from mana_lab.errors import InvalidInputError
from mana_lab.runner.budget import Budget
from mana_lab.runner.run import RunPlan
from mana_lab.runner.shards.shard import Shard, Site


def check_count(count: int) -> None:
    """Check that a run can be cut into so many shards.

    Raises:
        InvalidInputError: It cannot.
    """
    if not is_whole(count) or count < 1:
        raise InvalidInputError(f"a run has 1 shard or more, got {got(count)}")


def cut(
    run: str,
    plan: RunPlan,
    personas: Collection[str],
    count: int,
    *,
    brain: str,
    site: Site,
    concurrency: int = 4,
    budget: Budget | None = None,
) -> list[Shard]:
    """Return a run in parts of about the same size; the same run is always cut alike.

    Args:
        run: The run's id.
        plan: What it sets out to do.
        personas: The e-mail addresses of those who take part.
        count: How many parts there are at most; nobody is in two of them.
        brain: Who plays them, by name.
        site: Where the services stand.
        concurrency: How many personas of one part use the app at the same time.
        budget: What models may take in the whole run.

    Raises:
        InvalidInputError: *count* is below 1.
    """
    check_count(count)
    dealt = sorted(personas)
    parts = min(count, len(dealt))
    return [
        Shard(
            run_id=run,
            number=each + 1,
            of=parts,
            personas=tuple(dealt[each::parts]),
            starts_at=plan.starts_at,
            ends_at=plan.ends_at,
            seed=plan.seed,
            brain=brain,
            concurrency=concurrency,
            budget=budget or Budget(),
            site=site,
        )
        for each in range(parts)
    ]

"""What models may take in a run in shards: all of them share it, wherever they are lived."""

import asyncio
from decimal import Decimal

import pytest
from engines_house import open_and_ended
from minds_house import MODEL, provider_at

from mana_lab import Lab
from mana_lab.runner.shards import live

WHAT = {"days": 5, "personas": ["anna", "ben"], "brain": MODEL}
LITTLE, ENOUGH = Decimal("0.80"), Decimal("5.00")


class Here:
    """An engine of this process, which lives all shards at the same time.

    Attributes:
        ends: How each of them ended, in their order.
    """

    workers = 2

    async def carry(self, shards, access):
        self.ends = await asyncio.gather(*(live(each, access) for each in shards))


def spent(lab):
    """Return what each persona's model took, in US dollars."""
    told = lab.sql("SELECT persona, sum(cost_usd) AS cost FROM ticks GROUP BY ALL ORDER BY ALL")
    return dict(zip(told["persona"], map(float, told["cost"]), strict=True))


@pytest.mark.slow
async def test_shards_share_one_budget_stop_before_it_is_passed_and_go_on_with_more(
    folder, few, monkeypatch
):
    async with provider_at(monkeypatch) as house, await Lab.open(folder, catalog=few) as lab:
        expected = await lab.expected_ticks(days=WHAT["days"], personas=WHAT["personas"])
        engine = Here()
        run = await lab.run(**WHAT, engine=engine, budget=LITTLE, seed=11)
        assert engine.ends == ["stopped", "stopped"]
        assert run.status == "stopped"
        assert f"{LITTLE.normalize()} is the limit; raise it to go on" in run.reason
        assert LITTLE / 2 < run.usage.cost_usd <= LITTLE
        assert run.usage.requests == len(house.requests)
        assert house.in_flight == 0
        waiting, ended = open_and_ended(folder, run.id)
        assert (waiting, ended + waiting) == (run.open_ticks, run.ticks)
        assert ended < expected

        run = await lab.resume(brain=MODEL, engine=engine, budget=ENOUGH)
        assert engine.ends == ["done", "done"]
        assert (run.status, run.ticks, run.open_ticks) == ("done", expected, 0)
        assert run.failed_ticks == 0
        assert not lab.sql("SELECT persona, tick FROM ticks").duplicated().any()
        actions = lab.actions_df(run)
        assert len(actions) == run.calls == 2 * expected
        assert not actions.duplicated(["persona", "tick", "seq"]).any()
        assert run.usage.requests == len(house.requests)  # none is asked, or paid, twice
        each = spent(lab)
        assert max(each.values()) < LITTLE < sum(each.values())  # alone, neither had been stopped
        assert sum(each.values()) == pytest.approx(float(run.usage.cost_usd))


@pytest.mark.slow
async def test_a_budget_that_is_not_raised_is_kept_however_often_the_run_goes_on(
    folder, few, monkeypatch
):
    async with provider_at(monkeypatch) as house, await Lab.open(folder, catalog=few) as lab:
        engine = Here()
        first = await lab.run(**WHAT, engine=engine, budget=LITTLE, seed=11)
        asked = len(house.requests)
        again = await lab.resume(brain=MODEL, engine=engine, budget=LITTLE)
        assert engine.ends == ["stopped", "stopped"]
        assert again.status == "stopped"
        assert again.usage.cost_usd <= LITTLE
        assert again.usage.requests == len(house.requests) >= asked == first.usage.requests

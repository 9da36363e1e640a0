"""A run in shards: other processes live it, and it comes to the same."""

import pandas as pd
import pytest

from mana_lab import Lab

pytest.importorskip("distributed", reason="needs mana-lab[dask]")

WHAT = ["persona", "tick", "seq", "tool_name", "result", "occurred_at", "input_hash"]


async def lived(folder, few, **how):
    async with await Lab.open(folder, catalog=few) as lab:
        await lab.seed()
        run = await lab.run(days=2, seed=11, **how)
        assert run.status == "done", run
        ratings = lab.feedback_df(run)[["persona", "tick", "module", "rating"]]
        return lab.clock.now(), lab.actions_df(run)[WHAT], ratings


@pytest.mark.slow
@pytest.mark.parametrize("gateway_workers", [0, 2])
async def test_a_run_on_dask_makes_the_same_calls(tmp_path, few, gateway_workers):
    here = await lived(tmp_path / "here", few)
    there = await lived(
        tmp_path / "there", few, engine="dask", workers=2, gateway_workers=gateway_workers
    )
    assert here[0] == there[0]
    for one, other in zip(here[1:], there[1:], strict=True):
        assert len(one) > 0
        pd.testing.assert_frame_equal(one, other)

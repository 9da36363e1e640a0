"""What the personas' audit says, the gateway's audit says, and the change log has it."""

from collections import Counter

from sqlalchemy import select

from mana_lab.gateway import log_of
from mana_lab.gateway.tables import ATTEMPTS
from mana_lab.sync.server.tables import sync_changes


async def test_each_successful_write_of_a_run_is_one_attempt_in_the_trace_of_its_tick(lab):
    run = await lab.run(days=1)
    writes = {spec.name for spec in lab.registry if spec.policy_hint != "read"}
    actions = lab.actions_df(run)
    ticks = lab.sql("SELECT persona_id, persona, tick, id FROM ticks").set_index(
        ["persona", "tick"]
    )
    audited = Counter()
    for action in actions[actions["result"] == "ok"].itertuples():
        row = ticks.loc[(action.persona, action.tick)]
        audited[row["persona_id"], row["id"].replace("-", ""), action.tool_name] += 1
    query = select(ATTEMPTS.c.principal, ATTEMPTS.c.trace_id, ATTEMPTS.c.tool).where(
        ATTEMPTS.c.outcome == "success"
    )
    await log_of(lab._services.gateway_app).flush()
    attempted = await lab._stores.gateway.read(
        lambda connection: Counter(map(tuple, connection.execute(query)))
    )
    assert attempted == audited
    changes = await lab._stores.sync.read(
        lambda connection: Counter(connection.scalars(select(sync_changes.c.user_id)))
    )
    wrote = Counter()
    for (user, _trace, tool), times in audited.items():
        if tool in writes:
            wrote[user] += times
    assert wrote.total() > 0
    assert set(wrote) == set(changes)
    assert all(changes[user] >= times for user, times in wrote.items())

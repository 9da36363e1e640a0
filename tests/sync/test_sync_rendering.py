"""What readers get is written straight from the rows; it says what the models would say."""

import json
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sync_house import FLAT

from mana_lab.sync.wire import Change, SyncAnswer, to_json

STAMP = "2026-01-05T00:00:00.000Z"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text() | st.sampled_from(['"', "\\", "\ud83d", "</script>", "\u2028", "\x00", "%s", "{}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
NAMES = st.text(max_size=8)
PRINTABLE = st.text(
    st.characters(exclude_categories=["C", "Z"], include_characters=" "), min_size=1, max_size=20
)


@st.composite
def changes(draw):
    op = draw(st.sampled_from(["insert", "update", "delete"]))
    made = {
        "table": draw(st.sampled_from(["tasks", "a.b:c-d", "0"])),
        "id": draw(PRINTABLE),
        "op": op,
        "spaceId": draw(st.sampled_from([FLAT, "_personal:anna"])),
    }
    if op == "insert":
        names = NAMES.filter(lambda name: name not in {"createdAt", "updatedAt", "spaceId"})
        made["data"] = draw(st.dictionaries(names, JSON, max_size=4))
    elif op == "update":
        names = draw(st.sets(NAMES.filter(lambda name: name != "spaceId"), max_size=4))
        made["fields"] = {
            name: {"value": draw(JSON), "updatedAt": STAMP, "at": STAMP} for name in names
        }
    else:
        made["deletedAt"] = STAMP
    if draw(st.booleans()):
        made["actor"] = draw(PRINTABLE | st.dictionaries(NAMES, JSON, max_size=3))
    if draw(st.booleans()):
        made["origin"] = draw(PRINTABLE)
    return made


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(changes(), min_size=1, max_size=6))
async def test_p18_what_was_pushed_comes_back_byte_for_byte_as_the_models_write_it(house, pushed):
    """Property P18: unknown fields, tables and characters survive the round trip."""
    pushed = [made | {"eventId": str(uuid4())} for made in pushed]
    start = (await house.push(since="")).json()
    while start["hasMore"]:
        start = (await house.push(since=start["syncedUntil"])).json()
    answer = await house.push(*pushed, since=start["syncedUntil"])
    assert answer.status_code == 200, answer.text
    found = answer.json()
    first = found["serverChanges"][0]["seq"]
    expected = [
        made | {"schemaVersion": 1, "clientId": "phone", "userId": "anna", "seq": first + place}
        for place, made in enumerate(pushed)
    ]
    assert json.dumps(found["serverChanges"], sort_keys=True) == json.dumps(
        expected, sort_keys=True
    )
    model = SyncAnswer(
        server_changes=[Change.model_validate(made) for made in expected],
        conflicts=[],
        synced_until=found["syncedUntil"],
        has_more=False,
    )
    assert json.loads(to_json(model)) == found
    assert answer.content.isascii()

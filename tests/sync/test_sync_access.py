import pytest
from sync_house import CLUB, FLAT, insertion


async def refused(answer):
    assert (answer.status_code, answer.json()["error"]) == (403, "not-a-member")


async def test_members_of_a_space_read_what_another_member_wrote(house):
    await house.push(insertion(spaceId=FLAT), user="ben")
    assert await house.pull_ids("anna") == ["1"]
    assert await house.pull_ids("anna", spaceId=FLAT) == ["1"]


async def test_nobody_else_reads_what_is_in_a_space(house):
    await house.push(insertion(spaceId=FLAT))
    assert await house.pull_ids("cleo") == []
    assert (await house.push(user="cleo")).json()["serverChanges"] == []
    await refused(await house.pull("cleo", spaceId=FLAT))


async def test_a_change_without_a_space_is_its_authors_alone(house):
    answer = await house.push(insertion())
    assert answer.json()["serverChanges"][0]["spaceId"] == "_personal:anna"
    assert await house.pull_ids("ben") == []
    assert await house.pull_ids("anna", spaceId="_personal:anna") == ["1"]


@pytest.mark.parametrize("space", [CLUB, "org-unknown", "_personal:ben", "_personal:", "*"])
async def test_a_space_one_is_not_a_member_of_can_neither_be_read_nor_written(house, space):
    await refused(await house.push(insertion("9"), insertion(spaceId=space)))
    await refused(await house.pull(spaceId=space))
    assert await house.pull_ids("anna") == []


async def test_a_membership_in_somebodys_personal_sentinel_opens_nothing(house):
    await house.push(insertion(), user="ben")
    house.members.spaces["anna"].add("_personal:ben")
    assert await house.pull_ids("anna") == []
    await refused(await house.pull(spaceId="_personal:ben"))


@pytest.mark.parametrize(
    "change",
    [
        insertion(data={"spaceId": CLUB}),
        insertion(spaceId=FLAT, data={"spaceId": CLUB}),
        insertion(spaceId=FLAT, data={"spaceId": "_personal:ben"}),
        {
            "table": "tasks",
            "id": "1",
            "op": "update",
            "spaceId": FLAT,
            "fields": {"spaceId": {"value": CLUB, "updatedAt": "2026-01-05T00:00:00Z"}},
        },
    ],
    ids=["in the data alone", "in the data", "a sentinel in the data", "in a field"],
)
async def test_a_record_cannot_claim_a_space_its_author_is_not_a_member_of(house, change):
    await refused(await house.push(change))


async def test_a_space_named_in_the_record_alone_is_the_changes_space(house):
    update = {
        "table": "tasks",
        "id": "1",
        "op": "update",
        "fields": {"spaceId": {"value": FLAT, "updatedAt": "2026-01-05T00:00:00Z"}},
    }
    answer = await house.push(insertion(data={"spaceId": FLAT}), update)
    assert [change["spaceId"] for change in answer.json()["serverChanges"]] == [FLAT, FLAT]


async def test_who_left_a_space_reads_nothing_of_it_not_even_what_they_wrote(house):
    await house.push(insertion(spaceId=FLAT), user="ben")
    house.members.spaces["ben"].remove(FLAT)
    assert await house.pull_ids("ben") == []
    await refused(await house.pull("ben", spaceId=FLAT))
    await refused(await house.push(insertion(spaceId=FLAT), user="ben"))
    assert await house.pull_ids("anna") == ["1"]


async def test_who_joins_a_space_reads_it_from_the_start(house):
    await house.push(insertion(spaceId=FLAT))
    house.members.spaces["dora"] = {FLAT}
    assert await house.pull_ids("dora", spaceId=FLAT) == ["1"]


async def test_nothing_is_allowed_while_memberships_cannot_be_found_out(house):
    house.members.is_down = True
    for answer in (
        await house.push(insertion()),
        await house.push(insertion(spaceId=FLAT)),
        await house.pull(),
        await house.pull(spaceId=FLAT),
    ):
        assert (answer.status_code, answer.json()["error"]) == (503, "service-unavailable")
    house.members.is_down = False
    assert await house.pull_ids("anna") == []


@pytest.mark.parametrize("space", ["", "x" * 201, "a\x00b", "a\nb"])
async def test_a_space_id_of_another_form_is_refused(house, space):
    for answer in (await house.push(insertion(spaceId=space)), await house.pull(spaceId=space)):
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid-input")


async def test_a_space_id_inside_a_record_is_text(house):
    answer = await house.push(insertion(data={"spaceId": ["org-flat"]}))
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("changes[0].data.spaceId: a space id is text")


@pytest.mark.parametrize("space", [FLAT, None, "_personal:anna"])
async def test_a_session_that_was_signed_out_reads_and_writes_nothing(house, space):
    ended = {"authorization": f"Bearer {house.token(sid='ended')}"}
    living = {"authorization": f"Bearer {house.token(sid='living')}"}
    house.members.ended.add("ended")
    change = insertion() if space is None else insertion(spaceId=space)
    asked = {"collection": "tasks"} if space is None else {"collection": "tasks", "spaceId": space}
    for answer in (
        await house.push(change, headers=ended),
        await house.push(headers=ended),
        await house.http.get("/sync/todo/pull", params=asked, headers=ended),
    ):
        assert (answer.status_code, answer.json()["error"]) == (401, "session-ended")
    assert house.rows() == []
    assert (await house.push(change, headers=living)).status_code == 200

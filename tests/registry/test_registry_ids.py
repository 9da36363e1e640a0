"""Which records a call with an idempotency key makes: its caller's own, the same every time."""

import uuid

import pytest
from registry_house import open_house

from mana_lab.registry import Principal, Registry

ANNA = Principal("anna-id", "anna@mana.test", kind="human")
PERSONA = Principal("ben-id", "ben@mana.test", kind="persona")


@pytest.fixture
async def ids(tmp_path, clock):
    async with open_house(tmp_path, clock, Registry([])) as house:
        anna = await house.user("anna")

        def first_two(principal, key):
            context = house.backend.context(principal, anna.space, key)
            return [context.new_id(), context.new_id()]

        yield first_two


async def test_a_call_done_again_makes_the_same_records(ids):
    again = ids(ANNA, "k")
    assert ids(ANNA, "k") == again
    assert len({*again, *ids(ANNA, "other")}) == 4
    assert all(uuid.UUID(made).version == 5 for made in again)


async def test_a_persona_that_is_made_anew_makes_the_same_records_as_before(ids):
    assert ids(PERSONA, "run:1:0") == ids(
        Principal("new", PERSONA.email, kind="persona"), "run:1:0"
    )


async def test_a_person_with_the_address_of_another_does_not_make_their_records(ids):
    assert ids(ANNA, "k") != ids(Principal("eve-id", ANNA.email), "k")
    assert ids(PERSONA, "k") != ids(Principal("eve-id", PERSONA.email), "k")


async def test_a_person_who_chose_an_address_that_runs_into_the_key_makes_records_of_their_own(ids):
    assert ids(PERSONA, "7:k") != ids(Principal("eve-id", f"{PERSONA.email}:7"), "k")
    assert ids(ANNA, "7:k") != ids(Principal("eve-id", f"{ANNA.email}:7"), "k")


async def test_a_persona_without_an_address_is_known_by_its_id(ids):
    nameless = [Principal(name, kind="persona") for name in ("p1", "p2")]
    assert ids(nameless[0], "k") != ids(nameless[1], "k")

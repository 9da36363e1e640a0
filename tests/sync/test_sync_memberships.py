import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route
from sync_house import BASE, FLAT, House, insertion, make_app

from mana_lab.errors import ServiceUnavailableError, SessionEndedError
from mana_lab.sync.server import HttpMemberships


class Identity:
    """The one endpoint of the identity service that sync asks."""

    def __init__(self):
        self.spaces = {"anna": [FLAT]}
        self.asked = []
        self.sessions = []
        self.ended = set()
        self.answer = None

    async def memberships(self, request):
        user = request.path_params["user"]
        self.asked.append((user, request.headers.get("x-service-key")))
        self.sessions.append(request.query_params.get("sid"))
        if self.answer is not None:
            return self.answer
        found = [{"organizationId": space, "role": "owner"} for space in self.spaces.get(user, [])]
        active = request.query_params.get("sid") not in self.ended
        return JSONResponse({"userId": user, "memberships": found, "sessionActive": active})

    def app(self):
        path = "/api/v1/internal/users/{user:path}/memberships"
        return Starlette(routes=[Route(path, self.memberships)])


@pytest.fixture
def identity():
    return Identity()


@pytest.fixture
async def memberships(identity, clock):
    transport = httpx.ASGITransport(app=identity.app())
    async with httpx.AsyncClient(transport=transport) as http:
        yield HttpMemberships("http://identity.test/", http, "the key", clock)


async def test_memberships_are_asked_for_with_the_service_key(memberships, identity):
    assert await memberships.spaces_of("anna", "") == {FLAT}
    assert identity.asked == [("anna", "the key")]


async def test_an_answer_is_used_again_for_less_than_half_a_minute(memberships, identity, clock):
    for _ in range(3):
        await memberships.spaces_of("anna", "")
        clock.advance(9.9)
    assert len(identity.asked) == 1
    clock.advance(0.3)
    identity.spaces["anna"] = []
    assert await memberships.spaces_of("anna", "") == frozenset()
    assert len(identity.asked) == 2


async def test_having_no_space_is_not_remembered(memberships, identity):
    assert await memberships.spaces_of("ben", "") == frozenset()
    identity.spaces["ben"] = [FLAT]
    assert await memberships.spaces_of("ben", "") == {FLAT}


async def test_one_users_answer_is_not_anothers(memberships):
    assert await memberships.spaces_of("anna", "") == {FLAT}
    assert await memberships.spaces_of("ben", "") == frozenset()


async def test_a_user_id_stays_one_step_of_the_path(memberships, identity):
    await memberships.spaces_of("../../x?y=/anna", "")
    assert identity.asked == [("../../x?y=/anna", "the key")]


@pytest.mark.parametrize(
    "answer",
    [
        JSONResponse({"error": "unauthenticated"}, 401),
        JSONResponse({}, 404),
        JSONResponse({}, 500),
        JSONResponse({}),
        JSONResponse({"memberships": [{"role": "owner"}]}),
        PlainTextResponse("<html>"),
    ],
    ids=["refused", "not there", "broken", "empty", "malformed", "no JSON"],
)
async def test_no_usable_answer_is_an_error_and_not_remembered(memberships, identity, answer):
    identity.answer = answer
    with pytest.raises(ServiceUnavailableError, match="which spaces"):
        await memberships.spaces_of("anna", "")
    identity.answer = None
    assert await memberships.spaces_of("anna", "") == {FLAT}


async def test_no_answer_at_all_is_an_error(clock):
    def refuse(request):
        raise httpx.ConnectError("refused", request=request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(refuse)) as http:
        memberships = HttpMemberships("http://identity.test", http, "key", clock)
        with pytest.raises(ServiceUnavailableError):
            await memberships.spaces_of("anna", "")


async def test_only_so_many_users_are_remembered(memberships, identity):
    for number in range(4097):
        identity.spaces[f"user-{number}"] = [FLAT]
        await memberships.fresh_spaces_of(f"user-{number}", "")
    identity.asked.clear()
    await memberships.spaces_of("user-1", "")
    await memberships.spaces_of("user-0", "")
    assert identity.asked == [("user-0", "the key")]


async def test_the_session_that_asks_is_named_and_one_sessions_answer_is_not_anothers(
    memberships, identity
):
    await memberships.spaces_of("anna", "a/b&sid=c")
    await memberships.spaces_of("anna", "a/b&sid=c")
    await memberships.spaces_of("anna", "")
    assert identity.sessions == ["a/b&sid=c", None]


async def test_a_session_that_was_signed_out_gets_in_for_less_than_half_a_minute(
    memberships, identity, clock
):
    assert await memberships.spaces_of("anna", "one") == {FLAT}
    identity.ended.add("one")
    clock.advance(29.9)
    assert await memberships.spaces_of("anna", "one") == {FLAT}
    clock.advance(0.1)
    for _ in range(2):
        with pytest.raises(SessionEndedError, match="sign in again"):
            await memberships.spaces_of("anna", "one")
    assert await memberships.spaces_of("anna", "two") == {FLAT}


async def test_the_spaces_that_others_are_in_stay(memberships, identity):
    identity.answer = JSONResponse(
        {
            "memberships": [
                {"organizationId": FLAT, "role": "owner", "others": 1},
                {"organizationId": "alone", "role": "owner", "others": 0},
                {"organizationId": "unknown", "role": "owner"},
            ]
        }
    )
    assert await memberships.spaces_that_stay("anna") == {FLAT}
    identity.answer = JSONResponse({}, 500)
    with pytest.raises(ServiceUnavailableError):
        await memberships.spaces_that_stay("anna")


async def test_an_identity_service_that_knows_no_sessions_lets_them_pass(memberships, identity):
    """The original answers without the member; its sessions end with their tokens."""
    identity.answer = JSONResponse({"memberships": [{"organizationId": FLAT, "role": "owner"}]})
    assert await memberships.spaces_of("anna", "one") == {FLAT}


@pytest.fixture
async def asking_house(house, memberships):
    """The service with memberships over HTTP."""
    app = make_app(house.store, house.clock, house.key, memberships)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as http:
        yield House(app, http, house.store, house.clock, house.members, house.key)


async def test_a_space_just_joined_is_open_at_once(asking_house, identity):
    assert (await asking_house.pull()).status_code == 200
    identity.spaces["anna"].append("org-new")
    answer = await asking_house.push(insertion(spaceId="org-new"))
    assert answer.status_code == 200
    assert len(identity.asked) == 2


async def test_a_space_just_left_is_closed_within_half_a_minute(asking_house, identity):
    assert (await asking_house.pull(spaceId=FLAT)).status_code == 200
    identity.spaces["anna"] = []
    asking_house.clock.advance(30)
    assert (await asking_house.pull(spaceId=FLAT)).status_code == 403


async def test_what_identity_cannot_tell_is_not_served(asking_house, identity):
    identity.answer = JSONResponse({}, 500)
    assert (await asking_house.pull()).status_code == 503
    assert (await asking_house.push(insertion())).status_code == 503

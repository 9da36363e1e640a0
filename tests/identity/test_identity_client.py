import httpx
import pytest
from identity_house import BASE, PASSWORD, SERVICE_KEY, persona

from mana_lab.errors import (
    InvalidCredentialsError,
    InvalidInputError,
    ProtocolError,
    RateLimitedError,
    ServiceUnavailableError,
    UnauthenticatedError,
)
from mana_lab.identity.client import IdentityClient


def client_of(handle):
    http = httpx.AsyncClient(transport=httpx.MockTransport(handle))
    return IdentityClient("http://identity.test/", http)


def answering(status, **kwargs):
    return client_of(lambda _: httpx.Response(status, **kwargs))


async def test_errors_come_back_as_they_were_raised(house):
    with pytest.raises(InvalidCredentialsError, match="Invalid credentials"):
        await house.identity.login("anna@a.test", PASSWORD)
    with pytest.raises(UnauthenticatedError):
        await house.identity.spaces("no token")


async def test_a_refusal_says_which_members_are_wrong(house):
    with pytest.raises(InvalidInputError, match=r"email.*password"):
        await house.identity.register("nobody", "short")


async def test_a_service_that_is_not_there_is_unavailable():
    def refuse(request):
        raise httpx.ConnectError("refused", request=request)

    identity = client_of(refuse)
    assert not await identity.health()
    with pytest.raises(ServiceUnavailableError, match="ConnectError"):
        await identity.spaces("token")


async def test_health_is_what_the_service_says(house):
    assert await house.identity.health()
    assert not await answering(503).health()


@pytest.mark.parametrize(
    ("status", "error"),
    [(500, ServiceUnavailableError), (302, ServiceUnavailableError), (429, RateLimitedError)],
)
async def test_answers_of_another_shape_are_errors_by_their_status(status, error):
    for answer in ({"text": "oops"}, {"json": {"statusCode": status}}, {"json": [1]}):
        with pytest.raises(error):
            await answering(status, **answer).spaces("token")


async def test_the_errors_of_the_original_are_understood():
    identity = answering(401, json={"error": "Invalid credentials"})
    with pytest.raises(UnauthenticatedError):
        await identity.login("anna@a.test", PASSWORD)


@pytest.mark.parametrize("answer", [{"json": {"odd": 1}}, {"text": "<html>"}, {"json": [1]}])
async def test_a_success_that_makes_no_sense_is_a_protocol_error(answer):
    with pytest.raises(ProtocolError):
        await answering(200, **answer).login("anna@a.test", PASSWORD)
    with pytest.raises(ProtocolError):
        await answering(200, **answer).spaces("token")


async def test_metadata_may_be_a_json_text():
    """The original failed here: plug-ins wrote a text where others wrote an object."""
    space = {
        "id": "s",
        "name": "Team",
        "slug": "team",
        "createdAt": "2026-01-05T00:00:00Z",
        "metadata": '{"type":"team"}',
    }
    (found,) = await answering(200, json=[space]).spaces("token")
    assert (found.type, found.role) == ("team", None)


async def test_ids_from_elsewhere_stay_one_segment_of_the_path():
    paths = []

    def handle(request):
        paths.append(request.url.raw_path.decode())
        return httpx.Response(404, json={})

    identity = client_of(handle)
    for call in (
        identity.persona("token", "../../x?y#z"),
        identity.memberships(SERVICE_KEY, "../due"),
    ):
        with pytest.raises(Exception, match="404"):
            await call
    assert paths == [
        "/api/v1/admin/personas/..%2F..%2Fx%3Fy%23z",
        "/api/v1/internal/users/..%2Fdue/memberships",
    ]


async def test_one_persons_cookie_does_not_go_with_anothers_calls(house):
    sent = []

    async def note(request):
        sent.append(request.headers.get("cookie"))

    house.http.event_hooks["request"].append(note)
    anna = await house.person("anna@a.test")
    eve = await house.person("eve@a.test")
    for login in (anna, eve):
        (space,) = await house.identity.spaces(login.access_token)
        assert space.slug == login.user.name
    assert set(sent) == {None}
    assert not house.http.cookies


async def test_the_callers_own_cookies_stay_with_the_caller(house):
    sent = []

    async def note(request):
        sent.append(request.headers.get("cookie"))

    house.http.event_hooks["request"].append(note)
    house.http.cookies.set("mine", "1")
    await house.person("anna@a.test")
    assert set(sent) == {None}
    assert dict(house.http.cookies) == {"mine": "1"}


async def test_answers_do_not_show_secrets(house):
    login = await house.person()
    key = await house.identity.vault_init(login.access_token)
    shown = repr(login) + repr(key) + repr(persona()) + str(login)
    for secret in (login.access_token, login.token, key.master_key, PASSWORD):
        assert secret not in shown


async def test_a_base_url_may_end_with_a_slash(house):
    assert await IdentityClient(BASE + "/", house.http).health()

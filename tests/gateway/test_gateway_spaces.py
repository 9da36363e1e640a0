"""In which space a request acts."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from gateway_house import call_echo, from_stream, legacy, modern, open_session
from starlette.responses import JSONResponse, PlainTextResponse


async def said(http, **headers):
    request = call_echo()
    answer = await http.post("/mcp", headers=request["headers"] | headers, json=request["json"])
    assert answer.status_code == 200, answer.text
    return answer.json()["result"]["structuredContent"]


async def test_without_the_header_a_call_acts_in_the_personal_space(house):
    anna = await house.user("anna")
    async with house.http(anna) as http:
        got = await said(http)
    assert (got["spaceId"], got["spaceType"]) == (anna.personal_space, "personal")


async def test_a_space_of_another_user_is_forbidden_with_the_reason(house):
    anna, ben = await house.user("anna"), await house.user("ben")
    request = call_echo()
    request["headers"]["X-Mana-Space"] = ben.personal_space
    async with house.http(anna) as http:
        answer = await http.post("/mcp", **request)
    assert answer.status_code == 403
    assert answer.json()["error"] == "not-a-member"
    assert "not a member of the space" in answer.json()["message"]
    assert house.tools.calls == []


@pytest.mark.parametrize("space", ["nowhere", "x" * 5000, "' OR 1=1 --"])
async def test_a_space_that_does_not_exist_is_refused_like_a_foreign_one(house, space):
    anna = await house.user("anna")
    request = call_echo()
    request["headers"]["X-Mana-Space"] = space
    async with house.http(anna) as http:
        answer = await http.post("/mcp", **request)
    assert (answer.status_code, answer.json()["error"]) == (403, "not-a-member")


async def test_another_space_takes_effect_within_a_session(house):
    # the original failed here: a session kept its first space for ever
    anna = await house.user("anna")
    shared = await house.share("Team", anna)
    async with house.http(anna) as http:
        session = await open_session(http)
        seen = []
        for number, space in enumerate((anna.personal_space, shared, None), start=2):
            call = legacy("tools/call", session, id=number, name="test.echo", arguments={})
            if space is not None:
                call["headers"]["X-Mana-Space"] = space
            answer = from_stream(await http.post("/mcp", **call))
            seen.append(answer["result"]["structuredContent"]["spaceId"])
    assert seen == [anna.personal_space, shared, anna.personal_space]


async def test_a_new_membership_counts_at_once(house):
    anna, ben = await house.user("anna"), await house.user("ben")
    async with house.http(ben) as http:
        await said(http)
        shared = await house.share("Team", anna, ben)
        assert (await said(http, **{"X-Mana-Space": shared}))["spaceId"] == shared


async def test_a_lost_membership_ends_within_thirty_seconds(house, clock):
    anna, ben = await house.user("anna"), await house.user("ben")
    shared = await house.share("Team", anna, ben)
    request = call_echo()
    request["headers"]["X-Mana-Space"] = shared
    async with house.http(ben) as http:
        assert (await http.post("/mcp", **request)).status_code == 200
        await house.unshare(shared, ben)
        clock.advance(30)
        assert (await http.post("/mcp", **request)).status_code == 403


async def test_a_membership_is_not_asked_for_on_every_call(house):
    anna = await house.user("anna")
    async with house.http(anna) as http:
        await said(http)
        house.identity_service.answer = PlainTextResponse("down", 503)
        assert (await said(http))["spaceId"] == anna.personal_space


async def test_when_nobody_knows_the_members_the_call_is_not_made(house, clock):
    anna = await house.user("anna")
    async with house.http(anna) as http:
        await said(http)
        house.identity_service.answer = PlainTextResponse("down", 503)
        clock.advance(30)
        answer = await http.post("/mcp", **call_echo())
    assert (answer.status_code, answer.json()["error"]) == (503, "service-unavailable")
    assert answer.headers["retry-after"] == "1"
    assert house.tools.calls == ["test.echo"]


@pytest.mark.parametrize("code", ["invalid-token", "session-ended", "unauthenticated", "teapot"])
async def test_a_token_that_identity_takes_no_more_is_refused_like_any_bad_one(house, code):
    anna = await house.user("anna")
    async with house.http(anna) as http:
        await http.get("/mcp")  # so that the keys are known
        body = {"error": code, "message": 'not "yours"', "status": 401}
        house.identity_service.answer = JSONResponse(body, 401)
        answer = await http.post("/mcp", **call_echo())
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid-token"
    assert "yours" not in answer.text + answer.headers["www-authenticate"]
    assert house.tools.calls == []


async def test_two_spaces_in_one_request_are_refused(house):
    anna = await house.user("anna")
    headers = [*call_echo()["headers"].items(), ("X-Mana-Space", "a"), ("X-Mana-Space", "b")]
    async with house.http(anna) as http:
        answer = await http.post("/mcp", headers=headers, json=call_echo()["json"])
    assert answer.status_code == 400


@pytest.mark.parametrize("era", ["modern", "legacy"])
@pytest.mark.parametrize("count", [12, pytest.param(50, marks=pytest.mark.slow)])
async def test_users_who_call_at_once_each_act_as_themselves(house, count, era):
    users = [await house.user(f"user{n}") for n in range(count)]
    async with AsyncExitStack() as stack:
        https = [await stack.enter_async_context(house.http(user)) for user in users]
        sessions = [await open_session(http) if era == "legacy" else None for http in https]

        async def ask(number, time):
            text = f"{number} {time}"
            arguments = {"name": "test.echo", "arguments": {"text": text}}
            if era == "modern":
                answer = (await https[number].post("/mcp", **modern(**arguments))).json()
            else:
                call = legacy("tools/call", sessions[number], time, **arguments)
                answer = from_stream(await https[number].post("/mcp", **call))
            heard = answer["result"]["structuredContent"]
            return (heard["text"], heard["userId"]) == (text, users[number].id)

        asked = [ask(number, time) for time in range(5) for number in range(count)]
        assert await asyncio.gather(*asked) == [True] * len(asked)

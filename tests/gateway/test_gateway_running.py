"""A gateway's life: started, left, and what becomes of calls that nobody waits for."""

import asyncio

import httpx2
import pytest
from gateway_house import http_into, modern
from serving_house import served

from mana_lab import gateway


async def test_a_gateway_may_be_left_by_another_task_than_the_one_that_entered_it(house):
    life = gateway.running(house.new_app())
    app = await asyncio.create_task(life.__aenter__())
    async with http_into(app, {}) as http:
        assert (await http.get("/health")).status_code == 200
    await asyncio.create_task(life.__aexit__(None, None, None))


async def test_a_gateway_is_run_once_and_says_so_the_second_time(house):
    app = house.new_app()
    async with gateway.running(app):
        pass
    with pytest.raises(RuntimeError, match="once"):
        async with gateway.running(app):
            pass


async def test_what_breaks_inside_comes_out(house):
    with pytest.raises(ZeroDivisionError):
        async with gateway.running(house.new_app()):
            raise ZeroDivisionError


async def test_two_gateways_run_side_by_side(house):
    async with gateway.running(house.new_app()) as one, gateway.running(house.new_app()) as two:
        for app in (one, two):
            async with http_into(app, {}) as http:
                assert (await http.get("/health")).status_code == 200


async def test_a_stateless_call_whose_caller_hangs_up_is_cancelled(house):
    user = await house.user("anna")
    async with (
        asyncio.timeout(10),
        served(house.new_app()) as url,
        httpx2.AsyncClient(base_url=url, headers=user.headers) as http,
    ):
        call = asyncio.create_task(http.post("/mcp", **modern(name="test.wait", arguments={})))
        await house.tools.waiting.wait()
        call.cancel()
        await house.tools.cancelled.wait()

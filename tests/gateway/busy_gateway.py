"""A gateway in a process of its own, for loads: ``python busy_gateway.py FOLDER USERS``.

Its one tool takes a while without using the processor, as tools do that ask other services. It
prints its port and its users' tokens as a line of JSON, and serves until it is killed.
"""

import asyncio
import json
import sys
from pathlib import Path

from gateway_house import open_house

from mana_lab.clock import SystemClock
from mana_lab.registry import ADMITTED, Done, Registry, ToolContext, ToolInput, tool
from mana_lab.web.serving import listen, serve

MOST_CALLS = 32
TAKES_S = 0.05
NO_LIMIT = 1_000_000_000


class Load(ToolInput):
    pass


@tool("test.work", policy_hint="read")
async def work(_given: Load, _ctx: ToolContext) -> Done:
    """Take a while."""
    await asyncio.sleep(TAKES_S)
    return Done()


def tell(told):
    sys.stdout.write(f"{json.dumps(told)}\n")
    sys.stdout.flush()


async def main(folder, count):
    limits = {"max_calls": MOST_CALLS, "calls_per_minute": NO_LIMIT, "max_body_bytes": 64 * 1024}
    registry = Registry([work], admitted=dict.fromkeys(ADMITTED))
    async with open_house(folder, SystemClock(), registry=registry, **limits) as house:
        users = [await house.user(f"user-{number}") for number in range(count)]
        sock = listen("127.0.0.1", 0)
        told = {"port": sock.getsockname()[1], "tokens": [user.token for user in users]}
        app = house.new_app()
        await serve(app, sock, on_ready=lambda: tell(told))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))

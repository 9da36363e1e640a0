"""The provider of ``runner.py``, as a process of its own: tells where it stands, then serves."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from provider_house import Say, Use, provider


def mind(asked):
    """Write a task down, leave, and rate what was used."""
    if "rate" in asked.tools:
        rating = {"module": "todo", "experience": "Ok.", "reason": "So.", "cites": [1], "score": 4}
        return Say(uses=(Use("rate", {"ratings": [rating]}),))
    if asked.results:
        return Say(uses=(Use("leave", {"note": "Bye."}),))
    return Say(uses=(Use("todo_create", {"title": "Milk"}),))


async def main():
    async with provider(mind) as house:
        print(house.url, flush=True)
        await asyncio.Event().wait()


asyncio.run(main())

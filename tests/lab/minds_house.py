"""What a model on loopback does in the labs of the tests."""

from __future__ import annotations

from contextlib import asynccontextmanager

from provider_house import Say, Use, provider

MODEL = "anthropic:claude-sonnet-5-5"
KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "OPENAI_API_KEY")


def mind(asked):
    """Write a task, look at the list, leave, and rate."""
    if "rate" in asked.tools:
        judgement = {"module": "todo", "experience": "Ok.", "reason": "So.", "cites": [1]}
        return Say(uses=(Use("rate", {"ratings": [judgement | {"score": 4}]}),))
    if len(asked.results) > 1:
        return Say(uses=(Use("leave", {"note": "Milk is on the list."}),))
    if asked.results:
        return Say(uses=(Use("todo_list", {}),))
    return Say(uses=(Use("todo_create", {"title": "Milk"}),))


@asynccontextmanager
async def provider_at(monkeypatch):
    """Run a provider that the environment names, and leave the environment without any."""
    async with provider(mind) as house:
        monkeypatch.setenv("ANTHROPIC_API_KEY", "a key of the tests")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", house.url)
        yield house
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)

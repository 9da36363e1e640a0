"""Claude Code against a provider on loopback, and what it is to do there."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Mapping

import pytest
from playing_house import ANNA, scene_of
from provider_house import Provider, Say, Use

REQUIRED_VARIABLE = "MANA_LAB_TEST_CLAUDE_REQUIRED"

if os.environ.get(REQUIRED_VARIABLE):
    sdk = importlib.import_module("claude_agent_sdk")
else:
    sdk = pytest.importorskip(
        "claude_agent_sdk", reason="needs the Claude Agent SDK: pip install '.[claude-agent]'"
    )

from mana_lab.runner.claude import ClaudeBrain  # noqa: E402 - needs the SDK

KEY = "sk-ant-a-key-of-the-tests-1234567890"
MODEL = "claude-sonnet-5-5"


def claude(house: Provider, **options) -> ClaudeBrain:
    """Return a brain that asks the provider of the tests."""
    environment = {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": house.url}
    return ClaudeBrain(MODEL, **{"environment": environment, "retries": 1, **options})


def uses(*wanted, text="", **other) -> Say:
    """Return an answer that uses tools of the app, each given as a name and its arguments."""
    return Say(text, tuple(Use(f"mcp__mana__{name}", given) for name, given in wanted), **other)


def leaves(note="I am done.", **other) -> Say:
    return uses(("leave", {"note": note, **other}))


def judged(module="todo", score=5, cites=(1,)) -> dict:
    return {
        "module": module,
        "experience": "Quick.",
        "reason": "It worked.",
        "cites": list(cites),
        "score": score,
    }


def rates(*judgements: Mapping) -> Say:
    return Say(json.dumps({"ratings": judgements}))


async def use(mana, brain: ClaudeBrain, scene=None):
    """Let Claude use the app once; return the situation and the audit."""
    scene = scene or scene_of()
    async with await mana.app(ANNA) as app, brain:
        await brain.use(app, scene)
        return scene, app.recorder.actions

"""Many personas with one brain, and what stays out of everybody else's way."""

import asyncio
import os
import subprocess
import sys

import pytest
from playing_house import ANNA, few_tools
from provider_house import Fail, Say, Use, provider
from runner_house import open_mana

from mana_lab.errors import SettingsError
from mana_lab.runner.models import LocalFlow, ModelBrain, Pace, model_brain

CROWD = [
    ANNA.model_copy(update={"name": f"P{number}", "email": f"persona.p{number}@mana.test"})
    for number in range(12)
]
KEYS = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY")


def lives(asked):
    """Do the same three things as everybody."""
    if "rate" in asked.tools:
        judgement = {"module": "todo", "experience": "Ok.", "reason": "So.", "cites": [1]}
        return Say(uses=(Use("rate", {"ratings": [judgement | {"score": 4}]}),))
    if asked.results:
        return Say(uses=(Use("leave", {"note": "Bye."}),))
    return Say(uses=(Use("todo_create", {"title": "Milk"}),))


@pytest.fixture
async def crowd(tmp_path):
    async with open_mana(tmp_path, CROWD, registry=few_tools()) as mana:
        yield mana


async def test_one_pace_holds_for_all_personas_of_a_brain(crowd, monkeypatch):
    refused = []

    async def mind(asked):
        for _ in range(20):
            await asyncio.sleep(0)
        if len(refused) < 5:
            refused.append(asked)
            return Fail(529, "overloaded")
        return lives(asked)

    async def no_time(_seconds):
        await asyncio.sleep(0)

    flow = LocalFlow(start=3, most=3, pause=no_time)
    async with provider(mind) as house:
        monkeypatch.setenv("ANTHROPIC_API_KEY", "a key of the tests")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", house.url)
        pace = Pace(flow, pause=no_time)
        async with ModelBrain("anthropic:claude-sonnet-5-5", pace=pace) as brain:
            run = await crowd.live(brain, concurrency=12)
    assert (run.ticks, run.failed_ticks, run.calls, run.errors) == (12, 0, 12, 0)
    assert len(house.requests) == 12 * 3 + 5
    assert 2 <= house.most_in_flight <= 3
    assert flow.in_flight == 0
    assert [row["rating"] for row in await crowd.rows("persona_feedback")] == [4] * 12


def loaded_by(statement):
    code = f"import sys; {statement}; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


@pytest.mark.slow
def test_the_runner_and_the_lab_do_without_pydantic_ai():
    kits = {"pydantic_ai", "genai_prices", "anthropic", "openai"}
    assert not loaded_by("import mana_lab.lab, mana_lab.runner") & kits
    assert not loaded_by("import mana_lab.runner.models") & {"anthropic", "openai"}


@pytest.mark.slow
def test_without_the_extra_it_is_said_what_to_install():
    code = (
        "import sys; sys.modules['pydantic_ai'] = None\n"
        "from mana_lab.errors import SettingsError\n"
        "try:\n    import mana_lab.runner.models\n"
        "except SettingsError as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert "pip install 'mana-lab[llm]'" in done.stdout


@pytest.mark.paid
async def test_one_tick_of_a_real_model(tmp_path):
    """Run where a key is in the environment, and costs some cents there."""
    name = os.environ.get("MANA_LAB_TEST_MODEL", "anthropic:claude-haiku-5-5")
    try:
        brain = model_brain(name)
    except SettingsError as reason:
        pytest.skip(f"there is no key for a real model: {reason}")
    async with open_mana(tmp_path, [ANNA], registry=few_tools()) as mana, brain:
        run = await mana.live(brain)
        assert [tick["error"] for tick in await mana.rows("ticks")] == [None]
        assert run.calls >= 1
        for row in await mana.rows("persona_feedback"):
            assert row["notes"]
            assert row["evidence"]


async def test_a_brain_can_be_closed_twice(monkeypatch):
    for key in KEYS:
        monkeypatch.setenv(key, "a key of the tests")
    brain = ModelBrain("openai:gpt-5-mini")
    assert repr(brain) == "<ModelBrain: openai:gpt-5-mini>"
    await brain.close()
    await brain.close()

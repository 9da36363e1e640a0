"""``run --brain``: a model plays the personas, from the command line."""

import asyncio
import os
import subprocess
import sys

import pytest
from provider_house import Say, Use, provider

MODEL = "anthropic:claude-sonnet-5-5"
ANNA = ("--persona", "anna")
RATING = {
    "module": "todo",
    "experience": "It was easy.",
    "reason": "The first call worked at once.",
    "cites": [1],
    "score": 4,
}


def mind(asked):
    """Write a task down, leave, and rate what was used."""
    if "rate" in asked.tools:
        return Say("", (Use("rate", {"ratings": [RATING]}),))
    if asked.results:
        return Say("", (Use("leave", {"note": "That is written down."}),))
    return Say("", (Use("todo_create", {"title": "Buy milk"}),))


async def run_with(url, folder, *options):
    """Run the command as a process whose provider stands at *url*; return what it said."""
    environment = {
        **{name: value for name, value in os.environ.items() if "ANTHROPIC" not in name},
        "ANTHROPIC_API_KEY": "a key of the tests",
        "ANTHROPIC_BASE_URL": url,
    }
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "mana_lab", "run", "--dir", folder, *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env=environment,
    )


@pytest.mark.slow
async def test_a_model_plays_for_a_budget_and_the_cost_is_told_before(lab_folder):
    async with provider(mind) as house:
        done = await run_with(
            house.url, lab_folder, *ANNA, "--brain", MODEL, "--days", "1", "--budget", "1.00"
        )
    assert done.returncode == 0, done.stderr
    assert "1 ticks: about $" in done.stderr
    assert "Anna" in done.stdout


@pytest.mark.slow
async def test_a_budget_that_is_too_small_stops_the_run_which_goes_on_as_it_says(lab_folder):
    async with provider(mind) as house:
        done = await run_with(
            house.url, lab_folder, *ANNA, "--brain", MODEL, "--days", "1", "--budget", "0.000001"
        )
        assert house.requests == []
        again = done.stderr.rpartition(f"run --dir {lab_folder} ")[2].split()
        assert again == ["--resume", "--brain", MODEL, "--budget", "USD"]
        ended = await run_with(house.url, lab_folder, *again[:-1], "5")
    assert ended.returncode == 0, ended.stderr
    assert done.returncode == 1
    assert "US dollars, and 0.000001 is the limit" in done.stderr


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("clever", "there is no brain 'clever'"),
        ("", "there is no brain ''"),
        ("anthropic:", "there is no brain 'anthropic:'"),
        (":model", "there is no brain ':model'"),
        ("nobody:model", "nobody:model"),
        ("anthropic:claude-sonnet-5-5", "ANTHROPIC_API_KEY"),
    ],
    ids=["word", "none", "no model", "no provider", "provider", "key"],
)
def test_a_brain_that_cannot_be_is_refused_in_a_sentence(run, lab_folder, monkeypatch, name, said):
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    refused = run("run", "--dir", lab_folder, "--brain", name)
    assert refused.exit_code == 2
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("budget", ["0", "-1", "much"])
def test_a_budget_that_is_none_is_refused(run, lab_folder, budget):
    refused = run("run", "--dir", lab_folder, "--budget", budget)
    assert refused.exit_code == 2
    assert "budget" in refused.stderr or "limit" in refused.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--resume", "--days", "3", "--persona", "anna"], "begun; leave out --days, --persona\n"),
        (["--resume", "--seed", "7"], "goes on with the run as it was begun; leave out --seed\n"),
        (
            ["--shard", "a.json", "--gateway-workers", "2"],
            "leave out --gateway-workers\n",
        ),
        (["--shard", "a.json", "--resume"], "leave out --resume\n"),
    ],
)
def test_what_would_not_count_is_refused(run, lab_folder, options, said):
    refused = run("run", "--dir", lab_folder, *options)
    assert refused.exit_code == 2
    assert refused.stderr.endswith(said)


def test_there_must_be_a_run_to_go_on_with(run, lab_folder):
    refused = run("run", "--dir", lab_folder, "--resume")
    assert refused.exit_code == 1
    assert "begin a new one" in refused.stderr

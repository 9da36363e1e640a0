"""The file of a shard: what it may say, and what it never does."""

import json

import pytest

from mana_lab.clock import SIMULATION_EPOCH
from mana_lab.errors import InvalidInputError, SettingsError
from mana_lab.runner import Budget
from mana_lab.runner.run import RunPlan
from mana_lab.runner.schedule import end_of, run_id
from mana_lab.runner.shards import Access, Shard, Site, cut

SITE = Site(auth_url="https://auth.example", mcp_url="http://127.0.0.1:3069/mcp")
PLAN = RunPlan(7, "scripted", None, SIMULATION_EPOCH, end_of(SIMULATION_EPOCH, 2))
RUN = run_id(1, 7, SIMULATION_EPOCH)
PEOPLE = [f"persona.p{number}@mana.test" for number in range(7)]


def parts(count=3, **other):
    return cut(RUN, PLAN, PEOPLE, count, brain="scripted", site=SITE, **other)


def test_what_is_written_is_read_again(tmp_path):
    for part in parts(budget=Budget.of("0.25")):
        path = tmp_path / "shard.json"
        path.write_text(part.to_json())
        assert Shard.read(path) == part


def test_a_run_is_cut_into_parts_of_about_one_size_whatever_the_order_of_the_people():
    sizes = [len(part.personas) for part in parts()]
    assert sizes == [3, 2, 2]
    again = cut(RUN, PLAN, PEOPLE[::-1], 3, brain="scripted", site=SITE)
    assert again == parts()


def test_a_part_sets_out_to_do_what_the_run_does_for_its_people():
    plan = parts()[0].plan("scripted", None)
    assert (plan.starts_at, plan.ends_at, plan.seed) == (PLAN.starts_at, PLAN.ends_at, 7)
    assert plan.participants == frozenset(parts()[0].personas)


GOOD = json.loads(parts()[0].to_json())
BAD = {
    "nothing": "",
    "no JSON": "{",
    "a list": "[]",
    "deep": "[" * 100_000,
    "a run of another form": GOOD | {"run_id": "../../etc/passwd"},
    "nobody": GOOD | {"personas": []},
    "a number above all": GOOD | {"number": 9},
    "no number": GOOD | {"number": "1"},
    "a seed of 65 bits": GOOD | {"seed": 2**63},
    "an end before the start": GOOD | {"ends_at": GOOD["starts_at"]},
    "no time zone": GOOD | {"starts_at": "2026-01-05T00:00:00"},
    "another version": GOOD | {"version": 2},
    "something more": GOOD | {"service_key": "secret"},
    "a budget below zero": GOOD | {"budget": {"run": {"cost_usd": "-1"}}},
    "a budget that is none": GOOD | {"budget": "a lot"},
    "a concurrency of none": GOOD | {"concurrency": 0},
    "no web address": GOOD | {"site": GOOD["site"] | {"auth_url": "file:///etc/passwd"}},
    "a password in an address": GOOD | {"site": GOOD["site"] | {"mcp_url": "http://a:b@c/mcp"}},
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_what_is_no_shard_is_refused_with_the_place(text):
    given = text if isinstance(text, str) else json.dumps(text)
    with pytest.raises(InvalidInputError, match="this is not a shard: "):
        Shard.from_json(given)


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="cannot be read"):
        Shard.read(tmp_path / "nowhere.json")
    with pytest.raises(SettingsError, match="cannot be read"):
        Shard.read(tmp_path)


def test_a_file_without_an_end_is_refused():
    with pytest.raises(SettingsError, match="is larger than"):
        Shard.read(path_of_zeros())


def path_of_zeros():
    from pathlib import Path

    return Path("/dev/zero")


def test_secrets_are_in_no_text_but_the_one_for_a_worker():
    secrets = ("postgresql://u:hunter2@db/lab", "the key", "the seed")
    access = Access(**dict(zip(Access.model_fields, secrets, strict=True)))
    assert all(secret not in repr(access) + str(access) for secret in secrets)
    assert Access.revealed(access.reveal()) == access
    assert all(secret in access.reveal() for secret in secrets)
    for part in parts():
        assert "key" not in part.to_json()

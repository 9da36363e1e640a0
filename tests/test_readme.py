"""The README's promises: its commands and its example work as they stand."""

import importlib.util
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from random import Random

import gallery
import pytest
from living_house import lab_of, lived
from typer.testing import CliRunner

from mana_lab import Lab
from mana_lab.analysis import statistics
from mana_lab.commands.app import app
from mana_lab.commands.clients import McpClient, setup
from mana_lab.personas import Catalog, load_catalog
from mana_lab.registry.audit import audit
from mana_lab.registry.manifest import manifest_of
from mana_lab.shipped import catalog_dir

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.slow
def test_the_python_example_runs(tmp_path):
    (example,) = [block for block in blocks("python") if "Lab.open" in block]
    body = "\n".join(f"    {line}" for line in example.splitlines())
    script = tmp_path / "example.py"
    script.write_text(f"import asyncio\n\nasync def main():\n{body}\n\nasyncio.run(main())\n")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "my-lab" / "secrets.json").exists()


async def test_the_tool_of_the_readme_works(tmp_path):
    (example,) = [block for block in blocks("python") if "plants.add" in block]
    module = tmp_path / "plants_of_the_readme.py"
    module.write_text(example)
    spec = importlib.util.spec_from_file_location(module.stem, module)
    plants = importlib.util.module_from_spec(spec)
    sys.modules[module.stem] = plants
    spec.loader.exec_module(plants)
    catalog = Catalog([load_catalog().get("anna")])
    async with await Lab.open(tmp_path / "lab", catalog=catalog, tools=[plants.add]) as lab:
        await lab.seed()
        anna = await lab.persona("anna")
        assert (await anna.call("plants.add", name="Monstera")).data["name"] == "Monstera"
        shipped = json.loads((catalog_dir() / "encrypted_fields.json").read_text())
        encrypted = shipped | {"plants/plants": ["notes"]}
        assert audit(lab.registry, encrypted, manifest_of(lab.registry)) == []


def questions():
    """Return the calls of the table in the chapter on statistics."""
    table = README.partition("| question | call |")[2].partition("\n\n")[0]
    return re.findall(r"`(\w+\(.*?\))`", table)


@pytest.fixture(scope="module")
def named():
    """Return what the calls of that table name."""
    lab = questioned_lab()
    named = {name: getattr(statistics, name) for name in statistics.__all__}
    kinds = {f"p{place}@mana.test": ("student", "parent")[place % 2] for place in range(10)}
    before, after = (lab.ratings_in_context(run) for run in (1, 2))
    return named | {
        "lab": lab,
        "run": 1,
        "rows": before.assign(archetype=before["email"].map(kinds)),
        "before": before,
        "after": after,
        "last": statistics.last_activity(lab.ticks_df(1)),
        "human": [4, 3, 5, 4, 2, 4],
        "simulated": [4, 4, 5, 3, 3, 4],
        "people": [*"abcdef"],
        "others": [4, 5, 3, 3, 4, 4, 5, 2],
        "personas": [*"ABCDEFGH"],
    }


def questioned_lab():
    """Return a lab with two runs of ten personas, in the first of which a treatment was tried."""
    random, ticks = Random(7), []
    for run in (1, 2):
        for place in range(10):
            for number in range(1, 9):
                fails = "!" if random.random() < 0.3 else ""
                arm = random.choice(["control", "treatment"])
                marks = {name: random.randint(1, 5) for name in ("todo", "journal")}
                words = f"todo.create{fails} journal.add" + " journal.list" * random.randint(0, 2)
                more = {"variant": arm}
                ticks.append(lived(words, f"P{place}", number, run=run, more=more, **marks))
    return lab_of(*ticks)


@pytest.mark.parametrize("call", questions())
def test_each_question_is_answered_by_its_call(named, call):
    assert len(questions()) >= 18
    assert eval(call, dict(named)) is not None


@pytest.mark.parametrize("name", ["demo", "test"])
def test_the_two_first_commands_are_one_line_each_and_are_what_the_ci_runs(name):
    marked = re.search(rf"<!-- {name} command -->\n```sh\n(.*?)```", README, flags=re.DOTALL)
    assert marked is not None
    assert marked[1].startswith("pip install ")
    assert marked[1].strip().count("\n") == 0
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert f"command=$(command_of_the_readme {name})\n" in ci


@pytest.mark.parametrize("client", McpClient)
def test_a_client_is_configured_as_the_command_prints_it(client):
    printed = setup(client, "http://127.0.0.1:3069/mcp", "TOKEN").text
    assert f"\n{printed}\n```\n" in README
    assert f"`--client {client}`" in README


def commands():
    """Return the commands that the README names, without their optional parts."""
    found = re.findall(r"`(python -m mana_lab[^`]*)`", README)
    return sorted(
        {shlex.split(each.replace("\\|", "|"))[3] for each in found if " -m mana_lab " in each}
    )


@pytest.mark.parametrize("command", commands())
def test_every_command_of_the_readme_exists(command):
    done = CliRunner().invoke(app, [command, "--help"])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\((?!https?:|#)([^)]+)\)", README))))
def test_every_link_leads_somewhere(path):
    assert (ROOT / path.partition("#")[0]).exists()


def test_the_rooms_of_the_architecture_are_those_of_the_house():
    tree = re.search(r"## Architecture.*?```\n(mana_lab/.*?)```", README, flags=re.DOTALL)[1]
    named = {name.rstrip("/") for name in re.findall(r"\b([a-z_]+(?:\.py|/))", tree)[1:]}
    rooms = {
        path.name
        for path in (ROOT / "mana_lab").iterdir()
        if not path.name.startswith(("__init__", "__pycache__", "py.typed"))
    }
    assert rooms <= named


def test_the_pictures_are_those_of_the_notebooks():
    shown = re.findall(r"!\[[^\]]+\]\(notebooks/pictures/([^)]+)\)", README)
    assert sorted(shown) == sorted([*gallery.CHARTS, *gallery.REPORT])
    for name, where in gallery.CHARTS.items():
        assert (gallery.PICTURES / name).read_bytes() == gallery.chart(*where)
    for name in gallery.REPORT:
        assert (gallery.PICTURES / name).read_bytes().startswith(b"\x89PNG")

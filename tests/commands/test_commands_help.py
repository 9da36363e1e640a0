"""What a newcomer sees first."""

import subprocess
import sys

import pytest

from mana_lab.commands import app
from mana_lab.commands.app import app as same_app

NAMES = sorted(command.callback.__name__ for command in app.registered_commands)


@pytest.mark.parametrize("name", NAMES)
def test_help_has_an_example(run, name):
    done = run(name, "--help")
    assert done.exit_code == 0
    assert f"For example: python -m mana_lab {name}" in " ".join(done.output.split())


@pytest.mark.parametrize("name", ["run", "shards"])
def test_help_says_which_extras_a_brain_needs(run, name):
    said = run(name, "--help").output
    assert "'mana-lab[llm]'" in said
    assert "'mana-lab[claude-agent]'" in said


def test_without_a_command_the_commands_are_listed(run):
    done = run()
    assert all(name in done.output for name in NAMES)
    assert "python -m mana_lab demo" in done.output
    assert same_app is app


def test_an_unknown_command_or_option_is_refused(run):
    for arguments in (("dance",), ("demo", "--colour", "red")):
        done = run(*arguments)
        assert done.exit_code == 2
        assert arguments[-2 if len(arguments) > 1 else 0] in done.stderr


def test_the_module_runs_as_a_command():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "mana_lab", "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "Usage: python -m mana_lab" in done.stdout
    assert done.stderr == ""

"""Where the Claude Agent SDK is not installed."""

import importlib
import sys

import pytest

from mana_lab.errors import SettingsError


def test_without_the_sdk_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "claude_agent_sdk", None)
    for name in [name for name in sys.modules if name.startswith("mana_lab.runner.claude")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(SettingsError, match=r"pip install 'mana-lab\[claude-agent\]'"):
        importlib.import_module("mana_lab.runner.claude")

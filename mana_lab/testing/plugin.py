"""The pytest plugin: the fixtures ``lab``, ``persona`` and ``gateway``, and ``--mana-baseline``."""

from __future__ import annotations

from typing import Any

import pytest

from mana_lab.testing.fixtures import MARKER, _mana_labs, gateway, lab, persona
from mana_lab.testing.gate import GATE, GateCollector, Line, lines_of

__all__ = ["_mana_labs", "gateway", "lab", "persona"]

_LINES = pytest.StashKey[list[Line]]()
_SHARED = "mana_lab_gate"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the gate."""
    group = parser.getgroup("mana_lab", "mana_lab: personas as a gate")
    group.addoption(
        "--mana-baseline",
        metavar="FILE",
        help="hold a run against this file of python -m mana_lab baseline, a test a module",
    )
    group.addoption(
        "--mana-run",
        metavar="DIR[:RUN]",
        help="the run: a lab's folder, a run folder or an archive, and which run, from 1; by "
        "default the last one of the lab in .mana-lab",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and hold the run against the baseline where that is asked for."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(personas=…, tools=…): who is in the fixture lab, and which tools it offers "
        "besides those of the app",
    )
    config.addinivalue_line("markers", f"{GATE}: what --mana-baseline judges, a test a module")
    baseline = config.getoption("mana_baseline")
    if baseline is None:
        if config.getoption("mana_run") is not None:
            raise pytest.UsageError("--mana-run goes with --mana-baseline FILE")
        return
    worker = getattr(config, "workerinput", None)
    if worker is None:
        config.stash[_LINES] = lines_of(baseline, config.getoption("mana_run"))
    else:
        config.stash[_LINES] = [Line(**known) for known in worker[_SHARED]]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist what was found, so that one process alone opens the lab."""
    if _LINES in node.config.stash:
        node.workerinput[_SHARED] = [line.to_dict() for line in node.config.stash[_LINES]]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Add a test for each module."""
    if lines := config.stash.get(_LINES, []):
        items += session.genitems(GateCollector.of(session, lines))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Tell what came of each module, also of those that are better or could not be judged."""
    if lines := config.stash.get(_LINES, []):
        terminalreporter.section("mana_lab: the run against the baseline")
        for remark in dict.fromkeys(line.remark for line in lines if line.remark):
            terminalreporter.line(f"note: {remark}")
        for line in lines:
            terminalreporter.line(f"{line.module}: {line.text}")

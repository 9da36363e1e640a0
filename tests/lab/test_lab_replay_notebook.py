"""A run folder gives a notebook the same outputs elsewhere, with no network and no lab."""

from __future__ import annotations

import json
import shutil

import nbformat
import pytest
from minds_house import MODEL, provider_at
from nbclient import NotebookClient

from mana_lab import Lab

pytestmark = pytest.mark.slow

GUARD = """
import os, socket

class NoNetworkError(Exception):
    pass

def refuse(*_args, **_more):
    raise NoNetworkError("a notebook over a run folder needs no network")

socket.socket.connect = socket.socket.connect_ex = refuse
socket.create_connection = socket.getaddrinfo = refuse
assert not any(name.endswith("_API_KEY") for name in os.environ)
"""
QUERY = """
SELECT module, count(*) AS n, avg(rating) AS mean FROM persona_feedback GROUP BY ALL ORDER BY ALL
"""
HASH = "__import__('hashlib').sha256(folder.report('report.html').read_bytes()).hexdigest()"
CELLS = [
    "from mana_lab import RunFolder\nfolder = RunFolder.open('run')\nfolder",
    "folder.summary()",
    "folder.actions_df()",
    "folder.feedback_df()",
    f"folder.sql({QUERY!r})",
    "folder.charts.ratings()",
    "folder.charts.activity()",
    "folder.charts.tool_errors()",
    HASH,
    "print(await folder.replay())",
]


async def scripted_run(lab):
    return await lab.run(days=2, record=True)


async def model_run(lab):
    return await lab.run(days=2, personas=["anna"], brain=MODEL, record=True)


def executed(folder):
    """Run the notebook in a folder with a run in it; return its outputs as JSON."""
    cells = [nbformat.v4.new_code_cell(source) for source in (GUARD, *CELLS)]
    book = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(
        book,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
    ).execute()
    return json.dumps([cell["outputs"] for cell in book.cells], indent=1)


@pytest.mark.parametrize("live", [scripted_run, model_run])
async def test_a_notebook_over_a_run_folder_is_the_same_elsewhere_without_a_network(
    folder, few, tmp_path, live, monkeypatch
):
    async with provider_at(monkeypatch), await Lab.open(folder, catalog=few) as lab:
        await lab.keep_run(await live(lab), tmp_path / "run")
    outputs = []
    for place in ("here", "there"):
        (tmp_path / place).mkdir()
        shutil.copytree(tmp_path / "run", tmp_path / place / "run")
        outputs.append(executed(tmp_path / place))
    assert outputs[0] == outputs[1]
    assert "no difference in" in outputs[0]
    assert "image/png" in outputs[0]

"""A persona is played in a real kernel, by the messages that a front end sends."""

import json
from queue import Empty

import pytest
from jupyter_client.manager import start_new_kernel

pytestmark = pytest.mark.slow

PATIENCE_S = 60
VIEW = "application/vnd.jupyter.widget-view+json"
OPEN = """
import asyncio
from mana_lab import Lab
from mana_lab.notebook.desk import WidgetDesk
from mana_lab.personas import Catalog, load_catalog
from mana_lab.runner.human import HumanBrain

lab = await Lab.open("lab", catalog=Catalog([load_catalog().get("anna")]))
report = await lab.seed()
"""
BEGIN = """
desk = WidgetDesk()
run = asyncio.create_task(lab.run(days=1, personas=["anna"], brain=HumanBrain(desk)))
desk
"""
LIVE = "await asyncio.wait_for(run, 60)"
AWAIT = """
desk = WidgetDesk()
display(desk)
await asyncio.wait_for(lab.run(days=1, personas=["anna"], brain=HumanBrain(desk)), 120)
"""
READ = """
print(lab.feedback_df()[["module", "rating", "notes", "brain"]].to_json(orient="records"))
await lab.close()
"""


class Notebook:
    """A front end: it runs cells, keeps the state of the widgets, and clicks on them.

    Attributes:
        widgets: The state of each widget that is open, by the id of its comm.
        errors: What cells raised.
    """

    def __init__(self, kernel):
        self._kernel = kernel
        self._subshell = None
        self._page = None
        self.widgets = {}
        self.errors = []

    def cell(self, source):
        """Run a cell to its end; return what it shows."""
        cell = self.send(source)
        shown = []
        self._listen(lambda message: self._take(message, cell, shown))
        assert self.errors == []
        return shown

    def send(self, source):
        """Begin to run a cell; return the id of the request."""
        return self._kernel.execute(source)

    def until(self, what):
        """Listen to the kernel until *what* is so."""
        while not what():
            self._listen(lambda _: True)

    def open_subshell(self):
        """Send what widgets say to a thread of its own from now on, as JupyterLab does."""
        kernel = self._kernel
        kernel.control_channel.send(kernel.session.msg("create_subshell_request", {}))
        self._subshell = kernel.get_control_msg(timeout=PATIENCE_S)["content"]["subshell_id"]

    def find(self, **state):
        """Return the comm of the only widget shown with that state; None if there is none."""
        found = [
            comm
            for comm in self._shown(self._page)
            if all(self.widgets[comm].get(name) == value for name, value in state.items())
        ]
        assert len(found) <= 1
        return found[0] if found else None

    def _shown(self, comm):
        """Yield a widget and all that it shows."""
        if comm in self.widgets:
            yield comm
            for child in self.widgets[comm].get("children", ()):
                yield from self._shown(child.removeprefix("IPY_MODEL_"))

    def wait_for(self, **state):
        self.until(lambda: self.find(**state))
        return self.find(**state)

    def click(self, **state):
        content = {"method": "custom", "content": {"event": "click"}}
        self._tell(self.wait_for(**state), content)

    def set(self, comm, **state):
        self._tell(comm, {"method": "update", "state": state, "buffer_paths": []})

    def _tell(self, comm, data):
        kernel = self._kernel
        message = kernel.session.msg("comm_msg", {"comm_id": comm, "data": data})
        if self._subshell is not None:
            message["header"]["subshell_id"] = self._subshell
        kernel.shell_channel.send(message)

    def _listen(self, enough):
        """Take messages until one is enough."""
        while True:
            try:
                message = self._kernel.get_iopub_msg(timeout=PATIENCE_S)
            except Empty:
                pytest.fail(f"the kernel says nothing more; it shows {list(self.widgets.values())}")
            self._note(message["msg_type"], message["content"])
            if enough(message):
                return

    def _note(self, kind, content):
        data = content.get("data", {})
        if VIEW in data:
            self._page = data[VIEW]["model_id"]
        if kind == "comm_open":
            self.widgets[content["comm_id"]] = data["state"]
        elif kind == "comm_msg" and data.get("method") == "update":
            self.widgets.get(content["comm_id"], {}).update(data["state"])
        elif kind == "comm_close":
            self.widgets.pop(content["comm_id"], None)
        elif kind == "error":
            self.errors.append(content["evalue"])

    def _take(self, message, cell, shown):
        if message["parent_header"].get("msg_id") != cell:
            return False
        content = message["content"]
        if message["msg_type"] == "stream":
            shown.append(content["text"])
        elif message["msg_type"] == "execute_result":
            shown.append(content["data"])
        return message["msg_type"] == "status" and content["execution_state"] == "idle"


@pytest.fixture
def notebook(tmp_path):
    manager, kernel = start_new_kernel(cwd=str(tmp_path), extra_arguments=["--log-level=ERROR"])
    yield Notebook(kernel)
    kernel.stop_channels()
    manager.shutdown_kernel(now=True)


def play(notebook):
    """Play a tick: one call that is not complete at first, and a rating that is not either."""
    modules = notebook.wait_for(_model_name="SelectModel", rows=9, _options_labels=MODULES)
    notebook.set(modules, index=1)
    tools = notebook.wait_for(_model_name="SelectModel", _options_labels=TOOLS)
    notebook.set(tools, index=1)
    notebook.click(description="Call todo.create")
    wrong = '<span style="color:#b00020">title is needed</span>'
    notebook.wait_for(_model_name="HTMLModel", value=wrong)
    title = notebook.find(_model_name="TextModel", placeholder="text of 1 to 500 characters")
    notebook.set(title, value="Hand in the essay")
    notebook.click(description="Call todo.create")
    notebook.until(lambda: notebook.find(description="Call todo.create") is None)
    notebook.click(description="I am done")
    rating = notebook.wait_for(_model_name="ToggleButtonsModel")
    assert notebook.widgets[rating]["index"] is None
    notebook.set(rating, index=3)
    notebook.click(description="Hand in")
    notebook.until(lambda: notebook.find(description="Hand in") is None)


MODULES = [
    "journal (7) · 30% of your time",
    "todo (7) · 30% of your time",
    "mood (7) · 20% of your time",
    "notes (7) · 20% of your time",
    "articles (8)",
    "calendar (7)",
    "contacts (6)",
    "dreams (6)",
    "goals (7)",
    "habits (9)",
    "invoices (8)",
    "library (7)",
    "newsResearch (7)",
    "spaces (1)",
]
TOOLS = [
    f"todo.{verb}" for verb in ("complete", "create", "delete", "get", "list", "search", "update")
]
OPINION = [{"module": "todo", "rating": 4, "notes": "", "brain": "human"}]


def test_a_persona_is_played_while_a_task_runs(notebook):
    notebook.cell(OPEN)
    [*_, shown] = notebook.cell(BEGIN)
    assert VIEW in shown
    play(notebook)
    [run] = notebook.cell(LIVE)
    assert "brain human" in run["text/plain"]
    assert "calls 1, errors 0" in run["text/plain"]
    [*_, read] = notebook.cell(READ)
    assert json.loads(read) == OPINION


def test_a_cell_may_await_the_run_where_a_front_end_clicks_by_a_subshell(notebook):
    notebook.cell(OPEN)
    notebook.open_subshell()
    notebook.send(AWAIT)
    play(notebook)
    [*_, read] = notebook.cell(READ)
    assert json.loads(read) == OPINION

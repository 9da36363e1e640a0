"""The rules hold for every notebook that ships, and each of them notices what breaks it."""

import json
from pathlib import Path

import nbformat
import pytest
from notebook_house import SHIPPED
from notebook_rules import (
    MOST_IGNORED_OUTPUTS,
    RULES,
    Page,
    ignored_outputs,
    listed_notebooks,
)

README = Path(__file__).parents[2] / "README.md"
LAB = "import tempfile\n\nfrom mana_lab import Lab\n\nlab = await Lab.open(tempfile.mkdtemp())"
LONG = "def f():\n    a = 1\n    b = 2\n    c = 3\n    d = 4\n    return a + b + c + d"


def by_name(path):
    return path.stem


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", SHIPPED, ids=by_name)
def test_the_rule_holds(path, rule):
    assert list(rule(Page(path))) == []


def test_few_outputs_of_the_collection_are_ignored():
    assert len(ignored_outputs(map(Page, SHIPPED))) <= MOST_IGNORED_OUTPUTS


def test_the_readme_lists_exactly_the_notebooks_that_ship():
    assert listed_notebooks(README.read_text(encoding="utf-8")) == [path.stem for path in SHIPPED]


def shown(text, kind="text/plain"):
    return nbformat.v4.new_output("execute_result", {kind: text}, execution_count=3)


def printed(text, name="stdout"):
    return nbformat.v4.new_output("stream", name=name, text=text)


def failed(*traceback):
    return nbformat.v4.new_output("error", ename="KeyError", evalue="3", traceback=[*traceback])


def good_book():
    """Return a notebook that no rule complains about, with what they must let pass."""
    markdown, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    cells = [
        markdown("# A title\n\nAnd a text."),
        code("from mana_lab.settings import parameter\n\nSEED = parameter('MANA_LAB_SEED', -7)"),
        code(LAB),
        code('sql = """\n    SELECT 1;\n%no magic\n"""\na = 1; b = 100 \\\n% 7\nsql'),
        markdown("[this](good.ipynb#part), [that](https://example.org/a.ipynb), [here](#part)"),
        code(LONG.replace("    d = 4\n", "").replace(" + d", "")),
        code("await lab.close()"),
    ]
    cells[1].metadata.tags = ["parameters"]
    cells[3].outputs = [
        shown("0x12 at 127.0.0.1, port 3069; persona, tick"),
        printed("/report.html"),
        nbformat.v4.new_output("display_data", {"image/png": "/tmp/0x123456"}),
    ]
    counts = iter(range(1, 9))
    for number, cell in enumerate(cells):
        cell.id = f"good-{number}"
        if cell.cell_type == "code":
            cell.execution_count = next(counts)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    known = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return nbformat.v4.new_notebook(cells=cells, metadata=known)


@pytest.fixture
def good(tmp_path):
    """A place, and a way to write a changed notebook there."""

    def write(*changes):
        book = good_book()
        for change in changes:
            change(book)
        path = tmp_path / "good.ipynb"
        path.write_text(json.dumps(book), encoding="utf-8")
        return Page(path)

    return write


def broken_rules(page):
    return [rule.__name__ for rule in RULES if list(rule(page))]


def test_no_rule_complains_about_a_good_notebook(good):
    assert broken_rules(good()) == []


def source(number, text):
    def change(book):
        book.cells[number].source = text

    return change


def output(*outputs, tags=()):
    def change(book):
        book.cells[3].outputs = list(outputs)
        book.cells[3].metadata.tags = list(tags)

    return change


def value(name, wanted, number=3):
    def change(book):
        book.cells[number][name] = wanted

    return change


def metadata(**wanted):
    def change(book):
        book.metadata.update(wanted)

    return change


def more_cells(book):
    for number in range(8, 24):
        cell = nbformat.v4.new_code_cell("1", id=f"good-{number}", execution_count=number - 3)
        book.cells.insert(-1, cell)
    book.cells[-1].execution_count = 21


def tags_of_parameters(*tags):
    def change(book):
        book.cells[1].metadata.tags = list(tags)

    return change


def without_first_cell(book):
    del book.cells[0]


BAD = {
    "begins_with_a_title_and_a_text": {
        "no text": source(0, "# A title"),
        "no title": source(0, "A text."),
        "a smaller title": source(0, "## A title\n\nA text."),
        "another title": source(0, "# A title\n\n## Another"),
        "code first": without_first_cell,
    },
    "parameters_come_first": {
        "no tag": tags_of_parameters(),
        "another tag": tags_of_parameters("parameter"),
        "another import": source(1, "import os\n\nSEED = 7"),
        "the environment itself": source(1, "SEED = __import__('os').environ['SEED']"),
        "a computed default": source(1, "SEED = parameter('SEED', 3 * 7 + len('a'))"),
        "an action": source(1, "SEED = 7\nprint(SEED)"),
    },
    "runs_in_any_python": {
        "another kernel": metadata(kernelspec={"display_name": "Mine", "name": "mine"}),
        "a version": metadata(language_info={"name": "python", "version": "3.11.7"}),
        "widgets": metadata(widgets={}),
    },
    "is_short": {"too many cells": more_cells},
    "was_run_from_top_to_bottom": {
        "not run": value("execution_count", None),
        "run again": value("execution_count", 17),
        "out of order": value("execution_count", 1),
    },
    "leaves_no_timings": {
        "timings": value("metadata", {"execution": {"shell.execute_reply": "2026-01-05"}}),
    },
    "hides_nothing_with_semicolons": {
        "at the end": source(3, "1;"),
        "before a comment": source(3, "1;  # hidden"),
        "in the middle": source(3, "print(1);\nprint(2)"),
        "after a block": source(3, "for i in range(2):\n    i;\n"),
    },
    "is_plain_python": {
        "a magic": source(3, "%matplotlib inline"),
        "a cell magic": source(3, "%%time\n1"),
        "a command": source(3, "1\n!ls"),
        "a captured command": source(3, "files = !ls"),
        "help": source(3, "lab?"),
        "a magic by hand": source(3, "get_ipython().run_line_magic('pwd', '')"),
        "nothing": source(3, "# nothing"),
    },
    "has_short_functions_only": {
        "a long one": source(3, LONG),
        "an asynchronous one": source(3, f"async {LONG}"),
        "an inner one": source(3, "class A:\n" + "\n".join(f"    {x}" for x in LONG.split("\n"))),
    },
    "closes_the_lab_at_the_end": {
        "not closed": source(6, "lab"),
        "not awaited": source(6, "_ = lab.close()"),
        "said only": source(6, "'await lab.close()'"),
        "another": source(6, "await store.close()"),
    },
    "prints_nothing_on_stderr": {"a warning": output(printed("UserWarning: old", "stderr"))},
    "shows_no_unexpected_error": {
        "an error": output(failed()),
        "with another tag": output(failed(), tags=["nbval-ignore-output"]),
    },
    "shows_only_what_stays_the_same": {
        "an address": output(shown("<object at 0x7f00c0ffee00>")),
        "an address in HTML": output(shown("<b>0x7f00c0ffee00</b>", "text/html")),
        "a temporary path": output(printed("/tmp/tmpa1b2c3")),
        "a temporary path on a Mac": output(printed("/var/folders/zz/T/")),
        "a temporary path on Windows": output(printed("C:\\Users\\me\\AppData\\Local\\Temp\\x")),
        "a kernel's file": output(printed("ipykernel_4711/1.py")),
        "a home": output(printed("/home/me/lab")),
        "a port": output(printed("http://127.0.0.1:3069/mcp")),
        "a port by name": output(printed("http://localhost:3069/mcp")),
        "ids of personas": output(shown("  persona_id\n0  a1")),
        "ids of ticks": output(shown("<th>tick_id</th>", "text/html")),
        "latencies": output(shown("  latency_ms\n0  12.5")),
        "times of writing": output(shown("  created_at\n0  2026")),
        "an expected error's path": output(failed("/tmp/x.py"), tags=["raises-exception"]),
    },
    "is_small": {"much output": output(shown("x" * 300_000))},
    "has_unique_ids": {
        "twice the same": value("id", "good-2"),
        "none": lambda book: book.cells[3].pop("id"),
    },
    "links_lead_somewhere": {
        "a missing notebook": source(4, "See [that](other.ipynb)."),
        "a missing folder": source(4, "See [that](../notebooks/good.ipynb#part)."),
    },
}


def test_every_rule_has_a_bad_example():
    assert list(BAD) == [rule.__name__ for rule in RULES]


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        pytest.param(rule, change, id=f"{rule}-{name}")
        for rule, changes in BAD.items()
        for name, change in changes.items()
    ],
)
def test_the_rule_alone_notices_what_breaks_it(good, rule, change):
    assert broken_rules(good(change)) == [rule]


def test_an_expected_error_is_no_complaint(good):
    assert broken_rules(good(output(failed(), tags=["raises-exception"]))) == []


@pytest.mark.parametrize(
    "change",
    [
        output(tags=["nbval-ignore-output"]),
        output(tags=["hide", "nbval-skip"]),
        source(3, "# NBVAL_IGNORE_OUTPUT\n1"),
        source(3, "1\n  #NBVAL_SKIP"),
    ],
    ids=["a tag", "one of two tags", "a comment", "an indented comment"],
)
def test_an_ignored_output_is_counted(good, change):
    assert ignored_outputs([good(change)]) == ["good.ipynb: good-3"]


def test_a_compared_output_is_not_counted(good):
    assert ignored_outputs([good(), good(output(tags=["raises-exception"]))]) == []


@pytest.mark.parametrize(
    ("row", "listed"),
    [
        ("| [`01_b`](notebooks/01_b.ipynb) | Why? |", ["00_a", "01_b"]),
        ("| [`01_b`](notebooks/01_c.ipynb) | Why? |", ["00_a"]),
        ("| [`01_b`](notebooks/01_b.ipynb) | |", ["00_a"]),
        ("\n## Later\n\n| [`01_b`](notebooks/01_b.ipynb) | Why? |", ["00_a"]),
    ],
    ids=["a good row", "another file", "no question", "another section"],
)
def test_the_rows_of_the_readme_are_read(row, listed):
    table = "| notebook | question |\n| --- | --- |\n| [`00_a`](notebooks/00_a.ipynb) | What? |"
    assert listed_notebooks(f"# A\n\n## Notebooks\n\n{table}\n{row}\n") == listed

"""What holds for every notebook that ships: small rules, each of which yields its complaints."""

import ast
import io
import re
import tokenize
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat

MOST_CODE_CELLS = 20
MOST_BYTES = 300_000
MOST_FUNCTION_LINES = 5
MOST_IGNORED_OUTPUTS = 3
LANGUAGE = {"name": "python"}
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
VARYING = {
    "a memory address": r"0x[0-9a-fA-F]{6,}",
    "a temporary path": r"/tmp\b|/var/folders/|\\Temp\\|ipykernel_\d",
    "somebody's folder": r"/(?:home|Users|root)/\w",
    "a port": r"(?:127\.0\.0\.1|localhost|\[::1\]):\d+",
    "an id": r"\b(?:persona|tick|user|run)_id\b",
    "a measured time": r"\b(?:latency_ms|created_at)\b",
}


@dataclass(frozen=True)
class Page:
    """A notebook as it lies in its file: nothing is checked, repaired or converted."""

    path: Path

    @cached_property
    def book(self) -> Any:
        return nbformat.v4.reads(self.path.read_text(encoding="utf-8"))

    @property
    def code(self):
        return [cell for cell in self.book.cells if cell.cell_type == "code"]

    @property
    def outputs(self):
        """The outputs of all code cells, each with its cell."""
        return [(cell, output) for cell in self.code for output in cell.outputs]


_TREE_ONLY = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


def tree(cell):
    """Return the syntax tree of a cell, of an empty one if it is not Python."""
    try:
        return compile(cell.source, "cell", "exec", _TREE_ONLY)
    except SyntaxError:
        return ast.Module([], [])


def begins_with_a_title_and_a_text(page):
    first = page.book.cells[0]
    if first.cell_type != "markdown" or not re.match(r"# \S[^\n]*\n+[^#\s]", first.source):
        yield "the first cell is not '# Title' and a text"


def parameters_come_first(page):
    """The first code cell is tagged, and sets plain names to constants or parameters."""
    first = page.code[0]
    if "parameters" not in first.metadata.get("tags", []):
        yield f"{first.id}: the first code cell is not tagged parameters"
    for statement in tree(first).body:
        if not _imports_parameter(statement) and not _sets_a_parameter(statement):
            yield f"{first.id}: {ast.unparse(statement)!r} sets no parameter"


def _imports_parameter(statement):
    return ast.unparse(statement) == "from mana_lab.settings import parameter"


def _sets_a_parameter(statement):
    if not isinstance(statement, ast.Assign):
        return False
    value = statement.value
    if isinstance(value, ast.Call) and ast.unparse(value.func) == "parameter":
        return all(_is_constant(each) for each in value.args)
    return _is_constant(value)


def _is_constant(value):
    try:
        ast.literal_eval(value)
    except ValueError:
        return False
    return True


def runs_in_any_python(page):
    """Nothing says where it was run last."""
    if page.book.metadata != {"kernelspec": KERNEL, "language_info": LANGUAGE}:
        yield f"the metadata say {dict(page.book.metadata)}"


def is_short(page):
    if len(page.code) > MOST_CODE_CELLS:
        yield f"{len(page.code)} code cells are more than {MOST_CODE_CELLS}"


def was_run_from_top_to_bottom(page):
    counts = [cell.execution_count for cell in page.code]
    if counts != list(range(1, len(counts) + 1)):
        yield f"the cells were run as {counts}"


def leaves_no_timings(page):
    for cell in page.book.cells:
        if "execution" in cell.metadata:
            yield f"{cell.id}: has execution metadata"


def hides_nothing_with_semicolons(page):
    for cell in page.code:
        tokens = list(_tokens(cell.source))
        if any(one == (tokenize.OP, ";") and two[0] in _ENDS for one, two in pairwise(tokens)):
            yield f"{cell.id}: a line ends with a semicolon"


_ENDS = (tokenize.NEWLINE, tokenize.COMMENT)


def _tokens(source):
    with suppress(tokenize.TokenError, SyntaxError):
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            yield token.type, token.string


def is_plain_python(page):
    """No magics, no shell commands, no help marks."""
    for cell in page.code:
        names = {node.id for node in _nodes(cell) if isinstance(node, ast.Name)}
        if not tree(cell).body or "get_ipython" in names:
            yield f"{cell.id}: is not plain Python"


def _nodes(cell):
    return ast.walk(tree(cell))


def has_short_functions_only(page):
    for cell in page.code:
        for node in _nodes(cell):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _is_long(node):
                yield f"{cell.id}: {node.name} has more than {MOST_FUNCTION_LINES} lines"


def _is_long(node):
    return node.end_lineno - node.lineno + 1 > MOST_FUNCTION_LINES


def closes_the_lab_at_the_end(page):
    awaited = [node for node in _nodes(page.code[-1]) if isinstance(node, ast.Await)]
    if "await lab.close()" not in map(ast.unparse, awaited):
        yield "the last code cell does not close the lab"


def prints_nothing_on_stderr(page):
    for cell, output in page.outputs:
        if output.get("name") == "stderr":
            yield f"{cell.id}: {output.text[:80]!r} on stderr"


def shows_no_unexpected_error(page):
    for cell, output in page.outputs:
        expected = "raises-exception" in cell.metadata.get("tags", [])
        if output.output_type == "error" and not expected:
            yield f"{cell.id}: {output.ename}"


def shows_only_what_stays_the_same(page):
    for cell, output in page.outputs:
        for name, pattern in VARYING.items():
            if found := re.search(pattern, _text(output)):
                yield f"{cell.id}: shows {name}: {found[0]}"


def _text(output):
    """Return all that an output says, without its pictures."""
    said = [text for kind, text in output.get("data", {}).items() if kind != "image/png"]
    named = [output.get(name, "") for name in ("text", "evalue", "traceback")]
    return "\n".join(map(str, [*said, *named]))


def is_small(page):
    if (size := page.path.stat().st_size) > MOST_BYTES:
        yield f"{size} bytes are more than {MOST_BYTES}"


def has_unique_ids(page):
    ids = [cell.get("id") for cell in page.book.cells]
    if None in ids or len(set(ids)) < len(ids):
        yield f"the ids are {ids}"


def links_lead_somewhere(page):
    for cell in page.book.cells:
        if cell.cell_type == "markdown":
            for link in re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", cell.source):
                if not (page.path.parent / link).exists():
                    yield f"{cell.id}: {link} leads nowhere"


RULES = (
    begins_with_a_title_and_a_text,
    parameters_come_first,
    runs_in_any_python,
    is_short,
    was_run_from_top_to_bottom,
    leaves_no_timings,
    hides_nothing_with_semicolons,
    is_plain_python,
    has_short_functions_only,
    closes_the_lab_at_the_end,
    prints_nothing_on_stderr,
    shows_no_unexpected_error,
    shows_only_what_stays_the_same,
    is_small,
    has_unique_ids,
    links_lead_somewhere,
)


_UNCOMPARED = r"(?im)^nbval-(?:ignore-output|skip)$|^\s*#\s*nbval_(?:ignore_output|skip)\b"


def ignored_outputs(pages):
    """Return the cells whose outputs are not compared, by tag or by comment."""
    return [
        f"{page.path.name}: {cell.id}"
        for page in pages
        for cell in page.code
        if re.search(_UNCOMPARED, "\n".join([*cell.metadata.get("tags", []), cell.source]))
    ]


def listed_notebooks(readme):
    """Return the notebooks that the README's table links, in its order."""
    section = readme.partition("\n## Notebooks\n")[2].partition("\n## ")[0]
    row = r"(?m)^\| \[`(\w+)`\]\(notebooks/(\w+)\.ipynb\) \| \S.* \|$"
    return [stem for name, stem in re.findall(row, section) if name == stem]

"""Tools of a server that has no modules are sorted into some, and personas find theirs."""

import json

import pytest

from mana_lab.errors import ProtocolError, SettingsError
from mana_lab.personas import load_catalog
from mana_lab.runner.target import ModuleTable, read_table
from mana_lab.runner.target.modules import Modules, module_name
from mana_lab.runner.verbs import deed_of

TOOLS = ("read_graph", "search_nodes", "create_entities", "create_relations", "git_log", "ping")


def modules(table=None, server="memory-server", tools=TOOLS, **more):
    return Modules(read_table(table, more or None), server, tools)


def sorted_out(found):
    return {name: found.of(name) for name in TOOLS}


def test_a_name_begins_with_its_module_unless_that_is_a_verb():
    assert sorted_out(modules()) == {
        "read_graph": "memoryServer",
        "search_nodes": "memoryServer",
        "create_entities": "memoryServer",
        "create_relations": "memoryServer",
        "git_log": "git",
        "ping": "memoryServer",
    }
    assert modules().names == ("git", "memoryServer")


def test_a_table_says_what_belongs_together():
    """A name counts more than a beginning, a longer beginning more than a shorter one."""
    table = {"graph": ["read_graph", "create_*"], "links": ["create_rel*"], "all": ["*"]}
    assert sorted_out(modules(table)) == {
        "read_graph": "graph",
        "search_nodes": "all",
        "create_entities": "graph",
        "create_relations": "links",
        "git_log": "all",
        "ping": "all",
    }


def test_what_stands_in_no_table_is_called_like_the_server():
    found = modules({"graph": ["read_graph"]})
    assert {found.of(name) for name in (*TOOLS, "no such tool")} == {"graph", "memoryServer"}
    assert found.of("git_log") == "memoryServer"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("mcp-time", "mcpTime"),
        ("mcp-servers/everything", "everything"),
        ("SQL", "sql"),
        ("HTTPServer", "httpServer"),
        ("GitHub", "gitHub"),
        ("3D view", "dView"),
        ("x" * 90, "x" * 60),
        ("日本", ""),
        ("/", ""),
        ("", ""),
    ],
)
def test_a_module_is_named_as_in_the_catalog(text, name):
    assert module_name(text) == name
    assert modules(server=text).of("ping") == (name or "server")


def cast(found, **mix):
    anna = load_catalog().get("anna").model_copy(update={"module_mix": mix})
    played = found.cast(anna)
    assert played.email == anna.email
    assert found.cast(played) == played
    return played.module_mix


def test_a_persona_wants_what_stands_for_what_they_want():
    stands = {"notes": "graph", "todo": "graph", "journal": "links"}
    table = {"graph": ["read_graph"], "links": ["create_*"]}
    found = modules(table, **stands)
    mix = cast(found, notes=0.25, todo=0.5, links=1.0, journal=0.0, mood=3.0)
    assert mix == {"graph": 0.75, "links": 1.0}


def test_who_wants_nothing_of_it_uses_all_alike():
    assert cast(modules(), mood=1.0) == {"git": 1.0, "memoryServer": 1.0}
    assert cast(modules(), git=0.0, mood=1.0) == {"git": 1.0, "memoryServer": 1.0}


def test_a_file_has_both_tables(tmp_path):
    content = {"modules": {"graph": ["read_graph"]}, "stands_for": {"notes": "graph"}}
    as_json, as_toml = tmp_path / "modules.json", tmp_path / "modules.toml"
    as_json.write_text(json.dumps(content), encoding="utf-8")
    as_toml.write_text(
        '[modules]\ngraph = ["read_graph"]\n\n[stands_for]\nnotes = "graph"\n', encoding="utf-8"
    )
    table = ModuleTable(modules={"graph": ("read_graph",)}, stands_for={"notes": "graph"})
    assert read_table(as_json) == read_table(str(as_toml)) == table


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.toml", b"modules = [", "a.toml: is not TOML"),
        ("a.json", b"{", "a.json: is not JSON"),
        ("a.json", b"[" * 100_000, "a.json: is not JSON"),
        ("a.json", b"\xff", "a.json: is not JSON"),
        ("a.json", b"[]", "a.json: the table: "),
        ("a.json", b" " * (1024 * 1024 + 1), "larger than"),
        ("a.toml", b"[tools]\n", "tools: is not a known key"),
        ("a.toml", b"[modules]\ngraph = 'x'\n", r"modules\.graph: "),
        ("a.toml", b"[modules]\ngraph = []\n", r"modules\.graph: "),
        ("a.toml", b"[modules]\ngraph = ['']\n", r"modules\.graph\.0: is no name"),
        ("a.toml", b"[modules]\ngraph = ['a*b']\n", r"modules\.graph\.0: is no name"),
        ("a.toml", b"[modules]\ngraph = [7]\n", r"modules\.graph\.0: "),
        ("a.toml", b"[modules]\n'my graph' = ['a']\n", r"modules\.my graph: is no name"),
        ("a.toml", b"[modules]\na = ['x']\nb = ['x']\n", "'x' stands in a and in b"),
        ("a.toml", b"[stands_for]\nnotes = ''\n", r"stands_for\.notes: is no name"),
    ],
)
def test_a_file_that_breaks_a_rule_is_refused(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=words):
        read_table(path)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="cannot be read"):
        read_table(tmp_path / "gone.toml")
    with pytest.raises(SettingsError, match="give one"):
        read_table(tmp_path / "gone.toml", {"notes": "graph"})


@pytest.mark.parametrize(
    ("table", "stands", "words"),
    [
        ({"graph": ["read_graf"]}, {}, "none of that name; it offers create_entities, create_rel"),
        ({"graph": ["write_*"]}, {}, "none of that name"),
        ({"graph": ["read_graph"]}, {"notes": "grap"}, "no such module; it has graph, memoryServ"),
        ({"graph": "read_graph"}, {}, "modules.graph: "),
    ],
)
def test_a_table_that_does_not_fit_the_server_is_refused(table, stands, words):
    with pytest.raises(SettingsError, match=words):
        modules(table, **stands)


def test_a_server_needs_tools():
    with pytest.raises(ProtocolError, match="memory-server offers no tool"):
        modules(tools=())


@pytest.mark.parametrize(
    ("name", "deed"),
    [
        ("read_graph", "reads"),
        ("get-sum", "reads"),
        ("issues.list", "reads"),
        ("deleteFile", "destroys"),
        ("admin.users.REMOVE", "destroys"),
        ("HTTPGet", "reads"),
        ("update_or_delete", "writes"),
        ("echo", "reads"),
        ("weather", None),
        ("settings", None),
        ("日本", None),
        ("", None),
    ],
)
def test_what_a_tool_does_stands_in_its_name(name, deed):
    assert deed_of(name) == deed

"""``tools``: the table, the check and the manifest."""

import json
import shutil

import pytest

from mana_lab.shipped import catalog_dir
from mana_lab.tools import default_registry


@pytest.fixture
def catalog(tmp_path):
    return shutil.copytree(catalog_dir(), tmp_path / "catalog")


def changed(path, change):
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def test_the_tools_are_listed(run):
    done = run("tools")
    assert done.exit_code == 0, done.stderr
    assert all(spec.name in done.stdout for spec in default_registry())


def test_the_tools_that_ship_keep_all_rules(run):
    done = run("tools", "--check")
    assert (done.exit_code, done.stderr) == (0, "")
    assert f"{len(default_registry())} tools of 14 modules" in done.stdout


def test_what_breaks_a_rule_is_said_line_by_line(run, catalog):
    changed(catalog / "tools.json", lambda tools: tools["todo.create"].update(hash="0" * 64))
    changed(catalog / "encrypted_fields.json", lambda tables: tables["notes/notes"].append("color"))
    done = run("tools", "--check", "--catalog", catalog)
    assert done.exit_code == 1
    assert "todo.create: manifest: was changed" in done.stderr
    assert "notes/notes: encryption: the catalog encrypts ['color']" in done.stderr
    assert "python -m mana_lab tools --refresh" in done.stderr


def test_a_refresh_says_what_changed_and_is_then_kept(run, catalog):
    changed(catalog / "tools.json", lambda tools: tools.pop("todo.create"))
    done = run("tools", "--refresh", "--check", "--catalog", catalog)
    assert done.exit_code == 0, done.stderr
    assert "added todo.create" in done.stdout
    assert (catalog / "tools.json").read_bytes() == (catalog_dir() / "tools.json").read_bytes()


def test_a_description_that_got_worse_is_not_written_down(run, catalog):
    def better(tools):
        tools["todo.create"]["score"] = 100
        tools["todo.create"]["hash"] = "0" * 64

    changed(catalog / "tools.json", better)
    before = (catalog / "tools.json").read_bytes()
    for option in ("--check", "--refresh"):
        done = run("tools", option, "--catalog", catalog)
        assert done.exit_code == 1
        assert "todo.create: score: its description scores" in done.stderr
    assert (catalog / "tools.json").read_bytes() == before


@pytest.mark.slow
def test_the_tools_of_a_lab_are_approved(run, lab_folder):
    done = run("tools", "--approve", "--dir", lab_folder)
    assert (done.exit_code, done.stderr) == (0, "")
    assert f"{len(default_registry())} tools are approved" in done.stdout


def test_there_is_nothing_to_approve_without_a_lab(run, tmp_path):
    done = run("tools", "--approve", "--dir", tmp_path / "none")
    assert done.exit_code == 2
    assert "there is no lab in" in done.stderr
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "[" * 100_000, "\x00"])
def test_a_catalog_that_is_damaged_is_named(run, catalog, text):
    (catalog / "tools.json").write_text(text)
    done = run("tools", "--check", "--catalog", catalog)
    assert done.exit_code == 2
    assert "tools.json" in done.stderr


def test_a_folder_without_a_catalog_is_named(run, tmp_path):
    done = run("tools", "--check", "--catalog", tmp_path)
    assert done.exit_code == 2
    assert "encrypted_fields.json" in done.stderr

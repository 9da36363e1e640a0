"""What a command advises can be typed as it is, and what it cannot do it says at once."""

import asyncio
import json
import os
import shlex
import signal
import subprocess
import sys

import pytest

from mana_lab import Lab
from mana_lab.__main__ import main
from mana_lab.personas import Catalog, Persona, load_catalog
from mana_lab.web.serving import listen

ZOE = Persona(
    name="Zoe",
    email="persona.zoe@mana.test",
    archetype="student",
    system_prompt="You are Zoe, whom the catalog does not have.",
    module_mix={"todo": 1.0},
)


@pytest.fixture
def lab_of_nobody(tmp_path):
    folder = tmp_path / "lab of nobody"

    async def make():
        async with await Lab.open(folder):
            pass

    asyncio.run(make())
    return folder


def advised(text):
    """Return the arguments of the one command that *text* names."""
    words = shlex.split(text.partition("python -m mana_lab ")[2])
    assert words, text
    return words


def nowhere():
    """Return a URL where nobody listens."""
    with listen("127.0.0.1", 0) as sock:
        return f"http://127.0.0.1:{sock.getsockname()[1]}"


def one_sentence(done):
    """Return what a refused command said; that is one line on standard error and no more."""
    assert done.stdout == ""
    assert done.stderr.strip().count("\n") == 0, done.stderr
    assert done.stderr[0] != "\n"
    return done.stderr


@pytest.mark.slow
def test_the_console_script_is_the_same_command():
    assert callable(main)
    script = [sys.executable, "-c", "from mana_lab.__main__ import main; main()", "notebooks"]
    done = subprocess.run(script, capture_output=True, text=True, check=True, timeout=60)
    assert "00_quickstart.ipynb" in done.stdout


def test_the_advice_where_there_is_no_lab_makes_one(run, tmp_path):
    folder = tmp_path / "a lab's folder"
    done = run("report", "--dir", folder)
    assert done.exit_code == 2
    made = run(*advised(one_sentence(done)))
    assert made.exit_code == 0, made.stderr
    assert (folder / "secrets.json").is_file()


@pytest.mark.slow
def test_the_advice_in_a_lab_of_nobody_is_a_command(run, lab_of_nobody):
    done = run("run", "--dir", lab_of_nobody, "--days", 1)
    assert done.exit_code == 1
    said = one_sentence(done)
    assert "await" not in said
    assert run(*advised(said)).exit_code == 0
    assert run("run", "--dir", lab_of_nobody, "--days", 0.1).exit_code == 0


@pytest.mark.parametrize(
    "command", [("explain", "a-record"), ("shards", "--out", "parts")], ids=lambda words: words[0]
)
def test_what_needs_somebody_says_how_to_seed(run, lab_of_nobody, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    done = run(*command, "--dir", lab_of_nobody)
    assert done.exit_code == 1
    assert advised(one_sentence(done)) == ["seed", "--dir", str(lab_of_nobody)]
    assert not (tmp_path / "parts").exists()


def test_where_nobody_watches_progress_is_told_in_lines(run, lab_of_nobody):
    done = run("seed", "--dir", lab_of_nobody)
    assert done.exit_code == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if line.startswith("seeding ")] == [
        f"seeding {number}/10" for number in range(1, 11)
    ]


@pytest.mark.slow
def test_the_report_of_a_lab_without_runs_is_a_page(run, lab_of_nobody):
    done = run("report", "--dir", lab_of_nobody)
    assert done.exit_code == 0, done.stderr
    page = (lab_of_nobody / "report.html").read_text()
    assert page.lower().startswith("<!doctype html>")
    assert "Anna" not in page


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--days", "1e9", "must be above 0 and at most 3660, got 1e+09"),
        ("--days", "nan", "must be above 0 and at most 3660, got nan"),
        ("--seed", str(2**63), f"must be a whole number of 64 bits, got {2**63}"),
    ],
)
def test_a_bad_number_is_told_with_what_is_allowed(run, tmp_path, option, value, said):
    done = run("demo", "--dir", tmp_path / "lab", option, value)
    assert said in done.stderr


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "http://",
        "http://[",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:0",
        "http://127.0.0.1:port",
        "http://a..example",
        f"http://{'a' * 64}.example",
        "http://mana.example/?token=x",
    ],
)
@pytest.mark.parametrize(
    "command", [("seed", "--jwt", "x"), ("cleanup", "--jwt", "x", "--yes"), ("token", "anna")]
)
def test_a_url_that_leads_nowhere_is_refused(run, lived_in, tmp_path, monkeypatch, command, url):
    monkeypatch.chdir(tmp_path)
    where = ("--dir", lived_in) if command[0] == "token" else ()
    done = run(*command, *where, "--auth", url)
    assert done.exit_code == 2
    assert one_sentence(done).startswith("--auth: ")
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_refuses_such_a_url_too(run):
    assert run("seed", "--dry-run", "--auth", "nonsense").exit_code == 2


@pytest.mark.parametrize("jwt", ["tökén", "x\ny", "x y", " "])
@pytest.mark.parametrize("name", ["seed", "cleanup"])
def test_what_cannot_be_a_token_is_refused_and_not_shown(run, name, jwt):
    done = run(name, "--auth", nowhere(), "--jwt", jwt)
    assert done.exit_code == 2
    assert one_sentence(done) == "the administrator's token has characters that no token has\n"


@pytest.mark.parametrize("name", ["seed", "cleanup"])
def test_a_token_without_a_url_does_not_fall_back_to_a_lab(run, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    done = run(name, "--jwt", "x.y.z")
    assert done.exit_code == 2
    assert "--jwt goes with --auth" in one_sentence(done)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["seed", "cleanup"])
def test_a_bad_environment_variable_is_named(run, name):
    done = run(name, "--auth", nowhere(), "--jwt", "x", MANA_LAB_ENV="staging")
    assert done.exit_code == 2
    assert "MANA_LAB_ENV" in one_sentence(done)


def test_cleanup_needs_no_seed_secret(run):
    done = run("cleanup", "--auth", nowhere(), "--jwt", "x", MANA_LAB_ENV="production")
    assert done.exit_code == 1
    assert "cannot be reached" in one_sentence(done)


@pytest.mark.parametrize("name", ["seed", "demo"])
def test_who_cannot_be_seeded_is_listed_and_nobody_lives_on(run, lab_folder, name):
    secrets = json.loads((lab_folder / "secrets.json").read_text())
    secrets["persona_seed_secret"] = "another one"
    (lab_folder / "secrets.json").write_text(json.dumps(secrets))
    done = run(name, "--dir", lab_folder)
    assert done.exit_code == 1
    assert done.stderr.count("could not be seeded: the account has another password") == 10
    assert not (lab_folder / "report.html").exists()


@pytest.mark.slow
def test_a_persona_that_the_catalog_does_not_have_goes_only_when_asked_for(run, lab_folder):
    async def add():
        catalog = Catalog([*load_catalog(), ZOE])
        async with await Lab.open(lab_folder, catalog=catalog) as lab:
            assert (await lab.seed()).count("created") == 1

    asyncio.run(add())
    (lab_folder / "catalog.json").unlink()  # the lab no longer knows whom it has
    done = run("cleanup", "--dir", lab_folder, "--yes")
    assert done.exit_code == 0, done.stderr
    assert "not in the catalog, left alone: persona.zoe@mana.test" in done.stderr
    assert "10 personas were deleted" in done.stdout
    listed = run("cleanup", "--dir", lab_folder, "--include-unknown")
    assert "would delete persona.zoe@mana.test" in listed.stdout
    assert "1 personas would be deleted; add --yes to do it" in listed.stdout
    assert "left alone" not in listed.stderr
    done = run("cleanup", "--dir", lab_folder, "--include-unknown", "--yes")
    assert "deleted persona.zoe@mana.test" in done.stdout
    done = run("cleanup", "--dir", lab_folder, "--include-unknown", "--yes")
    assert (done.exit_code, done.stdout) == (0, "0 personas were deleted\n")


def test_a_busy_port_leaves_the_lab_to_others(run, lived_in):
    with listen("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        done = run("serve", "--dir", lived_in, "--auth-port", 0, "--sync-port", 0, "--port", port)
        assert done.exit_code == 1
        assert f"port {port} on 127.0.0.1 is in use" in one_sentence(done)
        assert run("cleanup", "--dir", lived_in).exit_code == 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send")
def test_a_new_lab_that_is_served_says_how_people_get_into_it(run, tmp_path):
    folder = tmp_path / "new lab"
    ports = ("--auth-port", "0", "--sync-port", "0", "--port", "0")
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "mana_lab", "serve", "--dir", folder, *ports],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": ""},
    ) as process:
        try:
            *lines, advice = (process.stdout.readline() for _ in range(4))
            identity, _, gateway = (line.split()[1].removesuffix("/mcp") for line in lines)
            done = run("token", "anna", "--dir", folder, "--auth", identity)
            assert done.exit_code == 1
            assert f"Anna is not a user of the Mana at {identity}" in one_sentence(done)
            done = run("token", "anna", "--dir", folder, "--auth", gateway)
            assert done.exit_code == 2
            assert f"no identity service answers at {gateway}" in one_sentence(done)
        finally:
            process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=30)
    assert (process.returncode, rest, errors) == (0, "", "")
    assert "10 personas were created" in run(*advised(advice)).stdout

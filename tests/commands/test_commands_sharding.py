"""``shards`` and ``run --shard``: a run in parts, from the command line."""

import asyncio
import json

import pytest
from commands_house import served

from mana_lab import Lab
from mana_lab.settings import LabSecrets
from mana_lab.web.serving import listen


@pytest.fixture
def said(run):
    """Return what gives the status of a command and what it said, in one line."""

    def ask(*words, **environment):
        done = run(*words, **environment)
        return done.exit_code, " ".join(done.output.split())

    return ask


def free_ports(count):
    sockets = [listen("127.0.0.1", 0) for _ in range(count)]
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


async def last_run(folder):
    async with await Lab.open(folder) as lab:
        return await lab.reopen(-1), lab.clock.now()


@pytest.mark.slow
def test_a_run_in_parts_is_lived_file_by_file_and_again_is_harmless(said, lab_folder, tmp_path):
    auth, sync, gateway = free_ports(3)
    urls = (
        "--auth-url",
        f"http://127.0.0.1:{auth}",
        "--mcp-url",
        f"http://127.0.0.1:{gateway}/mcp",
    )
    out = tmp_path / "shards"
    cutting = ("shards", "--dir", lab_folder, "--days", 1, "--count", 2, "--out", out)
    status, text = said(*cutting, *urls)
    assert status == 0, text
    assert "2 shards are in" in text
    assert "serve --dir" in text
    files = sorted(out.iterdir())
    assert [path.name for path in files] == ["shard-1.json", "shard-2.json"]
    ports = ("--auth-port", str(auth), "--sync-port", str(sync), "--port", str(gateway))
    with served(lab_folder, *ports, "--workers", "2", "--calls-per-minute", "1000000"):
        for path in (files[0], files[0], files[1]):
            status, text = said("run", "--dir", lab_folder, "--shard", path)
            assert status == 0, text
            assert "is done" in text
    run, now = asyncio.run(last_run(lab_folder))
    assert (run.status, run.open_ticks, run.failed_ticks) == ("done", 0, 0)
    assert run.ticks > 0
    assert now == run.ends_at
    status, text = said(*cutting, *urls)
    assert status == 2
    assert "is not empty" in text


@pytest.fixture
def shard(said, lab_folder, tmp_path):
    status, text = said("shards", "--dir", lab_folder, "--count", 1, "--out", tmp_path / "shards")
    assert status == 0, text
    return tmp_path / "shards" / "shard-1.json"


def test_without_its_services_a_shard_says_who_is_missing_and_can_go_on_later(
    said, shard, lab_folder
):
    given = json.loads(shard.read_text())
    nobody = f"http://127.0.0.1:{free_ports(1)[0]}"
    given["site"] = {"auth_url": nobody, "mcp_url": f"{nobody}/mcp"}
    shard.write_text(json.dumps(given))
    status, text = said("run", "--dir", lab_folder, "--shard", shard)
    assert status == 1
    assert "cannot be reached" in text
    assert asyncio.run(last_run(lab_folder))[0].status == "failed"


def test_the_environment_names_the_secrets_where_there_is_no_lab(said, shard, lab_folder, tmp_path):
    nowhere = tmp_path / "nowhere"
    status, text = said("run", "--dir", nowhere, "--shard", shard)
    assert status == 2
    assert "set DATABASE_URL, MANA_SERVICE_KEY and PERSONA_SEED_SECRET" in text
    secrets = LabSecrets.load(lab_folder)
    status, text = said(
        *("run", "--dir", nowhere, "--shard", shard),
        DATABASE_URL=f"sqlite:///{lab_folder}/ledger.db",
        MANA_SERVICE_KEY=secrets.service_key.get_secret_value(),
        PERSONA_SEED_SECRET=secrets.persona_seed_secret.get_secret_value(),
    )
    assert status == 1
    assert "cannot be reached" in text


@pytest.mark.parametrize(
    ("words", "words_said"),
    [
        (("--count", 0), "count"),
        (("--days", 0), "must be above 0"),
        (("--budget", "much"), "a number of US dollars"),
        (("--brain", "clever"), "there is no brain 'clever'"),
        (("--auth-url", "file:///etc/passwd"), "--auth-url"),
        (("--mcp-url", "http://user:secret@host/mcp"), "--mcp-url"),
    ],
    ids=lambda words: str(words[0]) if isinstance(words, tuple) else "",
)
def test_a_bad_value_is_refused_and_no_run_begins(said, lab_folder, tmp_path, words, words_said):
    before = asyncio.run(last_run(lab_folder))[0].id
    status, text = said("shards", "--dir", lab_folder, "--out", tmp_path / "out", *words)
    assert status == 2, text
    assert words_said in text
    assert not (tmp_path / "out").exists()
    assert asyncio.run(last_run(lab_folder))[0].id == before

"""``seed`` and ``cleanup``, of a lab and of a Mana elsewhere."""

import asyncio

import httpx
import pytest
from commands_house import ADMIN, mana_elsewhere
from store_house import PostgresHome

from mana_lab import Lab
from mana_lab.identity.client import IdentityClient
from mana_lab.identity.wire import PersonaUpsert
from mana_lab.personas import load_catalog, persona_password, sample
from mana_lab.settings import DEVELOPMENT_SEED_SECRET
from mana_lab.web.serving import listen


@pytest.fixture
def mana(tmp_path):
    with mana_elsewhere(tmp_path) as url:
        yield url


def asked(url, question):
    """Ask an identity service something."""

    async def ask():
        async with httpx.AsyncClient(timeout=30) as http:
            return await question(IdentityClient(url, http))

    return asyncio.run(ask())


def login(url, email, password):
    return asked(url, lambda identity: identity.login(email, password))


def admin_token(url):
    return login(url, ADMIN.email, ADMIN.password).access_token


def emails(url):
    token = admin_token(url)
    return {each.email for each in asked(url, lambda identity: identity.personas(token))}


CATALOG = {persona.email for persona in load_catalog()}


def test_a_dry_run_needs_no_token_and_does_nothing(run, tmp_path):
    for where in (("--dir", tmp_path / "lab"), ("--auth", "https://auth.example")):
        done = run("seed", *where, "--dry-run")
        assert done.exit_code == 0, done.stderr
        assert all(email in done.stdout for email in CATALOG)
        assert "nothing was done" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_lab_is_seeded_and_again_is_harmless(run, tmp_path):
    done = run("seed", "--dir", tmp_path / "lab")
    assert done.exit_code == 0, done.stderr
    assert "10 personas were created and 0 updated" in done.stdout
    done = run("seed", "--dir", tmp_path / "lab")
    assert "0 personas were created and 10 updated" in done.stdout


@pytest.mark.slow
def test_a_lab_that_is_seeded_with_a_sample_remembers_it(run, tmp_path):
    folder, population = tmp_path / "lab", sample(2, seed=11)
    shown = run("seed", "--dir", folder, "--sample", 2, "--sample-seed", 11, "--dry-run")
    assert shown.exit_code == 0, shown.stderr
    assert all(each.email in shown.stdout for each in population)
    assert not folder.exists()
    done = run("seed", "--dir", folder, "--sample", 2, "--sample-seed", 11)
    assert "2 personas were created and 0 updated" in done.stdout
    done = run("seed", "--dir", folder)
    assert "0 personas were created and 2 updated" in done.stdout
    lived = run("run", "--dir", folder, "--days", 1, "--persona", population[0].slug)
    assert lived.exit_code == 0, lived.stderr
    assert population[0].name in lived.stdout
    unknown = run("token", "anna", "--dir", folder)
    assert f"the catalog has no persona 'anna'; it has {population[0].slug}" in unknown.stderr
    done = run("cleanup", "--dir", folder, "--yes")
    assert all(f"deleted {each.email}" in done.stdout for each in population)
    assert "persona.anna@mana.test" in run("seed", "--dir", folder, "--dry-run").stdout


def test_a_sample_is_seeded_in_a_mana_elsewhere_and_cleaned_up(run, mana):
    token, population = admin_token(mana), sample(2, seed=7)
    done = run("seed", "--auth", mana, "--jwt", token, "--sample", 2)
    assert done.exit_code == 0, done.stderr
    assert emails(mana) == {each.email for each in population}
    left = run("cleanup", "--auth", mana, "--jwt", token, "--yes")
    assert f"not in the catalog, left alone: {population[0].email}" in left.stderr
    done = run("cleanup", "--auth", mana, "--jwt", token, "--yes", "--sample", 2)
    assert f"deleted {population[0].email}" in done.stdout
    assert emails(mana) == set()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--sample", 0), "n must be a whole number from 1 to 20000, got 0"),
        (("--sample", 20_001), "n must be a whole number from 1 to 20000, got 20001"),
        (("--sample", 2, "--sample-seed", 2**63), "seed must be a whole number"),
        (("--sample-seed", 7), "--sample-seed goes with --sample N"),
        (("--sample", "many"), "'--sample'"),
    ],
)
@pytest.mark.parametrize("name", ["seed", "cleanup"])
def test_a_sample_that_cannot_be_is_refused_and_makes_no_lab(run, tmp_path, name, arguments, said):
    done = run(name, "--dir", tmp_path / "lab", *arguments)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.replace("│", " ").split())
    assert not (tmp_path / "lab").exists()


def test_a_mana_elsewhere_is_seeded_and_cleaned_up(run, mana):
    token = admin_token(mana)
    done = run("seed", "--auth", mana, "--jwt", token)
    assert done.exit_code == 0, done.stderr
    anna = "persona.anna@mana.test"
    assert login(mana, anna, persona_password(anna, DEVELOPMENT_SEED_SECRET))
    listed = run("cleanup", "--auth", mana, MANA_ADMIN_JWT=token)
    assert listed.exit_code == 0, listed.stderr
    assert f"would delete {anna}" in listed.stdout
    assert "--yes" in listed.stdout
    assert emails(mana) == CATALOG
    done = run("cleanup", "--auth", mana, "--jwt", token, "--yes")
    assert done.exit_code == 0, done.stderr
    assert f"deleted {anna}" in done.stdout
    assert emails(mana) == set()


def test_a_secret_of_ones_own_makes_the_passwords(run, mana):
    done = run("seed", "--auth", mana, "--jwt", admin_token(mana), PERSONA_SEED_SECRET="mine")
    assert done.exit_code == 0, done.stderr
    anna = "persona.anna@mana.test"
    assert login(mana, anna, persona_password(anna, "mine"))


def test_drift_from_the_catalog_is_told_and_left_alone(run, mana):
    token = admin_token(mana)
    stranger = PersonaUpsert(
        email="persona.zoe@mana.test",
        name="Zoe",
        password="a password of Zoe",
        archetype="student",
        system_prompt="You are Zoe, whom the catalog does not have.",
        module_mix={"todo": 1.0},
        tick_cadence="daily",
        timezone="Europe/Berlin",
        language="de",
    )
    asked(mana, lambda identity: identity.upsert_persona(token, stranger))
    done = run("cleanup", "--auth", mana, "--jwt", token, "--yes")
    assert done.exit_code == 0
    assert "not in the catalog, left alone: persona.zoe@mana.test" in done.stderr
    assert "in the catalog, but not seeded: persona.anna@mana.test" in done.stderr
    assert emails(mana) == {"persona.zoe@mana.test"}
    done = run("cleanup", "--auth", mana, "--jwt", token, "--yes", "--include-unknown")
    assert "deleted persona.zoe@mana.test" in done.stdout
    assert emails(mana) == set()


def test_a_token_that_is_not_an_administrators_fails_for_everybody(run, mana):
    asked(mana, lambda identity: identity.register("human@example.test", "a human's password"))
    token = login(mana, "human@example.test", "a human's password").access_token
    for jwt in (token, "nonsense"):
        done = run("seed", "--auth", mana, "--jwt", jwt)
        assert done.exit_code == 1
        assert done.stderr.count("could not be seeded") == 10
        assert "token" in done.stderr
        assert run("cleanup", "--auth", mana, "--jwt", jwt).exit_code == 1
    assert emails(mana) == set()


def test_where_nobody_listens_everybody_fails_with_the_reason(run):
    with listen("127.0.0.1", 0) as sock:
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    done = run("seed", "--auth", url, "--jwt", "x.y.z")
    assert done.exit_code == 1
    assert done.stderr.count("could not be seeded") == 10
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--dir", "lab", "--auth", "http://127.0.0.1:1"), "not both"),
        (("--auth", "http://127.0.0.1:1"), "MANA_ADMIN_JWT"),
        (("--auth", "127.0.0.1:1", "--jwt", "x"), "not an http or https URL"),
        (("--auth", "ftp://mana.example", "--jwt", "x"), "not an http or https URL"),
        (("--auth", "http://[", "--jwt", "x"), "not an http or https URL"),
    ],
)
@pytest.mark.parametrize("name", ["seed", "cleanup"])
def test_options_that_do_not_go_together_are_refused(run, name, arguments, said):
    done = run(name, *arguments)
    assert done.exit_code == 2
    assert said in done.stderr


@pytest.mark.parametrize(
    ("url", "environ"),
    [
        ("https://mana.example", {}),
        ("https://mana.example", {"PERSONA_SEED_SECRET": DEVELOPMENT_SEED_SECRET}),
        ("http://127.0.0.1:1", {"MANA_LAB_ENV": "production"}),
    ],
)
def test_a_mana_in_earnest_needs_a_secret_of_its_own(run, url, environ):
    done = run("seed", "--auth", url, "--jwt", "x", **environ)
    assert done.exit_code == 2
    assert "PERSONA_SEED_SECRET" in done.stderr


def test_cleanup_of_a_lab_lists_and_with_yes_deletes(run, lab_folder):
    listed = run("cleanup", "--dir", lab_folder)
    assert listed.exit_code == 0, listed.stderr
    assert listed.stdout.count("would delete persona.") == 10

    async def people():
        async with await Lab.open(lab_folder) as lab:
            return len(lab.personas_df()), len(lab.actions_df())

    assert asyncio.run(people())[0] == 10
    done = run("cleanup", "--dir", lab_folder, "--yes")
    assert done.exit_code == 0, done.stderr
    assert asyncio.run(people()) == (0, 0)


@pytest.mark.slow
def test_the_commands_keep_a_lab_in_the_database_that_the_environment_names(
    run, tmp_path, postgres
):
    home = PostgresHome(postgres)
    url = {"DATABASE_URL": home.url("")}
    assert run("seed", "--dir", tmp_path, **url).exit_code == 0
    assert not list(tmp_path.glob("*.db"))
    assert "persona.anna@" in run("cleanup", "--dir", tmp_path, **url).output
    home.close()


def test_a_database_that_cannot_be_reached_is_an_error(run, tmp_path):
    done = run("seed", "--dir", tmp_path, DATABASE_URL=f"postgresql:///x?host={tmp_path}")
    assert done.exit_code == 1
    assert "cannot be used" in done.output
    done = run("seed", "--dir", tmp_path, DATABASE_URL="redis://canary@host/1")
    assert done.exit_code == 2
    assert "postgresql://" in done.output
    assert "canary" not in done.output

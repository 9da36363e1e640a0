import stat

import pytest
from pydantic import SecretStr

from mana_lab.errors import SettingsError
from mana_lab.settings import (
    DEVELOPMENT_SEED_SECRET,
    LabSecrets,
    Settings,
    claude_environment,
    decode_key,
    parameter,
)


def test_the_issuer_is_the_identity_service_unless_it_is_named():
    settings = Settings.from_environment({"MANA_AUTH_URL": "https://auth.example"})
    assert settings.jwt_issuer == "https://auth.example"
    named = {"MANA_AUTH_URL": "https://auth.example", "JWT_ISSUER": "https://issuer.example"}
    assert Settings.from_environment(named).jwt_issuer == "https://issuer.example"


def test_an_empty_variable_counts_as_absent():
    assert Settings.from_environment({"MANA_AUTH_URL": ""}).auth_url == "http://127.0.0.1:3001"


def test_a_bad_value_names_the_variable():
    with pytest.raises(SettingsError, match="MANA_LAB_ENV"):
        Settings.from_environment({"MANA_LAB_ENV": "staging"})


@pytest.mark.parametrize(("said", "forwards"), [("", False), ("0", False), ("1", True)])
def test_tokens_are_forwarded_only_where_that_is_asked_for(said, forwards):
    assert Settings.from_environment({}).forward_tokens is False
    assert Settings.from_environment({"MANA_FORWARD_TOKENS": said}).forward_tokens is forwards


def test_settings_do_not_show_secrets():
    environ = {"MANA_ADMIN_JWT": "canary-token", "PERSONA_SEED_SECRET": "canary-seed"}
    assert "canary" not in repr(Settings.from_environment(environ))


def test_claude_code_is_handed_what_it_needs_and_nothing_else():
    needed = {"ANTHROPIC_API_KEY": "a key", "HTTPS_PROXY": "http://proxy.example"}
    others = {"AWS_SECRET_ACCESS_KEY": "canary", "CLAUDE_CODE_USE_BEDROCK": "1", "NO_PROXY": ""}
    assert claude_environment(needed | others) == needed


@pytest.mark.parametrize("environ", [{}, {"ANTHROPIC_API_KEY": ""}])
def test_claude_code_needs_a_key(environ):
    with pytest.raises(SettingsError, match="ANTHROPIC_API_KEY"):
        claude_environment(environ)


def test_secrets_are_made_once_and_only_their_owner_reads_them(tmp_path):
    made = LabSecrets.load_or_create(tmp_path)
    assert LabSecrets.load_or_create(tmp_path) == made
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secrets.json"]
    assert made.service_key.get_secret_value() not in repr(made)
    assert len(made.kek()) == 32


def test_two_labs_share_no_secret():
    first, second = LabSecrets.generate(), LabSecrets.generate()
    for name in LabSecrets.model_fields:
        assert getattr(first, name) != getattr(second, name)


def test_production_takes_no_seed_secret_that_everybody_knows():
    known = LabSecrets.generate().model_copy(
        update={"persona_seed_secret": SecretStr(DEVELOPMENT_SEED_SECRET)}
    )
    production = Settings.from_environment({"MANA_LAB_ENV": "production"})
    Settings.from_environment({}).check(known)
    production.check(LabSecrets.generate())
    with pytest.raises(SettingsError, match="PERSONA_SEED_SECRET") as refused:
        production.check(known)
    assert DEVELOPMENT_SEED_SECRET not in str(refused.value)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"auth_kek": "canary"}'])
def test_damaged_secrets_are_an_error_that_shows_nothing(tmp_path, text):
    (tmp_path / "secrets.json").write_text(text)
    with pytest.raises(SettingsError, match="damaged") as caught:
        LabSecrets.load_or_create(tmp_path)
    assert "canary" not in str(caught.value)
    assert (tmp_path / "secrets.json").read_text() == text


@pytest.mark.parametrize("text", ["not base64!", "AAAA", ""])
def test_a_kek_that_is_not_32_bytes_is_refused(text):
    with pytest.raises(SettingsError, match="MANA_AUTH_KEK"):
        decode_key("MANA_AUTH_KEK", text)


def test_the_runner_reads_the_names_of_the_original():
    environ = {
        "MANA_MCP_URL": "http://mcp.example",
        "MANA_SERVICE_KEY": "canary",
        "TICK_INTERVAL_MS": "1500",
        "PERSONA_CONCURRENCY": "7",
        "RUNNER_PAUSED": "true",
    }
    settings = Settings.from_environment(environ)
    assert settings.mcp_url == "http://mcp.example"
    assert (settings.tick_interval_ms, settings.persona_concurrency) == (1500, 7)
    assert settings.runner_paused is True
    assert settings.internal_key() == "canary"
    assert "canary" not in repr(settings)
    default = Settings.from_environment({})
    assert (default.tick_interval_ms, default.persona_concurrency) == (60_000, 2)
    assert (default.mcp_url, default.runner_paused) == ("http://127.0.0.1:3069", False)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "soon", "86400001", "9" * 40])
def test_an_interval_that_is_none_is_refused_by_name(text):
    with pytest.raises(SettingsError, match="TICK_INTERVAL_MS"):
        Settings.from_environment({"TICK_INTERVAL_MS": text})


@pytest.mark.parametrize("environ", [{}, {"MANA_LAB_ENV": "production"}])
def test_there_is_no_service_key_by_default(environ):
    with pytest.raises(SettingsError, match="MANA_SERVICE_KEY"):
        Settings.from_environment(environ).internal_key()


def test_the_service_key_for_development_is_none_in_production():
    environ = {"MANA_SERVICE_KEY": "dev-service-key"}
    assert Settings.from_environment(environ).internal_key() == "dev-service-key"
    with pytest.raises(SettingsError, match="not to the one for development"):
        Settings.from_environment(environ | {"MANA_LAB_ENV": "production"}).internal_key()


def test_a_parameter_of_a_notebook_may_be_a_text(monkeypatch):
    monkeypatch.delenv("MANA_LAB_DIR", raising=False)
    assert parameter("MANA_LAB_DIR", "") == ""
    for given, taken in {" my lab ": "my lab", "": "here", "  ": "here", "7": "7"}.items():
        monkeypatch.setenv("MANA_LAB_DIR", given)
        assert parameter("MANA_LAB_DIR", "here") == taken


@pytest.mark.parametrize("given", ["a\nb", "a\x1b[2J", "x" * 5000])
def test_a_text_that_is_none_is_refused(monkeypatch, given):
    monkeypatch.setenv("MANA_LAB_DIR", given)
    with pytest.raises(
        SettingsError, match=r"MANA_LAB_DIR: got '.{1,60}', need a text in one line"
    ):
        parameter("MANA_LAB_DIR", "")

"""Host and Origin are compared whole, with everything that stands in front of the endpoint."""

import pytest
from gateway_house import call_echo

from mana_lab.errors import SettingsError
from mana_lab.gateway import GatewayConfig
from mana_lab.gateway.origins import is_allowed_host, is_allowed_origin

DEFAULTS = GatewayConfig()


@pytest.mark.parametrize(
    "host", ["127.0.0.1:3069", "localhost", "LOCALHOST:80", "[::1]:9", "localhost:65535"]
)
def test_this_machine_is_let_in_by_name_and_any_port(host):
    assert is_allowed_host(host, DEFAULTS.allowed_hosts)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "127.0.0.1:1@evil.example",
        "localhost:1:2",
        "localhost:",
        "localhost.",
        "localhost.evil.example",
        "127.0.0.1:port",
        "evil.example\\@localhost",
        "localhost:1 ",
        "[::1",
        "localhost:1\n",
    ],
)
def test_any_other_host_is_not(host):
    assert not is_allowed_host(host, DEFAULTS.allowed_hosts)


@pytest.mark.parametrize("origin", ["http://localhost:6274", "http://127.0.0.1", "http://[::1]:1"])
def test_pages_of_this_machine_are_let_in(origin):
    assert is_allowed_origin(origin, DEFAULTS.allowed_origins)


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "null",
        "http://evil.example",
        "http://localhost:1@evil.example",
        "http://localhost.evil.example",
        "https://localhost:1",
        "file://localhost",
        "http://localhost/",
        "http://localhost:1, http://evil.example",
    ],
)
def test_any_other_page_is_not(origin):
    assert not is_allowed_origin(origin, DEFAULTS.allowed_origins)


def test_a_rule_with_a_port_lets_only_that_port_in():
    assert is_allowed_host("lab.example:8080", ["lab.example:8080"])
    assert not is_allowed_host("lab.example:8081", ["lab.example:8080"])
    assert not is_allowed_host("lab.example", ["lab.example:8080"])


@pytest.mark.parametrize(
    ("header", "status", "error"),
    [
        ({"Host": "evil.example"}, 421, "misdirected-request"),
        ({"Origin": "https://evil.example"}, 403, "forbidden"),
        ({"Origin": "null"}, 403, "forbidden"),
    ],
)
async def test_foreign_names_are_refused_before_the_token_is_looked_at(
    house, header, status, error
):
    anna = await house.user("anna")
    request = call_echo()
    for user in (anna, None):
        async with house.http(user) as http:
            answer = await http.post(
                "/mcp", headers=request["headers"] | header, json=request["json"]
            )
        assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert house.tools.calls == []


def test_the_gateway_lets_its_own_name_in():
    config = GatewayConfig(resource_url="http://Lab.Example:8080/mcp")
    assert is_allowed_host("lab.example:8080", config.host_rules)
    assert is_allowed_origin("http://lab.example:8080", config.origin_rules)
    assert not is_allowed_host("lab.example", config.host_rules)


@pytest.mark.parametrize(
    "wrong",
    [
        {"allowed_hosts": ("http://localhost",)},
        {"allowed_hosts": ("*",)},
        {"allowed_origins": ("localhost:*",)},
        {"allowed_origins": ("null",)},
        {"resource_url": "localhost:3069/mcp"},
        {"resource_url": "http://localhost/mcp?x=1"},
        {"resource_url": 'http://localhost/"mcp'},
        {"resource_url": "http://[::1/mcp"},
        {"resource_url": "http:///mcp"},
        {"authorization_server": "ftp://localhost"},
    ],
    ids=str,
)
def test_a_config_with_a_malformed_name_is_refused(wrong):
    with pytest.raises(SettingsError):
        GatewayConfig(**wrong)

"""Settings: the one place that reads the environment, and the secrets of a lab folder."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, overload
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from mana_lab.errors import SettingsError

DEFAULT_AUTH_URL = "http://127.0.0.1:3001"
DEFAULT_SYNC_URL = "http://127.0.0.1:3050"
DEFAULT_MCP_URL = "http://127.0.0.1:3069"
DEFAULT_AUDIENCE = "mana"
SECRETS_FILE = "secrets.json"
DEVELOPMENT_SEED_SECRET = "dev-persona-seed-secret-rotate-in-prod"  # noqa: S105 - public by design
DEVELOPMENT_SERVICE_KEY = "dev-service-key"

_FOR_CLAUDE = (
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_BASE_URL",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "https_proxy",
    "http_proxy",
    "no_proxy",
    "NODE_EXTRA_CA_CERTS",
    "SSL_CERT_FILE",
    "SYSTEMROOT",
)
_DAY_MS = 86_400_000
_LONGEST_TEXT = 4096
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Settings(BaseModel):
    """What the environment says, with the defaults of a local Mana.

    Attributes:
        auth_url: Base URL of the identity service (``MANA_AUTH_URL``).
        sync_url: Base URL of the sync service (``MANA_SYNC_URL``).
        mcp_url: Base URL of the MCP gateway (``MANA_MCP_URL``).
        jwt_issuer: The ``iss`` to expect (``JWT_ISSUER``; default: ``auth_url``).
        jwt_audience: The ``aud`` to expect (``JWT_AUDIENCE``).
        admin_jwt: An administrator's token for seeding a remote Mana (``MANA_ADMIN_JWT``).
        persona_seed_secret: What persona passwords derive from (``PERSONA_SEED_SECRET``).
        service_key: What services show identity's internal endpoints (``MANA_SERVICE_KEY``).
        approved_tools: File of the approved tools of other packages (``MANA_APPROVED_TOOLS``).
        database_url: PostgreSQL for the commands to keep a lab's data in (``DATABASE_URL``).
        gateway_key: 32 bytes that the gateway's keys follow from, in base64
            (``MANA_GATEWAY_KEY``).
        policy_mode: Whether the gateway's policy is enforced (``POLICY_MODE``).
        metrics_token: What a service's metrics are read with (``MANA_METRICS_TOKEN``).
        runner_token: What the runner's service is controlled with (``MANA_RUNNER_TOKEN``).
        tick_interval_ms: How often that looks who is due (``TICK_INTERVAL_MS``).
        persona_concurrency: How many personas it lets use the app at the same time
            (``PERSONA_CONCURRENCY``).
        runner_paused: Whether it begins paused (``RUNNER_PAUSED``).
        otlp_endpoint: Where OpenTelemetry spans go (``OTEL_EXPORTER_OTLP_ENDPOINT``).
        forward_tokens: Whether a gateway shows the services behind it the callers' own tokens,
            for a Mana that exchanges none (``MANA_FORWARD_TOKENS``).
        tools_key: 32 bytes that sign that file, in base64 (``MANA_TOOLS_KEY``).
        environment: ``production`` refuses every development fallback (``MANA_LAB_ENV``).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    auth_url: str = DEFAULT_AUTH_URL
    sync_url: str = DEFAULT_SYNC_URL
    mcp_url: str = DEFAULT_MCP_URL
    jwt_issuer: str = DEFAULT_AUTH_URL
    jwt_audience: str = DEFAULT_AUDIENCE
    admin_jwt: SecretStr | None = None
    persona_seed_secret: SecretStr | None = None
    service_key: SecretStr | None = None
    approved_tools: Path | None = None
    tools_key: SecretStr | None = None
    database_url: SecretStr | None = None
    gateway_key: SecretStr | None = None
    policy_mode: Literal["enforce", "log-only", "off"] = "enforce"
    metrics_token: SecretStr | None = None
    runner_token: SecretStr | None = None
    tick_interval_ms: Annotated[int, Field(ge=1, le=_DAY_MS)] = 60_000
    persona_concurrency: Annotated[int, Field(ge=1, le=1000)] = 2
    runner_paused: bool = False
    forward_tokens: bool = False
    otlp_endpoint: str | None = None
    environment: Literal["development", "production"] = "development"

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str] | None = None, **given: str | None
    ) -> Settings:
        """Read the settings.

        Args:
            environ: Variables to read instead of the process's own.
            given: Values by the names of the variables that go before them, such as
                ``MANA_AUTH_URL``; None stands for no value.

        Raises:
            SettingsError: A variable has a value that is not allowed.
        """
        said = {name: value for name, value in given.items() if value is not None}
        env = {**(os.environ if environ is None else environ), **said}
        names = {
            "auth_url": "MANA_AUTH_URL",
            "sync_url": "MANA_SYNC_URL",
            "mcp_url": "MANA_MCP_URL",
            "jwt_issuer": "JWT_ISSUER",
            "jwt_audience": "JWT_AUDIENCE",
            "admin_jwt": "MANA_ADMIN_JWT",
            "persona_seed_secret": "PERSONA_SEED_SECRET",
            "service_key": "MANA_SERVICE_KEY",
            "approved_tools": "MANA_APPROVED_TOOLS",
            "tools_key": "MANA_TOOLS_KEY",
            "database_url": "DATABASE_URL",
            "gateway_key": "MANA_GATEWAY_KEY",
            "policy_mode": "POLICY_MODE",
            "metrics_token": "MANA_METRICS_TOKEN",
            "runner_token": "MANA_RUNNER_TOKEN",
            "tick_interval_ms": "TICK_INTERVAL_MS",
            "persona_concurrency": "PERSONA_CONCURRENCY",
            "runner_paused": "RUNNER_PAUSED",
            "forward_tokens": "MANA_FORWARD_TOKENS",
            "otlp_endpoint": "OTEL_EXPORTER_OTLP_ENDPOINT",
            "environment": "MANA_LAB_ENV",
        }
        values = {field: env[name] for field, name in names.items() if env.get(name)}
        values.setdefault("jwt_issuer", values.get("auth_url", DEFAULT_AUTH_URL))
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            name = names[str(first["loc"][0])]
            raise SettingsError(f"{name}: {first['msg']}") from None

    def seed_secret_for(self, auth_url: str) -> str:
        """Return what persona passwords derive from in the Mana at *auth_url*.

        A Mana on this machine may go without a secret of its own, unless it is in production.

        Raises:
            SettingsError: ``PERSONA_SEED_SECRET`` is needed and not set, or is the one that
                everybody knows.
        """
        local = urlsplit(auth_url).hostname in _LOOPBACK and self.environment == "development"
        secret = self.persona_seed_secret
        text = DEVELOPMENT_SEED_SECRET if secret is None else secret.get_secret_value()
        if text == DEVELOPMENT_SEED_SECRET and not local:
            raise SettingsError(
                "PERSONA_SEED_SECRET: set it to a secret of your own; the one for development "
                "is good only for a Mana on this machine that is not in production"
            )
        return text

    def internal_key(self) -> str:
        """Return what identity's internal endpoints are shown.

        Raises:
            SettingsError: ``MANA_SERVICE_KEY`` is not set, or is the one that everybody knows and
                this is production.
        """
        key = "" if self.service_key is None else self.service_key.get_secret_value()
        if not key or (self.production and key == DEVELOPMENT_SERVICE_KEY):
            raise SettingsError(
                "MANA_SERVICE_KEY: set it to the key that the identity service is asked with"
                + (", not to the one for development" if key else "")
            )
        return key

    @property
    def production(self) -> bool:
        """Whether development secrets are refused."""
        return self.environment == "production"

    def check(self, secrets: LabSecrets) -> None:
        """Let the secrets of a lab pass, unless this is production and everybody knows them.

        Raises:
            SettingsError: The personas' passwords derive from the secret for development.
        """
        seed_secret = secrets.persona_seed_secret.get_secret_value()
        if self.production and seed_secret == DEVELOPMENT_SEED_SECRET:
            raise SettingsError(
                "PERSONA_SEED_SECRET: is the one for development; in production it must be a "
                "secret of its own"
            )


def claude_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what Claude Code is to know of the environment: the key, the address, the proxies.

    Args:
        environ: Variables to read instead of the process's own.

    Raises:
        SettingsError: There is no key.
    """
    env = os.environ if environ is None else environ
    if not env.get("ANTHROPIC_API_KEY"):
        raise SettingsError(
            "to play personas with Claude, set the environment variable ANTHROPIC_API_KEY to a "
            "key of the Anthropic API"
        )
    return {name: env[name] for name in _FOR_CLAUDE if env.get(name)}


class LabSecrets(BaseModel):
    """The secrets of one embedded lab; made on first open, kept in a file only its owner reads.

    Attributes:
        auth_kek: 32 bytes that wrap the vault keys and the signing keys.
        persona_seed_secret: What persona passwords derive from.
        service_key: What the lab's own services show one another.
        admin_password: Of the account that seeds personas.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    auth_kek: SecretStr
    persona_seed_secret: SecretStr
    service_key: SecretStr
    admin_password: SecretStr

    def kek(self) -> bytes:
        """Return the raw 32-byte key-encryption key."""
        return decode_key("MANA_AUTH_KEK", self.auth_kek.get_secret_value())

    @classmethod
    def generate(cls) -> LabSecrets:
        """Draw fresh secrets from the system's random source."""
        return cls(
            auth_kek=SecretStr(base64.b64encode(secrets.token_bytes(32)).decode()),
            persona_seed_secret=SecretStr(secrets.token_urlsafe(32)),
            service_key=SecretStr(secrets.token_urlsafe(32)),
            admin_password=SecretStr(secrets.token_urlsafe(24)),
        )

    @classmethod
    def load_or_create(cls, folder: Path) -> LabSecrets:
        """Read the folder's ``secrets.json``, or make it with mode 0600.

        Raises:
            SettingsError: The file is there and is not a lab's secrets.
        """
        if not (folder / SECRETS_FILE).exists():
            fresh = cls.generate()
            _write_private(folder / SECRETS_FILE, fresh)
            return fresh
        return cls.load(folder)

    @classmethod
    def load(cls, folder: Path) -> LabSecrets:
        """Read the folder's ``secrets.json``.

        Raises:
            SettingsError: There is none, or it is not a lab's secrets.
        """
        path = folder / SECRETS_FILE
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise SettingsError(f"there is no lab in {folder}") from None
        try:
            return cls.model_validate_json(text)
        except ValidationError:
            raise SettingsError(
                f"{path.name} in the lab folder is damaged; restore it, or start a new lab folder"
            ) from None


@overload
def parameter(name: str, default: int) -> int: ...


@overload
def parameter(name: str, default: str) -> str: ...


def parameter(name: str, default: int | str) -> int | str:
    """Return a notebook's parameter: what the environment says, or *default*.

    Args:
        name: Of the environment variable, such as ``MANA_LAB_SEED``.
        default: What counts when it is not set; a number takes whole numbers, a text any text in
            one line.

    Raises:
        SettingsError: The variable is not of the kind of *default*.
    """
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    if isinstance(default, str):
        if not text.isprintable() or len(text) > _LONGEST_TEXT:
            raise SettingsError(f"{name}: got {text[:40]!r}, need a text in one line")
        return text
    if not re.fullmatch(r"-?[0-9]{1,19}", text):
        raise SettingsError(f"{name}: got {text[:40]!r}, need a whole number such as {default}")
    return int(text)


def revealed(secret: SecretStr | None) -> str | None:
    """Return the text of a secret; None where there is none."""
    return None if secret is None else secret.get_secret_value()


def decode_key(name: str, text: str) -> bytes:
    """Decode a base64 key of 32 bytes.

    Args:
        name: The setting that it stands in, for the message.
        text: What stands there.

    Raises:
        SettingsError: It is not standard base64 of exactly 32 bytes.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise SettingsError(f"{name}: not standard base64") from None
    if len(raw) != 32:
        raise SettingsError(f"{name}: got {len(raw)} bytes, need exactly 32")
    return raw


def load_or_create_key(path: Path) -> bytes:
    """Read a key of 32 bytes from a file, or make one there that only its owner reads.

    Raises:
        SettingsError: The file holds no key, or cannot be read or written.
    """
    try:
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private_text(path, base64.b64encode(secrets.token_bytes(32)).decode())
        return decode_key(path.name, path.read_text(encoding="ascii").strip())
    except (OSError, UnicodeError) as error:
        raise SettingsError(f"{path.name} cannot be used: {type(error).__name__}") from None


def _write_private(path: Path, values: LabSecrets) -> None:
    fields = {name: getattr(values, name).get_secret_value() for name in LabSecrets.model_fields}
    write_private_text(path, json.dumps(fields, indent=2))


def write_private_text(path: Path, text: str) -> None:
    """Write a file whole or not at all, for its owner only.

    Raises:
        OSError: It cannot be written; what was there stays.
    """
    partial = path.with_suffix(".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)

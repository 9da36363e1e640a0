"""Models by name, with connections that last and keys that only their provider's library reads."""

from __future__ import annotations

import inspect
import re
from typing import Any

import httpx2
from pydantic_ai.exceptions import UserError
from pydantic_ai.models import Model, create_async_httpx2_client, infer_model, parse_model_id
from pydantic_ai.providers import Provider, infer_provider, infer_provider_class

from mana_lab.errors import SettingsError

TIMEOUT = httpx2.Timeout(connect=30.0, read=180.0, write=60.0, pool=60.0)
"""How long a provider may take, in seconds: to connect, for each piece of an answer, to read a
piece of a request; and how long a request may wait for a connection."""

_VARIABLE = re.compile(r"`([A-Z][A-Z0-9_]+)`")
_KEEPALIVE_S = 60.0


def http_client(connections: int) -> httpx2.AsyncClient:
    """Return a client for a provider, whose connections outlive requests and ticks.

    Args:
        connections: How many there may be at a time.
    """
    limits = httpx2.Limits(
        max_connections=connections,
        max_keepalive_connections=connections,
        keepalive_expiry=_KEEPALIVE_S,
    )
    return create_async_httpx2_client(timeout=TIMEOUT, limits=limits)


def model_of(name: str, http: httpx2.AsyncClient) -> Model:
    """Return the model of that name.

    Args:
        name: Such as ``anthropic:claude-sonnet-5-5``, ``openai:gpt-5`` or ``ollama:qwen3``.
        http: What requests go through, where the provider takes it.

    Raises:
        SettingsError: There is no such provider, its library is not installed, or the environment
            variable with its key is not set.
    """

    def provider(kind: str) -> Provider[Any]:
        if kind.startswith("gateway/"):
            return infer_provider(kind)
        made = infer_provider_class(kind)
        takes_http = "http_client" in inspect.signature(made).parameters
        return made(http_client=http) if takes_http else made()  # type: ignore[call-arg]

    if parse_model_id(name)[0] is None:
        raise SettingsError(
            f"{name!r} is not the name of a model; write PROVIDER:MODEL, such as "
            "anthropic:claude-sonnet-5-5, openai:gpt-5 or ollama:qwen3"
        )
    try:
        return infer_model(name, provider)
    except UserError as error:
        raise SettingsError(_advice(name, str(error))) from None
    except (ImportError, ValueError) as error:
        raise SettingsError(f"the model {name} cannot be used: {error}") from None


def _advice(name: str, reason: str) -> str:
    if variable := _VARIABLE.search(reason):
        return f"to use {name}, set the environment variable {variable[1]}"
    return f"the model {name} cannot be used: {reason}"

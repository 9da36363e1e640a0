"""How MCP clients are told of a gateway: each in its own words, filled in and ready to paste."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

MCP_REMOTE: Final = "mcp-remote@0.15.1"
"""What Claude Desktop reaches a gateway through, because it only starts programs."""

_NAME = "mana"
_AUTHORIZATION = "Authorization"
_SPACE = "X-Mana-Space"


class McpClient(StrEnum):
    """A client that can be told of a gateway."""

    CLAUDE_CODE = "claude-code"
    CLAUDE_DESKTOP = "claude-desktop"
    VSCODE = "vscode"


@dataclass(frozen=True)
class Setup:
    """What a client is given.

    Attributes:
        text: The configuration, or the command that makes it.
        advice: Where it goes, in one sentence.
    """

    text: str
    advice: str


def setup(client: McpClient, url: str, token: str, space_id: str | None = None) -> Setup:
    """Return how *client* connects to a gateway.

    Args:
        client: Which one.
        url: The gateway's MCP endpoint.
        token: What it shows.
        space_id: The space that it acts in; the user's own when None.
    """
    headers = {_AUTHORIZATION: f"Bearer {token}"}
    if space_id is not None:
        headers[_SPACE] = space_id
    return _SETUPS[client](url, headers)


def _claude_code(url: str, headers: Mapping[str, str]) -> Setup:
    words = ["claude", "mcp", "add", "--transport", "http", _NAME, url]
    for name, value in headers.items():
        words += ["--header", f"{name}: {value}"]
    return Setup(shlex.join(words), "Type this into a shell; `claude mcp remove mana` undoes it.")


def _claude_desktop(url: str, headers: Mapping[str, str]) -> Setup:
    # On Windows it splits arguments at white space, and anybody may read them: the values are not
    # among them.
    variables = {name: f"MANA_{name.upper().replace('-', '_')}" for name in headers}
    args = ["-y", MCP_REMOTE, url, "--transport", "http-only"]
    for name, variable in variables.items():
        args += ["--header", f"{name}:${{{variable}}}"]
    env = {variables[name]: value for name, value in headers.items()}
    text = _in_three_lines("mcpServers", {"command": "npx", "args": args, "env": env})
    return Setup(text, "Put this into claude_desktop_config.json, and start Claude Desktop again.")


def _vscode(url: str, headers: Mapping[str, str]) -> Setup:
    text = _in_three_lines("servers", {"type": "http", "url": url, "headers": dict(headers)})
    return Setup(text, "Put this into .vscode/mcp.json, and start the server that it shows there.")


_SETUPS: Final[Mapping[McpClient, Callable[[str, Mapping[str, str]], Setup]]] = {
    McpClient.CLAUDE_CODE: _claude_code,
    McpClient.CLAUDE_DESKTOP: _claude_desktop,
    McpClient.VSCODE: _vscode,
}


def _in_three_lines(member: str, server: Mapping[str, Any]) -> str:
    return f'{{"{member}": {{\n  "{_NAME}": {json.dumps(server)}\n}}}}'

"""Where sessions are held: in a scratch folder, within limits, and gone without a trace."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from claude_agent_sdk import ClaudeAgentOptions, ClaudeSDKClient
from claude_agent_sdk.types import McpSdkServerConfig
from mcp.server import Server

from mana_lab.errors import BudgetExhaustedError, ProviderUnavailableError
from mana_lab.runner.claude.places import Places
from mana_lab.runner.claude.process import Process, finished
from mana_lab.runner.claude.server import SERVER
from mana_lab.runner.claude.session import Session
from mana_lab.runner.meter import Meter, Usage
from mana_lab.runner.playing.limits import Allowance

_SETTINGS = {
    "CLAUDE_CODE_DISABLE_ATTACHMENTS": "1",  # they tell the real date, the folder and the budget
    "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
    "CLAUDE_CODE_DISABLE_BUNDLED_SKILLS": "1",
    "CLAUDE_CODE_DISABLE_CLAUDE_MDS": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_ENTRYPOINT": "sdk-py",
    "CLAUDE_CODE_SDK_READS_SESSION_STATE": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_TELEMETRY": "1",
    "ENABLE_TOOL_SEARCH": "false",  # Claude is told of all tools at once, as other models are
}
_FLAGS = (
    "--output-format=stream-json",
    "--input-format=stream-json",
    "--verbose",
    "--bare",  # no hooks, plug-ins, memory, keychain or requests in the background
    "--no-session-persistence",
    "--disable-slash-commands",
    "--strict-mcp-config",
    "--setting-sources=",
    "--tools=",
    "--permission-mode=dontAsk",
)


@dataclass(frozen=True)
class Desk:
    """What all sessions of a brain share.

    Attributes:
        program: Claude Code.
        model: Which Claude is asked.
        environment: What its processes have in their environment besides our settings.
        places: How many sessions there may be at a time.
        answer_tokens: How many tokens one answer may have.
        retries: How often Claude Code asks again where the provider does not answer.
        timeout_s: How long a session may take, in seconds; then it is killed.
    """

    program: Path
    model: str
    environment: Mapping[str, str]
    places: Places
    answer_tokens: int
    retries: int
    timeout_s: float

    @asynccontextmanager
    async def session(
        self,
        instructions: str,
        allowance: Allowance,
        meter: Meter,
        *,
        turns: int,
        tools: Server[Any] | None = None,
    ) -> AsyncIterator[Session]:
        """Open a session; its process and its folder are gone when the context ends.

        What it may take at the most is reserved before, and what it took is counted after; a
        session that was killed before it said so counts in full.

        Args:
            instructions: The system prompt.
            allowance: What it may take.
            meter: Counts what it takes.
            turns: How many answers there may be to one question.
            tools: The one MCP server that Claude has; None for no tools at all.

        Raises:
            BudgetExhaustedError: The persona or the run may take no more.
            ProviderUnavailableError: Claude Code ended by itself, or took too long.
        """
        limit = allowance.cost_usd
        if limit is not None and limit <= 0:
            raise BudgetExhaustedError(
                "a session with Claude costs something, and nothing is allowed; raise the limits "
                "of the brain, ModelLimits(…)",
                scope="tick",
            )
        at_most = Usage(allowance.requests, allowance.tokens, 0, limit or Decimal(0))
        async with self.places.one():
            with _scratch() as folder:
                command = self._command(folder, instructions, limit, turns, tools)
                process = Process(command, self._environment(folder), folder)
                await meter.reserve(at_most)
                session = Session(ClaudeSDKClient(_options(tools), process))
                try:
                    async with self._opened(session, process):
                        yield session
                finally:
                    used = at_most if session.used is None else session.used
                    await finished(meter.settle(used))

    @asynccontextmanager
    async def _opened(self, session: Session, process: Process) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self.timeout_s) as timeout:
                await session.client.connect()
                yield
        except TimeoutError:
            if not timeout.expired():
                raise
            raise ProviderUnavailableError(
                f"Claude Code was killed: its session took more than {self.timeout_s:g} seconds; "
                "give more with ClaudeBrain(timeout_s=…)"
            ) from None
        finally:
            process.kill()  # before anything is waited for, which may be cancelled
            await finished(session.client.disconnect())
            await process.close()

    def _command(
        self,
        folder: Path,
        instructions: str,
        cost_usd: Decimal | None,
        turns: int,
        tools: Server[Any] | None,
    ) -> list[str]:
        prompt = folder / "system-prompt.txt"
        prompt.write_text(instructions, encoding="utf-8")
        command = [str(self.program), *_FLAGS, f"--model={self.model}", f"--max-turns={turns}"]
        command.append(f"--system-prompt-file={prompt}")
        if cost_usd is not None:
            command.append(f"--max-budget-usd={cost_usd:f}")
        if tools is not None:
            servers = {SERVER: {"type": "sdk", "name": SERVER}}
            command.append(f"--mcp-config={json.dumps({'mcpServers': servers})}")
            command.append(f"--allowedTools=mcp__{SERVER}")
        return command

    def _environment(self, folder: Path) -> dict[str, str]:
        return {
            **self.environment,
            **_SETTINGS,
            "CLAUDE_CODE_MAX_OUTPUT_TOKENS": str(self.answer_tokens),
            "CLAUDE_CODE_MAX_RETRIES": str(self.retries),
            "CLAUDE_CONFIG_DIR": str(folder / "claude"),
            "HOME": str(folder),
            "TMPDIR": str(folder),
        }


def _options(tools: Server[Any] | None) -> ClaudeAgentOptions:
    """Return what the SDK itself is to know; the command says the rest."""
    options = ClaudeAgentOptions(setting_sources=[], verbatim_prompts=True)
    if tools is not None:
        options.mcp_servers = {SERVER: McpSdkServerConfig(type="sdk", name=SERVER, instance=tools)}
    return options


@contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mana-claude-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)

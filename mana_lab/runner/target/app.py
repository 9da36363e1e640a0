"""A foreign server as one persona uses it: every call is audited."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from mana_lab.clock import Clock
from mana_lab.errors import ManaLabError, NotFoundError, ServiceUnavailableError
from mana_lab.identity.wire import Space
from mana_lab.runner.audited import AuditedCalls
from mana_lab.runner.calls import CallOutcome, ToolInfo
from mana_lab.runner.listing import every_tool
from mana_lab.runner.recorder import Recorder
from mana_lab.runner.target.offer import Offered
from mana_lab.runner.target.server import Line
from mana_lab.runner.target.words import FOREIGN

_LAST_WORD_S = 10.0


class TargetApp:
    """One persona who uses a server that is not Mana.

    Args:
        line: Their connection.
        offer: What the server offers them, by name, sorted.
        recorder: Where the audit collects.
        clock: Measures latencies.
    """

    shared_spaces: tuple[Space, ...] = ()
    """The server has no spaces."""

    def __init__(
        self, line: Line, offer: Mapping[str, Offered], recorder: Recorder, clock: Clock
    ) -> None:
        self.line = line
        self.recorder = recorder
        self._offer = offer
        self._calls = AuditedCalls(recorder, clock, FOREIGN)
        self._doubtful = False

    async def tools(self) -> list[ToolInfo]:
        """Return the tools on offer, sorted by name."""
        return [offered.info for offered in self._offer.values()]

    async def call(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        space_id: str | None = None,
    ) -> CallOutcome:
        """Call a tool; the audit has a row of it, whatever became of it.

        Args:
            name: The tool, as the server calls it.
            arguments: Its arguments.
            space_id: None: the server has no spaces.

        Returns:
            What the tool returned or why it failed; a failed call raises nothing.
        """
        offered = self._offer.get(name)
        outcome = await self._calls.call(
            self.line.client if space_id is None else _no_space,
            name,
            arguments,
            tool_hash=None if offered is None else offered.hash,
        )
        if outcome.error is not None and outcome.error.code == ServiceUnavailableError.code:
            self._doubtful = True
        return outcome

    async def check(self) -> None:
        """See, where a call did not get through, that the server is there.

        Raises:
            ServiceUnavailableError: It is not.
        """
        if not self._doubtful:
            return
        try:
            async with asyncio.timeout(_LAST_WORD_S):
                await every_tool(await self.line.client(), FOREIGN)
        except (ManaLabError, TimeoutError) as error:
            reason = error.message if isinstance(error, ManaLabError) else "it does not answer"
            raise ServiceUnavailableError(
                f"the server was gone before the tick ended: {reason}"
            ) from None


async def _no_space() -> Any:
    raise NotFoundError("this server has no spaces; call its tools without one")

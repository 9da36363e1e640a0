"""The brain that Claude plays personas with."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import claude_agent_sdk

from mana_lab.closing import Closing
from mana_lab.errors import SettingsError
from mana_lab.runner.brain import Rating, Scene
from mana_lab.runner.calls import Toolbox
from mana_lab.runner.claude.desk import Desk
from mana_lab.runner.claude.judging import Judge
from mana_lab.runner.claude.pairing import check_rows
from mana_lab.runner.claude.places import Places
from mana_lab.runner.claude.visit import Visit
from mana_lab.runner.playing.briefing import Briefing
from mana_lab.runner.playing.hands import Hands
from mana_lab.runner.playing.judgement import touched_modules
from mana_lab.runner.playing.limits import ModelLimits
from mana_lab.runner.playing.memory import rated
from mana_lab.runner.playing.wording import digest
from mana_lab.runner.recorder import Action
from mana_lab.settings import claude_environment

DOLLARS_PER_TICK = Decimal(1)
"""What a tick may cost where nobody says otherwise."""


class ClaudeBrain(Closing):
    """Plays any persona with Claude, through the Claude Agent SDK; an async context manager.

    Each visit and each rating is a session with a Claude Code process of its own, which has no
    tools but the app's, no settings, files or environment of this machine, and is gone afterwards.
    Every call goes through the one audited client; the uses of tools that Claude Code tells of are
    held against those calls. Claude Code counts money after each request, so that a session may
    cost one request more than the limit.

    A session cannot be continued in another process. A tick that was interrupted within a visit is
    lived again from its beginning; what was called then is called under the same idempotency keys.
    A finished visit is kept on the tape as the calls that Claude decided on, and done again.

    Args:
        model: Such as ``claude-sonnet-5-5``.
        limits: What a tick may take; one dollar, if nothing is said.
        environment: Variables with the key and the address to use instead of the process's own.
        places: How many sessions there may be at a time; as many as fit into free memory.
        program: Claude Code, if not the one that comes with the SDK.
        retries: How often Claude Code asks again where the provider does not answer.
        timeout_s: How long a session may take, in seconds; then it is killed.

    Raises:
        SettingsError: There is no key, or no Claude Code.
    """

    name = "claude"

    def __init__(
        self,
        model: str,
        *,
        limits: ModelLimits | None = None,
        environment: Mapping[str, str] | None = None,
        places: Places | None = None,
        program: Path | None = None,
        retries: int = 5,
        timeout_s: float = 300.0,
    ) -> None:
        self.model = model
        self.limits = limits or ModelLimits(cost_usd=DOLLARS_PER_TICK)
        self._desk = Desk(
            program=_installed(program),
            model=model,
            environment=claude_environment(environment),
            places=places or Places(),
            answer_tokens=self.limits.answer_tokens,
            retries=retries,
            timeout_s=timeout_s,
        )

    def __repr__(self) -> str:
        return f"<ClaudeBrain: {self.model}>"

    def require_price(self) -> None:
        """Check that what a tick costs is limited, which limits on more than a tick need.

        Raises:
            SettingsError: It is not.
        """
        if self.limits.cost_usd is None:
            raise SettingsError(
                "what a tick of Claude's may cost is not limited, so that no limit on the money of "
                "a run can be kept; say it with ModelLimits(cost_usd=…)"
            )

    def to_record(self) -> dict[str, Any]:
        """Return as JSON what else than model and tape decides what the brain does."""
        return {"limits": self.limits.to_record()}

    async def use(self, app: Toolbox, scene: Scene) -> None:
        """Spend one tick with the app.

        Raises:
            AuditMismatchError: Claude Code tells of other calls than the audit has.
            BudgetExhaustedError: The persona or the run may take no more.
            ProviderRefusedError: Anthropic does not take the request.
            ProviderUnavailableError: It does not answer, or Claude Code ended or took too long.
        """
        hands = Hands(app, scene, self.limits.calls, self.limits.result_chars)
        functions = await hands.open()
        told = Briefing.of(scene, app.shared_spaces, self.limits.calls, digest(functions))
        scene.memory.prompt_hash = told.digest
        visit = Visit(self._desk, self.limits, hands, functions)
        await visit.run(scene, told)
        visit.farewell.remember(scene)

    async def rate(self, scene: Scene, actions: Sequence[Action]) -> Sequence[Rating]:
        """Rate each module that was touched; an untouched app is not rated, and nobody asked.

        Raises:
            AuditMismatchError: The audit lacks calls of the visit.
            RatingUnreadableError: Two answers could not be taken as they are.
            BudgetExhaustedError: A limit does not admit the session.
            ProviderRefusedError: Anthropic does not take the request.
            ProviderUnavailableError: It does not answer, or Claude Code ended or took too long.
        """
        check_rows(scene, actions)
        if not touched_modules(actions):
            return []
        ratings = await Judge(self._desk, self.limits).rate(scene, actions)
        rated(scene.memory.kept, {rating.module: rating.rating for rating in ratings})
        return ratings

    async def close(self) -> None:
        """Nothing is held between sessions."""


def _installed(program: Path | None) -> Path:
    name = "claude.exe" if os.name == "nt" else "claude"
    found = program or Path(claude_agent_sdk.__file__).parent / "_bundled" / name
    if not found.is_file():
        raise SettingsError(
            f"there is no Claude Code at {found}; install claude-agent-sdk for this platform, or "
            "give another with ClaudeBrain(program=…)"
        )
    return found

"""What it means when Claude Code ends a question other than by an answer."""

from __future__ import annotations

from collections.abc import Sequence

from claude_agent_sdk import ResultMessage

from mana_lab.errors import ManaLabError, ProviderRefusedError, ProviderUnavailableError
from mana_lab.runner.playing.wording import reason_in

_LIMITS = ("error_max_turns", "error_max_budget_usd")
_TRANSIENT_STATUS = (408, 409, 425, 429)
_FINAL_KINDS = ("invalid_request", "model_not_found", "oauth_org_not_allowed")


def check_result(result: ResultMessage, troubles: Sequence[str]) -> None:
    """Check that a question came to its end, or to a limit that we set.

    Args:
        result: What Claude Code says at the end.
        troubles: The kinds of the errors that it spoke of.

    Raises:
        ProviderRefusedError: The provider does not take the request.
        ProviderUnavailableError: It does not answer.
    """
    if result.is_error and result.subtype not in _LIMITS:
        raise _read(result, troubles)


def _read(result: ResultMessage, troubles: Sequence[str]) -> ManaLabError:
    status = result.api_error_status
    said = reason_in(result.result or "; ".join(result.errors or ()) or result.subtype)
    if "max_output_tokens" in troubles:
        return ProviderRefusedError(
            "Claude's answer was longer than it may be; raise ModelLimits(answer_tokens=…)"
        )
    if "billing_error" in troubles:
        return ProviderRefusedError(
            "the account has no credit left for Claude; add some at the provider"
        )
    if status in (401, 403) or "authentication_failed" in troubles:
        return ProviderRefusedError(
            "Anthropic does not take the API key, or gives no access to the model; set the "
            "environment variable ANTHROPIC_API_KEY"
        )
    final = status is not None and 400 <= status < 500 and status not in _TRANSIENT_STATUS
    if final or any(kind in _FINAL_KINDS for kind in troubles):
        return ProviderRefusedError(f"Anthropic does not take the request: {said}")
    return ProviderUnavailableError(f"Anthropic does not answer: {said}")

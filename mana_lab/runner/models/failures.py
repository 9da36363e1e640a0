"""What a failed request means: try again, or give it up, and why."""

from __future__ import annotations

from pydantic_ai.exceptions import (
    ContentFilterError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelHTTPError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelTimeoutError,
    ModelUnavailableError,
    UnexpectedModelBehavior,
    UserError,
)

from mana_lab.errors import ManaLabError, ProviderRefusedError, SettingsError
from mana_lab.runner.models.pace import TryAgainError
from mana_lab.runner.playing.wording import reason_in

FAILURES = (ModelAPIError, UnexpectedModelBehavior, UserError)
"""What pydantic-ai raises when a request fails."""

_TRANSIENT = (408, 409, 425)


def read_failure(error: Exception) -> TryAgainError | ManaLabError:
    """Return what to raise for one of :data:`FAILURES`; no text of it holds a key."""
    if isinstance(error, ModelAuthenticationError):
        return ProviderRefusedError(
            f"the provider of {error.model_name} does not take the API key, or gives no access to "
            "the model; set the environment variable that the provider's library reads"
        )
    if isinstance(error, ModelQuotaExceededError):
        return ProviderRefusedError(
            f"the account has no credit left for {error.model_name}; add some at the provider"
        )
    if isinstance(error, ModelRateLimitError | ModelUnavailableError):
        return TryAgainError(_said(error), refused=True, retry_after_s=error.retry_after)
    if isinstance(error, ModelAPIError) and not _is_final(error):
        return TryAgainError(_said(error), retry_after_s=error.retry_after)
    if isinstance(error, ModelAPIError):
        return ProviderRefusedError(
            f"the provider of {error.model_name} does not take the request: {_said(error)}"
        )
    if isinstance(error, UserError):
        return SettingsError(f"the model cannot be asked like this: {reason_in(str(error))}")
    if isinstance(error, ContentFilterError):
        return ProviderRefusedError("the provider's content filter held the answer back")
    return TryAgainError(f"the answer is not one of its protocol: {reason_in(str(error))}")


def may_be_billed(error: Exception) -> bool:
    """Whether the provider may have done the work, and asks to be paid for it."""
    if isinstance(error, ModelAPIError):
        return error.in_stream or isinstance(error, ModelTimeoutError)
    return isinstance(error, UnexpectedModelBehavior)


def _is_final(error: ModelAPIError) -> bool:
    if isinstance(error, ModelConnectionError) or not isinstance(error, ModelHTTPError):
        return False
    return 400 <= error.status_code < 500 and error.status_code not in _TRANSIENT


def _said(error: ModelAPIError) -> str:
    status = f"HTTP {error.status_code}, " if isinstance(error, ModelHTTPError) else ""
    return status + reason_in(_message_in(error.body) or error.message)


def _message_in(body: object) -> str | None:
    if not isinstance(body, dict):
        return None
    told = body.get("error", body)
    message = told.get("message") if isinstance(told, dict) else told
    return message if isinstance(message, str) else None

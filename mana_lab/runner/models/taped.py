"""A model brain whose model is not there: all that it says is on tape."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import InvalidOperation
from typing import Any, NoReturn

from pydantic_ai.messages import ModelMessage
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.settings import ModelSettings

from mana_lab.errors import InvalidInputError, TapeEndedError
from mana_lab.runner.models.brain import ModelBrain
from mana_lab.runner.models.prices import Price
from mana_lab.runner.playing.limits import ModelLimits


class Absent(Model):
    """A model of which there is only its name.

    Args:
        name: Such as ``anthropic:claude-sonnet-5-5``.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        provider, _, model = name.partition(":")
        self._house = provider
        self._called = model

    @property
    def model_name(self) -> str:
        """Its name at its provider."""
        return self._called

    @property
    def system(self) -> str:
        """Its provider."""
        return self._house

    async def request(
        self,
        messages: list[ModelMessage],  # noqa: ARG002
        model_settings: ModelSettings | None,  # noqa: ARG002
        model_request_parameters: ModelRequestParameters,  # noqa: ARG002
    ) -> NoReturn:
        """Answer nothing.

        Raises:
            TapeEndedError: Always.
        """
        raise TapeEndedError(f"{self.model_id} is on tape only, and is not asked anything new")


def taped_brain(name: str, recorded: Mapping[str, Any]) -> ModelBrain:
    """Return a brain that plays what is on tape of a model, with the limits that held then.

    Args:
        name: The model's.
        recorded: What :meth:`ModelBrain.to_record` gave; empty for the usual limits.

    Raises:
        InvalidInputError: It is not that.
    """
    try:
        limits = ModelLimits(**(recorded.get("limits") or {}))
        price = Price(**recorded["price"]) if recorded.get("price") else None
    except (TypeError, InvalidOperation):
        raise InvalidInputError("what is recorded of the brain is not that of a model") from None
    return ModelBrain(Absent(name), limits=limits, price=price)

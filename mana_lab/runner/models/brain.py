"""The brain that a language model plays personas with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import httpx2
from pydantic_ai.models import Model
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from mana_lab.closing import Closing
from mana_lab.errors import SettingsError
from mana_lab.registry.lru import LruMap
from mana_lab.runner.brain import Rating, Scene
from mana_lab.runner.calls import Toolbox
from mana_lab.runner.models.asking import Line, TickModel
from mana_lab.runner.models.flow import Flow
from mana_lab.runner.models.judging import Judge
from mana_lab.runner.models.pace import Pace
from mana_lab.runner.models.prices import Price, pricing_of
from mana_lab.runner.models.providers import TIMEOUT, http_client, model_of
from mana_lab.runner.models.toolset import definitions
from mana_lab.runner.models.visit import Visit
from mana_lab.runner.playing.briefing import Briefing
from mana_lab.runner.playing.hands import Hands
from mana_lab.runner.playing.judgement import touched_modules
from mana_lab.runner.playing.limits import Allowance, ModelLimits
from mana_lab.runner.playing.memory import rated
from mana_lab.runner.playing.wording import digest
from mana_lab.runner.recorder import Action

_MOST_CONNECTIONS = 100
_MOST_OFFERS = 8


class ModelBrain(Closing):
    """Plays any persona with a language model; an async context manager.

    One instance plays all personas of a run, and runs one after the other: they share its
    connections and the pace at which its provider takes requests. The model is told who the person
    is, what they remember, and what day it is, and calls the app's tools as functions. What the
    same brain plays with the same seed may differ, as models do; a tape makes it the same.

    Args:
        model: A name such as ``anthropic:claude-sonnet-5-5``, ``openai:gpt-5`` or
            ``ollama:qwen3``, or a model of pydantic-ai, which is not closed here.
        limits: What a tick may take.
        price: What tokens cost, for a model that pydantic-ai's table does not know.
        pace: How requests are paced and tried again; may be shared by several brains.
        stream: Whether answers come in pieces, which some proxies need for long ones.
        settings: More settings of pydantic-ai, such as ``{"temperature": 0.7}``; how long an
            answer may be is among the limits.

    Raises:
        SettingsError: There is no such provider, its library or the key that it reads from the
            environment is missing, or *limits* are about money and nobody knows the price.
    """

    name = "model"

    def __init__(
        self,
        model: str | Model,
        *,
        limits: ModelLimits | None = None,
        price: Price | None = None,
        pace: Pace | None = None,
        stream: bool = False,
        settings: ModelSettings | None = None,
    ) -> None:
        self.limits = limits or ModelLimits()
        self._http: httpx2.AsyncClient | None = None
        if isinstance(model, str):
            self._http = http_client(_MOST_CONNECTIONS)
            known = model_of(model, self._http)
            self.model = model
        else:
            known = model
            self.model = known.model_id
        self._line = Line(
            model=known,
            name=self.model,
            pricing=price or pricing_of(known),
            pace=pace or Pace(),
            answer_tokens=self.limits.answer_tokens,
            stream=stream,
        )
        self._offers = LruMap[str, list[ToolDefinition]](_MOST_OFFERS)
        self._settings = _settings(self.limits, settings)
        if self.limits.cost_usd is not None:
            self.require_price()

    def __repr__(self) -> str:
        return f"<ModelBrain: {self.model}>"

    def require_price(self) -> None:
        """Check that what requests cost is known, which limits on money need.

        Raises:
            SettingsError: Nobody knows.
        """
        if self._line.pricing is None:
            raise SettingsError(
                f"what {self.model} costs is not known, so that no limit on money can be kept; "
                "say it with ModelBrain(price=Price(input_usd=…, output_usd=…)), in US dollars "
                "per million tokens"
            )

    def to_record(self) -> dict[str, Any]:
        """Return as JSON what else than model and tape decides what the brain does."""
        price = self._line.pricing
        given = price if isinstance(price, Price) else None
        prices = given and {
            "input_usd": str(given.input_usd),
            "output_usd": str(given.output_usd),
        }
        return {"limits": self.limits.to_record(), "price": prices}

    async def use(self, app: Toolbox, scene: Scene) -> None:
        """Spend one tick with the app.

        Raises:
            BudgetExhaustedError: The persona or the run may take no more.
            ProviderRefusedError: The model's provider does not take the request.
            ProviderUnavailableError: It does not answer.
        """
        hands = Hands(app, scene, self.limits.calls, self.limits.result_chars)
        tools, offer = self._shared(await hands.open())
        told = Briefing.of(scene, app.shared_spaces, self.limits.calls, offer)
        scene.memory.prompt_hash = told.digest
        visit = Visit(self._for(scene, self.limits.for_use()), self._settings, hands)
        await visit.run(told.instructions, told.opening, tools)
        visit.farewell.remember(scene)

    async def rate(self, scene: Scene, actions: Sequence[Action]) -> Sequence[Rating]:
        """Rate each module that was touched; an untouched app is not rated, and nobody asked.

        Raises:
            RatingUnreadableError: Two answers could not be taken as they are.
            BudgetExhaustedError: A limit does not admit the request.
            ProviderRefusedError: The model's provider does not take the request.
            ProviderUnavailableError: It does not answer.
        """
        if not touched_modules(actions):
            return []
        judge = Judge(self._for(scene, self.limits.for_ratings()), self._settings)
        ratings = await judge.rate(scene, actions)
        rated(scene.memory.kept, {rating.module: rating.rating for rating in ratings})
        return ratings

    async def close(self) -> None:
        """Let go of the connections; again is harmless."""
        if self._http is not None:
            await self._http.aclose()

    def _shared(self, functions: Sequence[Mapping[str, Any]]) -> tuple[list[ToolDefinition], str]:
        """Return the one copy that all personas share who are offered *functions*; a hash, too.

        Each of them reads the list anew, half a megabyte of it.
        """
        offer = digest(list(functions))
        shared = self._offers.get(offer)
        if shared is None:
            self._offers.put(offer, shared := definitions(functions))
        return shared, offer

    def _for(self, scene: Scene, allowance: Allowance) -> TickModel:
        return TickModel(self._line, allowance, scene.meter, scene.tape, scene.random)


def model_brain(
    spec: str, *, limits: ModelLimits | None = None, flow: Flow | None = None
) -> ModelBrain:
    """Return the brain that a command's option names.

    Args:
        spec: Such as ``anthropic:claude-sonnet-5-5``.
        limits: What a tick may take.
        flow: Says when requests may be made; one of this process when None.

    Raises:
        SettingsError: See :class:`ModelBrain`.
    """
    return ModelBrain(spec.strip(), limits=limits, pace=Pace(flow))


def _settings(limits: ModelLimits, more: ModelSettings | None) -> ModelSettings:
    """Return how requests are to be made: cached where that costs less, tried again by us only."""
    usual = ModelSettings(
        max_retries=0,
        cache=True,
        timeout=TIMEOUT,  # type: ignore[typeddict-item]  # those of httpx2 are taken, too
    )
    return cast(ModelSettings, {**usual, **(more or {}), "max_tokens": limits.answer_tokens})

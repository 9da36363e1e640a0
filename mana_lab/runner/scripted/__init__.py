"""The scripted brain: a seeded script per archetype, without network or language model.

Its ratings are a function of what happened to it. They show where a persona got stuck and are no
opinions of users.
"""

from __future__ import annotations

from collections.abc import Sequence

from mana_lab.runner.brain import Rating, Scene
from mana_lab.runner.calls import Toolbox
from mana_lab.runner.recorder import Action
from mana_lab.runner.scripted.archetypes import ARCHETYPES, Behavior, Temper, behavior_of
from mana_lab.runner.scripted.memory import recall
from mana_lab.runner.scripted.mind import Mind
from mana_lab.runner.scripted.opinion import rate_module
from mana_lab.runner.scripted.visit import Visit
from mana_lab.runner.scripted.voices import voice_of

__all__ = ["ARCHETYPES", "Behavior", "ScriptedBrain", "Temper", "behavior_of"]


class ScriptedBrain:
    """Plays any persona, by archetype and traits; the same scene and answers give the same calls.

    It reads the list of tools as any client does and fills in their arguments from their JSON
    Schemas, so that it can use tools that it has never heard of.
    """

    name = "scripted"
    model: str | None = None

    async def use(self, app: Toolbox, scene: Scene) -> None:
        """Spend one tick with the app."""
        behavior = behavior_of(scene.persona)
        voice = voice_of(scene.persona.slug)
        mind = Mind(scene, behavior)
        visit = Visit(app, scene, await app.tools(), behavior, voice, mind)
        for _ in range(scene.random.randint(*behavior.steps)):
            await visit.step()
            if mind.patience.reason:
                break
        scene.memory.kept = mind.kept()
        scene.memory.gave_up = mind.patience.reason

    async def rate(self, scene: Scene, actions: Sequence[Action]) -> Sequence[Rating]:
        """Rate each module that was touched, by what happened there."""
        temper = behavior_of(scene.persona).temper
        modules = dict.fromkeys(action.module for action in actions)
        returned = recall(scene.memory.kept).returned
        last = actions[-1].module if actions and scene.memory.gave_up else None
        return [
            rate_module(
                module,
                [action for action in actions if action.module == module],
                scene.memory,
                temper,
                left=module == last,
                returned=returned.get(module, 0),
            )
            for module in modules
        ]

"""A run that was kept: read without its lab, without the app and without a network."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import ValidationError

from mana_lab.errors import InvalidInputError, RunFolderError
from mana_lab.identity.wire import DuePersona
from mana_lab.lab.manifest import Manifest, checked_manifest
from mana_lab.lab.reading import Reading
from mana_lab.lab.replays import Replay, difference_of_frames, lived_on_tape
from mana_lab.lab.taped import read_tape
from mana_lab.personas import Catalog, load_catalog
from mana_lab.runner import Brain
from mana_lab.runner.ledger_tape import RunTape
from mana_lab.runner.replay.brains import brain_on_tape
from mana_lab.runner.replay.comparing import first_difference
from mana_lab.runner.replay.reliving import Relived, relive

if TYPE_CHECKING:
    import pandas as pd

    from mana_lab.analysis import Frames, Source


_NEEDED = {
    "actions": ("seq", "tool_name", "id", "tick_id"),
    "personas": ("persona", "email", "archetype", "system_prompt", "tick_cadence", "user_id"),
    "ratings": ("module", "rating", "id", "tick_id"),
    "runs": ("run", "id"),
    "ticks": ("email", "tick", "scheduled_at", "status", "id"),
}


class RunFolder(Reading):
    """A run that was kept with :meth:`Lab.keep_run`; open one with :meth:`open`.

    It has the frames, SQL, charts, summary and report of a lab, for its one run. Times at which
    rows were written (``created_at``) are not kept.

    Attributes:
        path: The folder.
        manifest: What run it is, and with which versions it was recorded.
    """

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open a folder, when it is as it was written.

        Args:
            path: The folder.

        Raises:
            RunFolderError: It is no run folder, of another version, or a file was changed, added
                or taken away; the message names it.
        """
        folder = Path(path)
        return cls(folder, checked_manifest(folder))

    def __repr__(self) -> str:
        run = self.manifest.run
        model = f" ({run.model})" if run.model else ""
        app = "with its app" if run.app_on_tape else "without its app"
        return f"<RunFolder: run {run.number}, seed {run.seed}, brain {run.brain}{model}, {app}>"

    @cached_property
    def catalog(self) -> Catalog:
        """The personas of the run and what they share, to seed a lab with them."""
        return load_catalog(self.path / "catalog.json")

    @cached_property
    def tape(self) -> RunTape:
        """What models and the app said.

        Raises:
            RunFolderError: The tape is damaged.
        """
        return read_tape(self.path, self.manifest.run.id, self.warehouse.ticks_df())

    def brain(self) -> Brain:
        """Return what played the run, with the tape for a model.

        Raises:
            InvalidInputError: A person played it, or a brain of somebody's own.
            SettingsError: A library is missing that it needs.
        """
        run, recording = self.manifest.run, self.manifest.recording
        return brain_on_tape(run.brain, run.model, {} if recording is None else recording.brain)

    async def replay(self, brain: Brain | None = None) -> Replay:
        """Live the run once more without any app: all answers come from the tape.

        The same code of the brain and the tick runs again, with the same ids, so that the calls
        and ratings are the very same rows, or the first difference is named.

        Args:
            brain: What plays; by default what played then. It asks no model.

        Raises:
            InvalidInputError: The app was not recorded, or nobody but the caller has the brain.
            RunFolderError: The tape is damaged.
        """
        if not self.manifest.run.app_on_tape:
            raise InvalidInputError(
                "this run was not recorded with its app; record one with lab.run(record=True), or "
                "replay its model in a lab: lab.replay(folder)"
            )
        run = self.manifest.run
        was = lived_on_tape(self.tape, self.warehouse)
        relived = await relive(self.tape, run.id, run.seed, self._people(), brain or self.brain())
        actions, feedback = self._frames(relived)
        return Replay(
            "all",
            len(relived.ticks),
            len(actions),
            first_difference(was, relived.ticks)
            or difference_of_frames("actions", self.actions_df(), actions)
            or difference_of_frames("ratings", self.feedback_df(), feedback),
            actions,
            feedback,
        )

    def _people(self) -> list[DuePersona]:
        from mana_lab.analysis.columns import TRAITS

        fields = ("user_id", "email", "archetype", "system_prompt", "module_mix", "tick_cadence")
        found = []
        for row in self.personas_df().to_dict("records"):
            given: dict[str, Any] = {name: row[name] for name in fields} | {"name": row["persona"]}
            for name in ("language", "timezone"):
                given[name] = row[name] if isinstance(row[name], str) else None
            traits = {name: row[name] for name in TRAITS if row[name] == row[name]}
            try:
                found.append(DuePersona(**given, traits=traits or None))
            except ValidationError:
                raise RunFolderError("personas.parquet: has somebody who is no persona") from None
        return found

    def _frames(self, relived: Relived) -> tuple[pd.DataFrame, pd.DataFrame]:
        from mana_lab.analysis.frames import actions_of, feedback_of

        context = self._kept.known
        actions = [{"persona_id": who} | record.model_dump() for who, record in relived.actions]
        ratings = [
            {"persona_id": who, "id": f"{record.tick_id}-{record.module}"} | record.model_dump()
            for who, record in relived.feedback
        ]
        return actions_of(actions, context), feedback_of(ratings, context)

    def _source(self) -> Source:
        return self._kept

    @cached_property
    def _kept(self) -> Frames:
        from mana_lab.analysis import Frames
        from mana_lab.analysis.columns import FRAMES
        from mana_lab.analysis.frames import Context
        from mana_lab.analysis.parquet import read_parquet

        read = {
            name: read_parquet(self.path / f"{name}.parquet", kinds)
            for name, kinds in FRAMES.items()
        }
        for name, needed in _NEEDED.items():
            for column in needed:
                if read[name][column].isna().any():
                    raise RunFolderError(f"{name}.parquet: has a row without {column}")
        context = Context(read["personas"], read["runs"], read["ticks"])
        return Frames(context, read["actions"], read["ratings"])

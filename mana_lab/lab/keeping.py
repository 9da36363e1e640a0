"""Keeping: a run as a folder that can be read, and replayed, on any machine."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, SupportsIndex

from mana_lab.errors import ConflictError
from mana_lab.lab.manifest import FILES, MANIFEST, KeptRun, Manifest, kept_file
from mana_lab.lab.recording import Recording
from mana_lab.lab.taped import (
    MEMORY,
    OFFERS,
    TAPE,
    memory_text,
    offer_lines,
    tape_lines,
    write_lines,
)
from mana_lab.lab.whole import new_folder
from mana_lab.personas import Catalog, catalog_json
from mana_lab.runner import Ledger, Run
from mana_lab.runner.ledger_tape import RunTape

if TYPE_CHECKING:
    import pandas as pd

    from mana_lab.analysis import Warehouse
    from mana_lab.lab.run_folder import RunFolder


class Keeping(ABC):
    """A lab whose runs can be kept."""

    catalog: Catalog
    _ledger: Ledger

    @property
    @abstractmethod
    def warehouse(self) -> Warehouse:
        """The data for reading."""

    @abstractmethod
    async def reopen(self, run: str | SupportsIndex) -> Run:
        """Return a run as the ledger has it."""

    async def keep_run(self, run: Run | str | SupportsIndex, folder: str | Path) -> RunFolder:
        """Keep a run as a folder that can be read without the lab, and replayed.

        It has the calls, ratings, personas and ticks as Parquet, the catalog, the tape, and a
        manifest with versions, seed and hashes. The same run gives the same bytes. No password,
        token or key is in it; but the tape of a recorded run has in plain what personas wrote.

        Args:
            run: The run, its id or its number.
            folder: Where to; it must not be there yet, and is there whole or not at all.

        Returns:
            The folder, opened.

        Raises:
            NotFoundError: There is no such run.
            ConflictError: The run is not over, or the folder is there already.
            SettingsError: The folder cannot be written.
        """
        from mana_lab.lab.run_folder import RunFolder

        known = await self.reopen(run.id if isinstance(run, Run) else run)
        if known.status == "running" or known.open_ticks:
            raise ConflictError(
                "the run has ticks that have not ended; finish it with await lab.resume() and keep "
                "it then"
            )
        tape = await self._ledger.tape_of(known.id)
        plan = await self._ledger.plan(known.id)
        frames = kept_frames(self.warehouse, known.id)
        kept = KeptRun(
            id=known.id,
            number=int(frames["runs"]["run"].iloc[0]),
            seed=known.seed,
            brain=known.brain,
            model=known.model,
            starts_at=known.starts_at,
            ends_at=known.ends_at,
            participants=None if plan.participants is None else sorted(plan.participants),
            status=known.status,
            app_on_tape=plan.app_on_tape,
        )
        recording = None if plan.recording is None else Recording(**plan.recording)
        target = Path(folder)
        await asyncio.to_thread(
            _write, target, kept, recording, frames, tape, catalog_json(self.catalog)
        )
        return RunFolder.open(target)


def kept_frames(warehouse: Warehouse, run: str) -> dict[str, pd.DataFrame]:
    """Return what is kept of a run, by file, without what real clocks said."""
    import pandas as pd

    personas, ticks = warehouse.personas_df(), warehouse.ticks_df(run)
    latest = ticks.groupby("email")["scheduled_at"].max()
    personas["last_active_at"] = personas["email"].map(latest).astype(ticks["scheduled_at"].dtype)
    frames = {
        "actions": warehouse.actions_df(run),
        "personas": personas,
        "ratings": warehouse.feedback_df(run),
        "runs": warehouse.runs_df(run),
        "ticks": ticks,
    }
    for frame in frames.values():
        if "created_at" in frame:
            frame["created_at"] = pd.Series(pd.NaT, frame.index, dtype=frame["created_at"].dtype)
    return frames


def _write(
    target: Path,
    run: KeptRun,
    recording: Recording | None,
    frames: dict[str, pd.DataFrame],
    tape: RunTape,
    catalog: str,
) -> None:
    from mana_lab.analysis.columns import FRAMES
    from mana_lab.analysis.parquet import writing

    with new_folder(target) as folder:
        with writing() as parquet:
            for name, frame in frames.items():
                parquet.write(frame, FRAMES[name], folder / f"{name}.parquet")
        write_lines(folder / TAPE, tape_lines(run.id, tape))
        write_lines(folder / OFFERS, offer_lines(tape))
        write_lines(folder / MEMORY, [memory_text(tape)])
        write_lines(folder / "catalog.json", [catalog])
        files = {name: kept_file(folder / name) for name in FILES}
        manifest = Manifest(run=run, recording=recording, files=files)
        write_lines(folder / MANIFEST, [manifest.text()])

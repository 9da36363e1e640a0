"""``play``: a person lives a persona's next tick."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from mana_lab.commands.console import INTERRUPTED, finish, say
from mana_lab.commands.desk import TerminalDesk
from mana_lab.commands.keyboard import Keyboard
from mana_lab.commands.options import HERE, FewDays, Folder, existing_lab, open_lab, typed
from mana_lab.commands.screen import Screen
from mana_lab.errors import InfrastructureError, UnknownPersonaError
from mana_lab.identity.cadence import is_due
from mana_lab.lab import Lab
from mana_lab.notebook import silent
from mana_lab.personas import Persona
from mana_lab.runner import Run
from mana_lab.runner.human import HumanBrain
from mana_lab.runner.schedule import instants

_LONGEST_WAIT = timedelta(days=8)
_HOUR = timedelta(hours=1)


def play(
    persona: Annotated[str, typer.Argument(help="Name or e-mail address, such as anna.")],
    folder: Folder = HERE,
    days: FewDays = None,
) -> None:
    """Play a persona yourself: use the app with the tools that they have, then rate it.

    You are told who you are and asked for one thing after the other, in a terminal or over a
    pipe. The other personas do nothing meanwhile.

    For example: python -m mana_lab play anna --dir my-lab
    """
    finish(_play(folder, persona, days))


async def _play(folder: Path, name: str, days: float | None) -> None:
    keyboard = Keyboard()
    desk = TerminalDesk(Screen(keyboard))
    async with await open_lab(existing_lab(folder), silent) as lab:
        persona = lab.catalog.get(name)
        moment = _next_tick(lab, persona, folder)
        ends_at = moment + _HOUR if days is None else lab.clock.now() + timedelta(days=days)
        with keyboard.leaving_on_ctrl_c():
            run = await _live(lab, persona, ends_at, desk)
        if run is not None:
            _check(lab, run)
    if keyboard.interrupted:
        raise typer.Exit(INTERRUPTED)
    if keyboard.has_left:
        typer.echo("the input ended before the tick did; what was called is kept", err=True)
        raise typer.Exit(1)
    if not desk.sittings:
        say(f"{persona.name} is not due before {moment:%Y-%m-%d %H:%M} UTC.")
    say(f"Play on:  {typed('play', persona.slug, '--dir', folder)}")
    say(f"See all:  {typed('report', '--dir', folder)}")


async def _live(lab: Lab, persona: Persona, ends_at: datetime, desk: TerminalDesk) -> Run | None:
    """Live until *ends_at*; None if the person left while there were ticks to come."""
    brain = HumanBrain(desk)
    living = asyncio.create_task(lab.run(until=ends_at, personas=[persona.email], brain=brain))
    deserted = asyncio.create_task(desk.deserted())
    try:
        await asyncio.wait({living, deserted}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        deserted.cancel()
        if not living.done():
            living.cancel()
            with suppress(asyncio.CancelledError):
                await living
    return None if living.cancelled() else living.result()


def _check(lab: Lab, run: Run) -> None:
    """Fail if a tick of *run* failed."""
    query = "SELECT error FROM ticks WHERE run_id = $run AND status = 'failed'"
    errors = lab.sql(query, run=run.id)["error"]
    if len(errors):
        raise InfrastructureError(f"a tick failed, and what was called is kept: {errors.iloc[0]}")


def _next_tick(lab: Lab, persona: Persona, folder: Path) -> datetime:
    """Return the full hour at which the persona is due next, or the present moment.

    Raises:
        UnknownPersonaError: They are not seeded.
    """
    import pandas as pd

    people = lab.personas_df()
    rows = people[people["email"] == persona.email].to_dict("records")
    if not rows:
        raise UnknownPersonaError(
            f"{persona.name} is not seeded in {folder} yet; do it with: "
            f"{typed('seed', '--dir', folder)}"
        )
    row, now = rows[0], lab.clock.now()
    active = row["last_active_at"]
    last = None if pd.isna(active) else active.to_pydatetime()
    hours = instants(now, now + _LONGEST_WAIT)
    return next(hour for hour in hours if is_due(row["tick_cadence"], row["timezone"], last, hour))

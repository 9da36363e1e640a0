"""What all commands share: results on standard output, progress and refusals on standard error."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from mana_lab.display import visible
from mana_lab.errors import InvalidInputError, ManaLabError
from mana_lab.notebook import Progress as Tell

T = TypeVar("T")
INTERRUPTED = 130


def say(text: str) -> None:
    """Write one line of results."""
    typer.echo(visible(text))


def warn(text: str) -> None:
    """Write one line about what did not go as it was meant to."""
    typer.echo(visible(text), err=True)


def show(table: Table) -> None:
    """Write a table of results."""
    Console().print(table)


def finish(work: Coroutine[Any, Any, T]) -> T:
    """Return what *work* comes to; a failure ends the command with one sentence.

    Args:
        work: What the command does.

    Raises:
        typer.Exit: With status 2 for bad input, 1 for what else failed, 130 for Ctrl-C.
    """
    with refusals():
        return asyncio.run(work)


@contextmanager
def refusals() -> Iterator[None]:
    """Turn errors into one sentence and the command's status."""
    try:
        yield
    except ManaLabError as error:
        warn(error.message)
        raise typer.Exit(2 if isinstance(error, InvalidInputError) else 1) from None
    except BrokenPipeError:  # nobody reads on; typer ends the command quietly
        raise
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        warn(f"{where}{error.strerror or error}")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        typer.echo("stopped; what was finished is kept, and the same command goes on", err=True)
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def progress() -> Iterator[Tell]:
    """Show a bar for each thing that is being done; where nobody watches, a line for each tenth."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    bars = Progress(*columns, TimeElapsedColumn(), console=console)
    tasks: dict[str, Any] = {}

    def tell(label: str, done: int, total: int) -> None:
        if label not in tasks:
            tasks[label] = bars.add_task(label, total=total)
            bars.start()
        bars.update(tasks[label], completed=done, total=total)

    try:
        yield tell
    finally:
        if tasks:
            bars.stop()


def _lines() -> Tell:
    told: dict[str, int] = {}

    def tell(label: str, done: int, total: int) -> None:
        tenth = 10 * done // max(total, 1)
        if told.get(label) != tenth:
            told[label] = tenth
            warn(f"{label} {done}/{total}")

    return tell


def fail_if(failures: dict[str, str], what: str) -> None:
    """End the command with status 1 and the list of *failures*, if there are any.

    Args:
        failures: Who failed, and why.
        what: What could not be done to them.

    Raises:
        typer.Exit: There are failures.
    """
    if not failures:
        return
    for name, reason in failures.items():
        warn(f"{name} could not be {what}: {reason}")
    raise typer.Exit(1)

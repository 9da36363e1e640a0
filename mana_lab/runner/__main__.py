"""The command ``python -m mana_lab.runner``: the runner's service, next to a Mana elsewhere."""

from __future__ import annotations

import asyncio
import logging
import math
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from mana_lab.errors import InvalidInputError, ManaLabError
from mana_lab.runner.brains import CHOICE, SCRIPTED
from mana_lab.runner.budget import Budget
from mana_lab.runner.schedule import check_seed
from mana_lab.runner.service.process import DEFAULT_GRACE_S, Order, serve_runner
from mana_lab.settings import LabSecrets, Settings
from mana_lab.web.addresses import check_url, url_of
from mana_lab.web.foreground import until_stopped
from mana_lab.web.serving import listen

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 3070
DEFAULT_DATA: Final = Path(".mana-runner")
_LONGEST_INTERVAL_S = 86_400


def _finite(value: float | None) -> float | None:
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"must be a number of seconds, got {value:g}")
    return value


command = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@command.command()
def main(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = DEFAULT_HOST,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks a free one.")
    ] = DEFAULT_PORT,
    auth_url: Annotated[
        str | None, typer.Option(help="The identity service; else MANA_AUTH_URL.")
    ] = None,
    mcp_url: Annotated[str | None, typer.Option(help="The MCP gateway; else MANA_MCP_URL.")] = None,
    lab: Annotated[
        Path | None,
        typer.Option(
            help="Folder of a lab that is being served, whose service key and seed secret count; "
            "else MANA_SERVICE_KEY and PERSONA_SEED_SECRET.",
            metavar="DIR",
        ),
    ] = None,
    interval: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            max=_LONGEST_INTERVAL_S,
            callback=_finite,
            help="Seconds between looks who is due; else TICK_INTERVAL_MS, else 60.",
        ),
    ] = None,
    concurrency: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1000,
            help="How many personas use the app at the same time; else PERSONA_CONCURRENCY, "
            "else 2.",
        ),
    ] = None,
    paused: Annotated[
        bool, typer.Option("--paused", help="Begin paused; else RUNNER_PAUSED.")
    ] = False,
    brain: Annotated[str, typer.Option(help=CHOICE, metavar="BRAIN")] = SCRIPTED,
    budget: Annotated[
        str | None,
        typer.Option(help="US dollars that models may take; then it pauses.", metavar="USD"),
    ] = None,
    seed: Annotated[int, typer.Option(help="What the randomness of ticks derives from.")] = 7,
    data: Annotated[
        Path, typer.Option(help="Folder for the runner's ledger, unless DATABASE_URL names one.")
    ] = DEFAULT_DATA,
    grace: Annotated[
        float,
        typer.Option(
            min=0, max=3600, callback=_finite, help="Seconds for ticks to end when it stops."
        ),
    ] = DEFAULT_GRACE_S,
) -> None:
    """Have the personas of a Mana live their ticks when they are due, in real time.

    For example:

    python -m mana_lab.runner --auth-url http://127.0.0.1:3001 --mcp-url http://127.0.0.1:3069
    """
    try:
        settings = Settings.from_environment(
            MANA_AUTH_URL=auth_url,
            MANA_MCP_URL=mcp_url,
            TICK_INTERVAL_MS=None if interval is None else str(round(interval * 1000)),
            PERSONA_CONCURRENCY=None if concurrency is None else str(concurrency),
            RUNNER_PAUSED="1" if paused else None,
            **_secrets_of(lab),
        )
        check_url(settings.auth_url, "the identity service's URL")
        check_url(settings.mcp_url, "the gateway's URL")
        check_seed(seed)
        order = Order(settings, data, seed, brain, Budget.of(budget), grace)
        _run(order, host, port)
    except ManaLabError as error:
        typer.echo(error.message, err=True)
        raise typer.Exit(2 if isinstance(error, InvalidInputError) else 1) from None


def _secrets_of(lab: Path | None) -> dict[str, Any]:
    if lab is None:
        return {}
    secrets = LabSecrets.load(lab)
    return {
        "MANA_SERVICE_KEY": secrets.service_key.get_secret_value(),
        "PERSONA_SEED_SECRET": secrets.persona_seed_secret.get_secret_value(),
    }


def _run(order: Order, host: str, port: int) -> None:
    with listen(host, port) as sock:
        where = url_of(host, sock)
        logging.basicConfig(level=logging.WARNING)

        def announce() -> None:
            typer.echo(f"The runner listens on {where} (Ctrl-C stops it)")

        drained = asyncio.run(until_stopped(serve_runner(order, sock, announce)))
    if drained is not None:
        typer.echo(str(drained))


if __name__ == "__main__":
    command(prog_name="python -m mana_lab.runner")

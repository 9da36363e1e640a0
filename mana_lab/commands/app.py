"""The command line: which commands there are."""

from __future__ import annotations

import typer

from mana_lab.commands.baselines import baseline
from mana_lab.commands.books import notebooks
from mana_lab.commands.connecting import token
from mana_lab.commands.demo import demo
from mana_lab.commands.explaining import explain
from mana_lab.commands.keeping import export, keep, replay
from mana_lab.commands.living import report, run
from mana_lab.commands.people import cleanup, seed
from mana_lab.commands.playing import play
from mana_lab.commands.serving import serve
from mana_lab.commands.sharding import shards
from mana_lab.commands.tools import tools

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="AI personas become real users of the Mana app.\n\nFor example: python -m mana_lab demo",
)
COMMANDS = (
    demo,
    seed,
    run,
    shards,
    play,
    report,
    keep,
    export,
    replay,
    baseline,
    serve,
    token,
    tools,
    explain,
    notebooks,
    cleanup,
)
for command in COMMANDS:
    app.command()(command)

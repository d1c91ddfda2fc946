"""`magnify bench`: one module for each thing that can be measured."""

import typer

from magnify.cli.bench.complexity import complexity
from magnify.cli.bench.memory import memory
from magnify.cli.bench.precision import precision
from magnify.cli.bench.profile import profile
from magnify.cli.bench.speed import bench

app = typer.Typer(
    help="Measure speed, memory and complexity on this machine.",
    invoke_without_command=True,
    no_args_is_help=False,
)
app.callback()(bench)
app.command()(complexity)
app.command()(profile)
app.command()(memory)
app.command()(precision)

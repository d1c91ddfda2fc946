"""`magnify bench`: one module for each thing that can be measured."""

import typer

from magnify.cli.lab.bench.complexity import complexity
from magnify.cli.lab.bench.memory import memory
from magnify.cli.lab.bench.precision import precision
from magnify.cli.lab.bench.profile import profile
from magnify.cli.lab.bench.speed import bench

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

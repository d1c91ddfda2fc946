"""The `magnify` command: its groups, its version, and the only place that handles errors."""

import errno
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from magnify.cli import (
    acceleration,
    analyze,
    bandpass,
    bands,
    compare,
    measure,
    models,
    run,
    slice,
    weights,
)
from magnify.cli.console import error_line, system_error
from magnify.cli.lab import bench, evaluate, synth, train
from magnify.errors import MagnifyError, SettingsError
from magnify.version import __version__

EXIT_FAILED = 1
EXIT_USAGE = 2


UsageError: Any = typer.BadParameter.__base__
"""Base of all that Typer raises for a wrong command line; it has no public name."""


class ErrorHandlingGroup(TyperGroup):
    """Turns errors into one line on stderr and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except UsageError as error:
            command = error.ctx.command_path if error.ctx else _command_path(ctx)
            message = " ".join(error.format_message().split()) or "a command is missing."
            error_line(f"{message} See `{command} --help`.")
            raise typer.Exit(EXIT_USAGE) from error
        except MagnifyError as error:
            error_line(str(error))
            raise typer.Exit(exit_code(error)) from error
        except OSError as error:
            if error.errno == errno.EPIPE:  # nobody reads on
                raise
            error_line(system_error(error))
            raise typer.Exit(EXIT_FAILED) from error


def _command_path(ctx: Any) -> str:
    subcommand = ctx.invoked_subcommand
    return f"{ctx.command_path} {subcommand}" if subcommand else str(ctx.command_path)


def exit_code(error: MagnifyError) -> int:
    return EXIT_USAGE if isinstance(error, SettingsError) else EXIT_FAILED


app = typer.Typer(
    cls=ErrorHandlingGroup,
    name="magnify",
    help="See tiny motion in video: learning-based motion magnification.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 some of several inputs failed, "
    "129, 130, 143 ended by a signal.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"magnify {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", "-V", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    pass


app.command("run")(run.run)
app.command("bandpass")(bandpass.bandpass)
app.command("acceleration")(acceleration.acceleration)
app.command("bands")(bands.bands)
app.command("analyze", rich_help_panel="See")(analyze.analyze)
app.command("measure", rich_help_panel="See")(measure.measure)
app.command("slice", rich_help_panel="See")(slice.cut_slice)
app.command("compare", rich_help_panel="See")(compare.compare)
app.command("bench")(bench.bench)
app.command("models")(models.models)
app.command("train")(train.train)
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(synth.app, name="synth")
app.add_typer(weights.app, name="weights")

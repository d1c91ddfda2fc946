"""The `magnify` command: its commands, its version, and the only place that handles errors."""

import sys
from typing import Annotated, Any, NoReturn

import typer

from magnify.cli import (
    acceleration,
    analyze,
    bandpass,
    bands,
    colour,
    compare,
    interpolate,
    measure,
    models,
    report,
    run,
    slice,
    status,
    weights,
)
from magnify.cli.console import error_line, guarded_streams, output_line, system_error
from magnify.cli.lab import bench, evaluate, inspect, synth, train
from magnify.cli.usage import Command, Group, UsageError, usage_message
from magnify.errors import MagnifyError, PipeClosedError, SettingsError, out_of_memory
from magnify.interruption import check
from magnify.version import __version__

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_PIPE_CLOSED = 141
"""That of a program which SIGPIPE ends."""

MAGNIFY = "Magnify"
SEE = "See"
MANY = "Many files"
MODELS = "Models"
LABORATORY = "Laboratory"


class ErrorHandlingGroup(Group):
    """Turns errors into one line on stderr and an exit code; a video stands for `run` and it."""

    default_command = "run"

    def main(self, *arguments: Any, **settings: Any) -> NoReturn:
        with guarded_streams() as output:
            code = self._code(*arguments, **{**settings, "standalone_mode": False})
            check()
            output.flush()
            if output.error is not None:
                code = code or EXIT_FAILED
                if output.missed:
                    error_line(f"standard output cannot be written: {system_error(output.error)}")
        sys.exit(code)

    def _code(self, *arguments: Any, **settings: Any) -> int:
        try:
            return super().main(*arguments, **settings) or 0
        except UsageError as error:
            error_line(usage_message(error))
            return EXIT_USAGE
        except PipeClosedError:  # as `head` closes it: who reads has had enough
            return EXIT_PIPE_CLOSED
        except MagnifyError as error:
            error_line(str(error))
            return exit_code(error)
        except Exception as error:
            told = out_of_memory(error)
            if told is None and isinstance(error, OSError):
                told = MagnifyError(system_error(error))
            if told is None:
                raise
            error_line(str(told))
            return EXIT_FAILED


def exit_code(error: MagnifyError) -> int:
    return EXIT_USAGE if isinstance(error, SettingsError) else EXIT_FAILED


app = typer.Typer(
    cls=ErrorHandlingGroup,
    name="magnify",
    help="See and measure tiny motion in video. `magnify clip.mp4` is `magnify run clip.mp4`.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 some of several inputs failed, "
    "129, 130, 143 ended by a signal, 141 nobody reads the output.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        output_line(f"magnify {__version__}")
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


app.command("run", rich_help_panel=MAGNIFY)(run.run)
app.command("bandpass", rich_help_panel=MAGNIFY)(bandpass.bandpass)
app.command("acceleration", rich_help_panel=MAGNIFY)(acceleration.acceleration)
app.command("colour", rich_help_panel=MAGNIFY)(colour.colour)
app.command("interpolate", rich_help_panel=MAGNIFY)(interpolate.interpolate)
app.command("analyze", rich_help_panel=SEE)(analyze.analyze)
app.command("measure", rich_help_panel=SEE)(measure.measure)
app.command("slice", rich_help_panel=SEE)(slice.cut_slice)
app.command("compare", rich_help_panel=SEE)(compare.compare)
app.command("report", rich_help_panel=SEE)(report.report)
app.add_typer(status.app, name="jobs", cls=Group, no_args_is_help=False, rich_help_panel=MANY)
app.command("models", rich_help_panel=MODELS)(models.models)
app.command("bands", rich_help_panel=MODELS)(bands.bands)
app.add_typer(weights.app, name="weights", cls=Group, no_args_is_help=False, rich_help_panel=MODELS)
app.command("train", rich_help_panel=LABORATORY)(train.train)
app.add_typer(synth.app, name="synth", cls=Group, no_args_is_help=False, rich_help_panel=LABORATORY)
app.add_typer(
    evaluate.app, name="evaluate", cls=Group, no_args_is_help=False, rich_help_panel=LABORATORY
)
app.command("inspect", rich_help_panel=LABORATORY)(inspect.inspect)
app.command("bench", rich_help_panel=LABORATORY)(bench.bench)

for _place in (app, status.app, weights.app, synth.app, evaluate.app):
    for _command in _place.registered_commands:
        _command.cls = Command

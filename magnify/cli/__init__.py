"""The command line: Typer and Rich live here and nowhere else."""

from magnify.cli.app import app

__all__ = ["app"]

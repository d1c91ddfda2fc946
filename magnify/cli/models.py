"""`magnify models`: what is built in, and what can be loaded."""

import json
from typing import Any

import typer

from magnify.cli.options import Json


def models(as_json: Json = False) -> None:
    """List the built-in weights and the checkpoint layouts that can be loaded."""
    from magnify.checkpoints import BUILT_IN, DEFAULT_MODEL, LAYOUTS

    built_in: list[dict[str, Any]] = [
        {
            "name": name,
            "default": name == DEFAULT_MODEL,
            "description": weights.description,
            "paper": weights.layout.paper,
            "licence": weights.licence,
            "bytes": weights.size,
            "parameters": weights.layout.parameters,
            "sha256": weights.sha256,
        }
        for name, weights in BUILT_IN.items()
    ]
    layouts: list[dict[str, Any]] = [
        {
            "layout": layout.name,
            "source": layout.source,
            "paper": layout.paper,
            "licence": layout.licence,
            "parameters": layout.parameters,
        }
        for layout in LAYOUTS
    ]
    if as_json:
        typer.echo(json.dumps({"built_in": built_in, "layouts": layouts}))
        return
    typer.echo("Built-in weights (--model NAME):")
    for entry in built_in:
        default = " (default)" if entry["default"] else ""
        typer.echo(f"  {entry['name']}{default}: {entry['description']}")
        typer.echo(f"      {entry['paper']}")
        typer.echo(
            f"      {entry['bytes'] / 1e6:.1f} MB, {entry['parameters']:,} parameters, "
            f"licence {entry['licence']}"
        )
    typer.echo("\nCheckpoints that can be loaded (--weights FILE):")
    for entry in layouts:
        typer.echo(f"  {entry['layout']}: {entry['source']}")
        typer.echo(f"      {entry['paper']}")
        typer.echo(f"      {entry['parameters']:,} parameters, licence: {entry['licence']}")

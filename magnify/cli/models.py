"""`magnify models`: what there is to choose from, and which checkpoints can be loaded."""

from typing import Any

from magnify.cli.console import json_line, output_line
from magnify.cli.options import Json


def models(as_json: Json = False) -> None:
    """List the models, what each is good at, and the checkpoints that can be loaded."""
    from magnify.checkpoints import LAYOUTS

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
    found, built_in = _models(), _built_in()
    if as_json:
        json_line({"models": found, "built_in": built_in, "layouts": layouts})
        return
    output_line("Models (--model NAME):")
    for entry in found:
        default = " (default)" if entry["default"] else ""
        output_line(f"  {entry['name']}{default}: {entry['good_at']}")
        output_line(f"      {entry['paper']}")
        for weights in built_in:
            if weights["name"] == entry["name"]:
                output_line(
                    f"      {weights['description']}: {weights['bytes'] / 1e6:.1f} MB, "
                    f"{weights['parameters']:,} parameters, licence {weights['licence']}"
                )
        if entry["patent"]:
            output_line(f"      {entry['patent']}")
    output_line()
    output_line("Checkpoints that can be loaded (--weights FILE):")
    for entry in layouts:
        output_line(f"  {entry['layout']}: {entry['source']}")
        output_line(f"      {entry['paper']}")
        output_line(f"      {entry['parameters']:,} parameters, licence: {entry['licence']}")


def _models() -> list[dict[str, Any]]:
    from magnify.checkpoints import DEFAULT_MODEL, MODELS, model_class

    return [
        {
            "name": name,
            "default": name == DEFAULT_MODEL,
            "good_at": model.good_at,
            "paper": model.paper,
            "patent": model.patent,
            "has_weights": model.has_weights,
        }
        for name, model in ((name, model_class(name)) for name in MODELS)
    ]


def _built_in() -> list[dict[str, Any]]:
    from magnify.checkpoints import BUILT_IN, DEFAULT_MODEL

    return [
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

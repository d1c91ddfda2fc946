"""What an output is called: after its input, and what is done to it."""

import os
import re
import string
from collections.abc import Mapping
from pathlib import Path

from magnify.errors import SettingsError
from magnify.jobs.inputs import PRINTF
from magnify.video.pipes import STANDARD

FIELDS = ("stem", "alpha", "mode", "model")


def check_template(template: str) -> None:
    """Checks a template of names, such as "{stem}_{mode}.mp4".

    Raises:
        SettingsError: it names no input, or a field that there is not.
    """
    try:
        parsed = list(string.Formatter().parse(template))
    except ValueError as error:
        raise SettingsError(f"the name '{template}' is no template: {error}") from error
    named = {field for _, field, _, _ in parsed if field is not None}
    if unknown := named - set(FIELDS):
        raise SettingsError(
            f"the name '{template}' has no field {{{min(unknown)}}}; use "
            f"{', '.join('{' + field + '}' for field in FIELDS)}"
        )
    if os.sep in template or "/" in template:
        raise SettingsError(f"the name '{template}' must be no path; --output-dir says where")


def stem_of(source: Path) -> str:
    """What an input is called without its suffix; of a printf pattern, without its number."""
    if source == STANDARD:
        return "stdin"
    place = Path(os.path.abspath(source))  # so that "." has a name
    if os.path.isdir(source):
        return place.name
    if os.path.exists(source):
        return place.stem
    return re.sub(rf"[._-]*{PRINTF.pattern}[._-]*", "", place.stem) or "frames"


def output_name(template: str | None, values: Mapping[str, str], suffix: str) -> str:
    """The name of an output: by the template, else stem, factor, mode and, if named, model."""
    if template is None:
        parts = (values["stem"], f"x{values['alpha']}", values["mode"], values["model"])
        return "_".join(part for part in parts if part) + suffix
    name = template.format_map(values)
    return name if Path(name).suffix else name + suffix

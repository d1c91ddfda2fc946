"""A page that shows clips and what was found in them: one HTML file that needs nothing else.

What it may do is written in it, by the hashes of its own style and script: it can fetch nothing.
"""

import base64
import hashlib
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup


def rendered(**content: Any) -> str:
    """The page with that content; all of it is escaped, as names come from files.

    Args:
        content: what `page.html` names.
    """
    style, script = _text("page.css"), _text("page.js")
    policy = (
        "default-src 'none'; img-src data:; media-src data:; "
        f"style-src {_hashed(style)}; script-src {_hashed(script)}; base-uri 'none'; "
        "form-action 'none'"
    )
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(_text("page.html"))
    return template.render(policy=policy, style=Markup(style), script=Markup(script), **content)


def _text(name: str) -> str:
    return files(__name__).joinpath(name).read_text(encoding="utf-8")


def _hashed(text: str) -> str:
    """How a policy names a text that may be used."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"

"""Names of a package that are imported when they are first asked for.

`magnify --help` reads settings from all over the package; it must not wait for torch to load.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazily(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """A package's `__getattr__` (PEP 562): from a name to the object in its home module.

    Args:
        package: the package's `__name__`.
        homes: each public name, and the module that defines it.
    """

    def __getattr__(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        return getattr(import_module(homes[name]), name)

    return __getattr__

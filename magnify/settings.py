"""Settings objects, frozen dataclasses: offered by a command line, and plain data both ways."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from magnify.errors import SettingsError

Settings = TypeVar("Settings")


@dataclass(frozen=True)
class Option:
    """How a command line offers a field: the second argument of the field's `Annotated`.

    Attributes:
        help: one sentence for the help page.
        panel: the group of options on that page.
        names: such as ("--output", "-o"); by default `--` and the field's name.
        minimum: the smallest number that is allowed.
        parse: from what was typed to the field's value; raises SettingsError.
        metavar: what stands for the value on the help page.
        choices: the values there are, where the field's type does not say.
        many: it may be given more than once; the field is a tuple of the values.
    """

    help: str
    panel: str
    names: tuple[str, ...] = ()
    minimum: float | None = None
    parse: Callable[[str], Any] | None = None
    metavar: str | None = None
    choices: Callable[[], Collection[str]] | None = None
    many: bool = False


def as_typed(names: Iterable[str]) -> str:
    """Fields as the command line calls them: `--phase-smoothing, --cutoff`."""
    return ", ".join(f"--{name.replace('_', '-')}" for name in names)


def to_plain(settings: Any) -> dict[str, Any]:
    """A settings object as what JSON can say; `from_plain` takes it back."""
    return asdict(settings, dict_factory=_plain)


def _plain(items: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Path) else value for name, value in items}


def from_plain(kind: type[Settings], values: Any) -> Settings:
    """A settings object from plain data.

    Raises:
        SettingsError: `values` is no object of JSON, or has a setting that `kind` does not know, or
            one of another type; or the object itself refuses a value.
    """
    if not isinstance(values, Mapping):
        raise SettingsError(f"{kind.__name__.lower()} must be an object, not {values!r}")
    hints = get_type_hints(kind)
    known = {entry.name for entry in fields(kind)}  # type: ignore[arg-type]  # a dataclass
    for name, value in values.items():
        if name not in known:
            raise SettingsError(f"{kind.__name__.lower()} has no setting '{name}'")
        if not _fits(value, hints[name]):
            raise SettingsError(f"{kind.__name__.lower()} cannot have {name} {value!r}")
    made = {name: _made(value, hints[name]) for name, value in values.items()}
    try:
        return kind(**made)
    except TypeError as error:
        raise SettingsError(f"{kind.__name__.lower()} lacks a setting ({error})") from error


def _fits(value: Any, hint: Any) -> bool:
    """Whether plain data can stand for a value of that type."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, one) for one in get_args(hint))
    if origin is Literal:
        return value in get_args(hint)
    if origin is tuple:
        parts = get_args(hint)
        if parts[1:] == (...,) and isinstance(value, list | tuple):
            parts = parts[:1] * len(value)
        listed = isinstance(value, list | tuple) and len(value) == len(parts)
        return listed and all(map(_fits, value, parts))
    if is_dataclass(hint):
        return isinstance(value, Mapping)
    if isinstance(value, bool) or hint is bool:
        return isinstance(value, bool) and hint is bool
    plain = {float: (int, float), Path: (str, Path), type(None): (type(None),)}
    return isinstance(value, plain.get(hint, (hint,)))


def _made(value: Any, hint: Any) -> Any:
    if is_dataclass(hint):
        return from_plain(hint, value)  # type: ignore[arg-type]  # a class, not an instance
    return tuple(value) if isinstance(value, list) else value

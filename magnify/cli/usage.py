"""How a command line is read where Typer is too lenient, and what a wrong one is told."""

import os
import re
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

from magnify.errors import did_you_mean

UsageError: Any = typer.BadParameter.__base__
"""Base of all that Typer raises for a wrong command line; it has no public name."""

if TYPE_CHECKING:
    _Base = TyperCommand
else:
    _Base = object


class _Once(_Base):
    """Refuses an option of a single value that is given twice, of which one would be dropped."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            _, _, given = self.make_parser(ctx).parse_args(args=list(args))
        except UsageError as error:
            error.ctx = error.ctx or ctx
            raise
        for parameter in given:
            single = not (parameter.multiple or getattr(parameter, "is_flag", False))
            if single and parameter.param_type_name == "option" and given.count(parameter) > 1:
                ctx.fail(f"{parameter.opts[0]} is given twice; give one value.")
        return super().parse_args(ctx, args)


class Command(_Once, TyperCommand):
    """A command whose options are given once."""


class Group(_Once, TyperGroup):
    """A group of commands. `default_command`, if any, takes a path instead of a command's name."""

    default_command: str | None = None

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args and not self.invoke_without_command and not ctx.resilient_parsing:
            if self.no_args_is_help:
                typer.echo(ctx.get_help())  # noqa: TID251 (of many lines, and all ours)
            ctx.fail(f"A command is missing; choose one of {', '.join(self.commands)}")
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0]
        if name not in self.commands:
            if self.default_command is not None and _is_path(name):
                args = [self.default_command, *args]
            else:
                ctx.fail(f"No such command '{name}'.{did_you_mean(name, self.commands)}")
        return super().resolve_command(ctx, args)


def _is_path(word: str) -> bool:
    """Whether it exists, or looks like a file, a folder or a pattern."""
    looks = os.sep in word or "%" in word or re.search(r"\.\w+$", word) is not None
    return looks or os.path.exists(word)


def usage_message(error: Any) -> str:
    """One line for what is wrong with the command line, and where to read on."""
    context = error.ctx
    path = "magnify"
    if context is not None:
        path = f"{context.command_path} {context.invoked_subcommand or ''}".rstrip()
    message = " ".join(_reason(error).split())
    if message[-1] not in ".?":
        message += "."
    return f"{message} See `{path} --help`."


def _reason(error: Any) -> str:
    """What Typer says, without its validator's turns of phrase, and what may have been meant."""
    option = getattr(error, "option_name", None)
    if option is not None and error.format_message().startswith("No such option"):
        known = [name for parameter in error.ctx.command.params for name in parameter.opts]
        return f"No such option: {option}.{did_you_mean(option, known)}"
    message: str = error.format_message().replace("Value error, ", "")
    if "Input should be" in message:
        message = re.sub(r"Input (should be [^,]*).*", lambda m: f"{_input(error)} {m[1]}", message)
    if choice := re.search(r"'([^']*)' is not one of (.*)", message):
        message += did_you_mean(choice[1], re.findall(r"'([^']*)'", choice[2]))
    return message


def _input(error: Any) -> str:
    """The value that Typer's validator, which is Pydantic in newer versions, has refused."""
    refused = error.__cause__.errors() if hasattr(error.__cause__, "errors") else []
    return f"'{refused[0]['input']}'" if refused else "the value"

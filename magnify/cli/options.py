"""Command-line options from settings objects: a field's `Option` is all that it takes.

`magnifying` gives a command the options of a job, group by group: they are the fields of `Source`,
`Output`, `Encoding`, `Compute` and `Selection`, and of the mode that the command is for.
"""

import functools
import inspect
import math
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, replace
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer

from magnify.errors import SettingsError
from magnify.jobs.choices import SEGMENT_FRAMES
from magnify.pipeline.alpha import AlphaCurve
from magnify.pipeline.job import INPUT, MAGNIFICATION, Compute, Job, Output, Source
from magnify.pipeline.modes import Mode
from magnify.pipeline.selection import Selection
from magnify.settings import Option
from magnify.video.choices import Encoding

REPORTING = "Reporting"
PAGES = (".html", ".htm")
MAX_SEED = 2**63 - 1

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


def parse_alpha(text: str | float) -> float | None:
    """A factor, or None for one that follows from the motion.

    Raises:
        SettingsError: the text is neither a number nor auto.
    """
    if text == "auto":
        return None
    try:
        return float(text)
    except ValueError as error:
        raise SettingsError(f"alpha must be a number or auto, not '{text}'") from error


def finite(number: float | None) -> float | None:
    """A callback for ranges without an upper end: they let inf pass."""
    if number is not None and not math.isfinite(number):
        raise typer.BadParameter(f"{number} is no finite number")
    return number


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What a command that magnifies is asked beside the jobs themselves."""

    inputs: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Videos, folders of videos or of pictures, patterns such as frame_%04d.png, or - "
            "for a pipe.",
            show_default=False,
            metavar="INPUT",
        ),
    ] = None
    alpha: Annotated[
        float | None,
        Option(
            "Magnification factor: 1 leaves the motion as it is, below 1 attenuates it; auto makes "
            "the strongest motion about 3 px.",
            MAGNIFICATION,
            names=("--alpha", "-a"),
            parse=parse_alpha,
            metavar="FACTOR|auto",
        ),
    ] = 20.0
    alpha_curve: Annotated[
        AlphaCurve | None,
        Option(
            "A factor that changes over time, linearly between keys; or a file of them.",
            MAGNIFICATION,
            parse=AlphaCurve.parse,
            metavar="SECONDS:FACTOR,...",
        ),
    ] = None
    output: Annotated[
        Path | None,
        Option(
            "Output for a single input: .mp4, .mkv, .mov, .webm, .gif, a folder, or - for a pipe.",
            INPUT,
            names=("--output", "-o"),
        ),
    ] = None
    output_dir: Annotated[
        Path | None, Option("Folder for the outputs; default: beside each input.", INPUT)
    ] = None
    name: Annotated[
        str | None,
        Option("Names of outputs, from {stem}, {alpha}, {mode} and {model}.", INPUT),
    ] = None
    list_file: Annotated[
        Path | None,
        Option("File with more inputs: one, or one JSON job, a line.", INPUT, names=("--list",)),
    ] = None
    recursive: Annotated[bool, Option("Take folders inside folders, too.", INPUT)] = False
    preview: Annotated[
        bool,
        Option(
            "A first look: smaller, by the quickest network; says how long the whole would take.",
            MAGNIFICATION,
        ),
    ] = False
    skip_existing: Annotated[bool, Option("Leave out inputs whose output exists.", INPUT)] = False
    resume: Annotated[
        bool | None,
        Option(
            "Work in parts, and go on where a run was ended; default: with several inputs.",
            INPUT,
            names=("--resume/--no-resume",),
        ),
    ] = None
    segment_frames: Annotated[int, Option("Frames of a part.", INPUT, minimum=1, metavar="N")] = (
        SEGMENT_FRAMES
    )
    report: Annotated[
        Path | None,
        Option(
            "Write what came of each input to a table, .json or .csv; or of one input, a page to "
            "look at, .html.",
            REPORTING,
        ),
    ] = None
    workers: Annotated[
        str | None,
        Option("Processes that share the inputs: a number, or auto.", INPUT, metavar="N|auto"),
    ] = None
    cluster: Annotated[
        str | None,
        Option(
            "Have the machines of a Ray cluster make the parts: its address, or auto.",
            INPUT,
            metavar="ADDRESS|auto",
        ),
    ] = None
    no_cautions: Annotated[
        bool, Option("Do not look for what may spoil the result.", REPORTING)
    ] = False
    quiet: Annotated[
        bool, Option("Print nothing but errors.", REPORTING, names=("--quiet", "-q"))
    ] = False
    json: Annotated[bool, Option("Print one JSON object per output on stdout.", REPORTING)] = False
    dry_run: Annotated[
        bool, Option("Check everything, say what would be done, do nothing.", REPORTING)
    ] = False
    save_job: Annotated[
        Path | None,
        Option("Write the job to a JSON file, for `magnify run --from-job`.", REPORTING),
    ] = None

    def __post_init__(self) -> None:
        several = len(self.inputs or ()) > 1
        if self.alpha_curve is not None:
            object.__setattr__(self, "alpha", self.alpha_curve.largest)
        if self.alpha is None and (several or self.list_file is not None):
            raise SettingsError("--alpha auto takes a single input")
        if self.save_job is not None and several:
            raise SettingsError("--save-job takes a single input")
        if self.cluster is not None and (self.workers is not None or self.resume is False):
            raise SettingsError("--cluster takes no --workers and no --no-resume")
        if self.preview and self.list_file is not None:
            raise SettingsError("--preview takes inputs, not a list of jobs")
        if self.output is not None and several:
            raise SettingsError("--output takes a single input; use --output-dir for several")
        if self.output is not None and self.name is not None:
            raise SettingsError("--output and --name exclude each other; give one of them")
        if self.output is not None and self.output_dir is not None:
            raise SettingsError("--output and --output-dir exclude each other; give one of them")

    @property
    def page(self) -> Path | None:
        """The page that `report` asks for, if it is one."""
        page = self.report is not None and self.report.suffix.lower() in PAGES
        return self.report if page else None

    def resumes(self, inputs: int) -> bool:
        """Whether a run of so many inputs goes on where one was ended."""
        by_itself = inputs > 1 or self.cluster is not None
        return by_itself if self.resume is None else self.resume


@dataclass(frozen=True)
class Request:
    """What a command was asked: a batch, and what its jobs have in common."""

    batch: Batch
    source: Source
    output: Output
    compute: Compute
    selection: Selection

    def __post_init__(self) -> None:
        if self.output.overwrite and self.batch.skip_existing:
            raise SettingsError("--overwrite and --skip-existing exclude each other; give one")

    def job(self, source: Path, output: Path, mode: Mode) -> Job:
        """The job for one of the inputs."""
        assert self.batch.alpha is not None, "chosen before"
        return Job(
            replace(self.source, path=source),
            replace(self.output, path=output),
            mode,
            self.batch.alpha,
            self.compute,
            self.selection,
            self.batch.alpha_curve,
        )


def magnifying(
    mode_class: type[Mode] | None = None, *, alpha: float | None = Batch.alpha
) -> Callable[..., Callable[..., None]]:
    """Decorates a command: it gets all options of a job, and receives them as a `Request`.

    With a `mode_class` it also gets that mode's options, and receives their values by name as its
    second argument. Its other parameters are options of its own. `alpha` is the default factor.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        mode = [] if mode_class is None else offered(mode_class)
        own = list(inspect.signature(command).parameters.values())[2 if mode else 1 :]
        return _with_options(command, mode, own, alpha)

    return decorate


def with_groups(*kinds: type[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorates a command: it gets the options of settings objects, and those as first arguments.

    Its other parameters are options of its own, which come before them in its help page.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = list(inspect.signature(command).parameters.values())[len(kinds) :]
        groups = [offered(kind) for kind in kinds]

        @functools.wraps(command)
        def wrapped(**values: Any) -> None:
            settings = [
                kind(**{parameter.name: values.pop(parameter.name) for parameter in group})
                for kind, group in zip(kinds, groups, strict=True)
            ]
            command(*settings, **values)

        own = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
        ordered = [*own, *chain.from_iterable(groups)]
        ordered.sort(key=lambda parameter: _panel(parameter) == REPORTING)
        wrapped.__signature__ = inspect.Signature(ordered)  # type: ignore[attr-defined]
        wrapped.__annotations__ = {p.name: p.annotation for p in ordered}
        return wrapped

    return decorate


def _with_options(
    command: Callable[..., None],
    mode: list[inspect.Parameter],
    own: list[inspect.Parameter],
    alpha: float | None,
) -> Callable[..., None]:
    own = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    groups = {kind: offered(kind) for kind in (Batch, Source, Output, Compute, Selection, Encoding)}

    @functools.wraps(command)
    def wrapped(**values: Any) -> None:
        def taken(group: list[inspect.Parameter]) -> dict[str, Any]:
            found = {parameter.name: values.pop(parameter.name) for parameter in group}
            return {
                name: tuple(value) if isinstance(value, list) else value
                for name, value in found.items()
            }

        encoding = Encoding(**taken(groups[Encoding]))
        request = Request(
            Batch(**taken(groups[Batch])),
            Source(Path(), **taken(groups[Source])),
            Output(Path(), encoding, **taken(groups[Output])),
            Compute(**taken(groups[Compute])),
            Selection(**taken(groups[Selection])),
        )
        command(request, *([taken(mode)] if mode else []), **values)

    # Inputs first, then the mode's own options, then the rest: the order of the help page.
    (inputs, *batch), *others = groups.values()
    batch = [
        parameter.replace(default=alpha) if parameter.name == "alpha" else parameter
        for parameter in batch
    ]
    ordered = [inputs, *mode, *own, *batch, *chain.from_iterable(others)]
    ordered.sort(key=lambda parameter: _panel(parameter) == REPORTING)
    wrapped.__signature__ = inspect.Signature(ordered)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {p.name: p.annotation for p in ordered}
    return wrapped


def offered(kind: type[Any]) -> list[inspect.Parameter]:
    """A settings object's fields as the parameters of a Typer command."""
    hints = get_type_hints(kind, include_extras=True)
    found = []
    for field in fields(kind):
        if get_origin(hints[field.name]) is not Annotated:
            continue
        plain, option = get_args(hints[field.name])
        if isinstance(option, Option):
            plain, option = _told(plain, option), _typer_option(field.name, plain, option)
        found.append(
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if field.default is MISSING else field.default,
                annotation=Annotated[plain, option],
            )
        )
    return found


def _told(plain: Any, option: Option) -> Any:
    """The type that Typer is told: it knows no unions, and what is parsed needs none."""
    if option.many:
        return list[get_args(plain)[0]]  # type: ignore[misc]  # not known before
    return str | None if option.parse is not None else plain


def _typer_option(name: str, plain: Any, option: Option) -> Any:
    names = option.names
    if plain is bool and not names:
        names = (f"--{name.replace('_', '-')}",)  # and no `--no-…`
    return typer.Option(
        *names,
        help=option.help,
        rich_help_panel=option.panel,
        min=option.minimum,
        metavar=option.metavar,
        parser=None if option.parse is None else _parser(option.parse),
        autocompletion=None if option.choices is None else _completion(option.choices),
        show_default=plain is not bool,
    )


def _parser(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """The parser, with errors that name the option that was given."""

    def parser(text: str) -> Any:
        try:
            return parse(text)
        except SettingsError as error:
            raise typer.BadParameter(str(error)) from error

    return parser


def _completion(choices: Callable[[], Any]) -> Callable[[str], list[str]]:
    def complete(incomplete: str) -> list[str]:
        return [choice for choice in choices() if choice.startswith(incomplete)]

    return complete


def _panel(parameter: inspect.Parameter) -> str | None:
    if get_origin(parameter.annotation) is not Annotated:  # the context
        return None
    panel: str | None = get_args(parameter.annotation)[1].rich_help_panel
    return panel

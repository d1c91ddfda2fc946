"""One magnification as one object: what is read, what is done to it, by what, and what is written.

A job is plain, frozen data, checked where it is made. It says everything that a run needs, as JSON
both ways: it can be saved, sent to another machine, and repeated. The command line's groups of
options are these objects; nothing here loads torch.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from magnify.checkpoints.registry import DEFAULT_MODEL, MODELS
from magnify.engine.choices import Compile, Precision
from magnify.errors import SettingsError
from magnify.motion.regions import Region
from magnify.pipeline.alpha import AlphaCurve, Factor, check_alpha
from magnify.pipeline.modes import Mode, Static, mode_from_dict
from magnify.pipeline.selection import WHERE, Selection
from magnify.settings import Option, from_plain, to_plain
from magnify.video.choices import Encoding, check_range

if TYPE_CHECKING:
    from magnify.pipeline.run import Plan

INPUT = "Input and output"
MODEL = "Model"
METHOD = "Models without weights"
MAGNIFICATION = "Magnification"

WHOLE = "whole"
"""Of what to stabilise by: all of the picture."""


def parse_seconds(text: str) -> float:
    """Seconds, minutes:seconds or hours:minutes:seconds.

    Raises:
        SettingsError: the text is no time.
    """
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        parts = []
    if not 1 <= len(parts) <= 3 or not all(part >= 0 for part in parts):
        raise SettingsError(f"'{text}' is no time; use seconds, mm:ss or hh:mm:ss")
    return sum(part * 60.0**place for place, part in enumerate(reversed(parts)))


@dataclass(frozen=True)
class Source:
    """What is read.

    Attributes:
        path: a video file, a folder of pictures, a printf pattern of pictures, or "-", standard
            input.
        fps: frames a second of pictures, which have no rate of their own.
        start, end: seconds from the first frame; frames outside are left out.
        max_frames: stop after that many frames.
        longest: pixels of the longer side; larger pictures are made smaller.
        hwaccel: "auto" decodes on the NVIDIA card that the model runs on (else the first there is),
            where it can; "off" on the CPU.
        stabilise: move the frames so that they lie as the first does: "whole", or a region x,y,w,h
            of the picture as displayed that stands still.
    """

    path: Path
    fps: Annotated[
        float | None, Option("Frame rate of pictures, which have none of their own.", INPUT)
    ] = None
    start: Annotated[
        float | None,
        Option(
            "Begin here: seconds, mm:ss or hh:mm:ss.", INPUT, parse=parse_seconds, metavar="TIME"
        ),
    ] = None
    end: Annotated[
        float | None,
        Option(
            "Stop here: seconds, mm:ss or hh:mm:ss.", INPUT, parse=parse_seconds, metavar="TIME"
        ),
    ] = None
    max_frames: Annotated[int | None, Option("Stop after this many frames.", INPUT, minimum=1)] = (
        None
    )
    hwaccel: Annotated[
        Literal["auto", "off"],
        Option("auto: decode on an NVIDIA card where it can; off: on the CPU.", INPUT),
    ] = "off"
    stabilise: Annotated[
        str | None,
        Option(
            "Hold the picture still: by all of it, or by a region that stands still.",
            WHERE,
            metavar="whole|X,Y,W,H",
        ),
    ] = None

    longest: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))
        check_range(self.start, self.end, self.max_frames)
        if self.stabilise not in (None, WHOLE):
            Region.parse(self.stabilise)


@dataclass(frozen=True)
class Compute:
    """What magnifies, and where.

    Attributes:
        model: a name of the registry; None takes that of the weights, or the default.
        weights: a checkpoint file instead of the built-in weights.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        precision: the number format of a network.
        compile: "auto" compiles a network where a clip is long enough to repay it.
        pyramid, orientations, phase_smoothing, cutoff, pooling: options of models that have them;
            None leaves a choice to the model.
        weights_sha256: of the weights that a saved job was made with; others are refused.
    """

    model: Annotated[
        str | None,
        Option("Built-in model; `magnify models` lists them.", MODEL, choices=lambda: MODELS),
    ] = None
    weights: Annotated[
        Path | None, Option("Checkpoint file; its network is recognised.", MODEL)
    ] = None
    device: Annotated[str, Option("auto, cpu, cuda, cuda:N or mps.", MODEL)] = "auto"
    precision: Annotated[Precision, Option("Number format of the network.", MODEL)] = "auto"
    compile: Annotated[
        Compile,
        Option("Compile the network first, which takes minutes; auto: where it repays.", MODEL),
    ] = "auto"
    pyramid: Annotated[
        Literal["octave", "half-octave"] | None,
        Option("steerable: how far apart its bands are.", METHOD),
    ] = None
    orientations: Annotated[
        int | None, Option("steerable: how many directions it tells apart.", METHOD)
    ] = None
    phase_smoothing: Annotated[
        float | None,
        Option(
            "riesz, steerable: average motion over so many pixels of a band.",
            METHOD,
            metavar="PIXELS",
        ),
    ] = None
    cutoff: Annotated[
        float | None,
        Option("linear: the shortest wavelength that is grown in full.", METHOD, metavar="PIXELS"),
    ] = None
    pooling: Annotated[
        int | None,
        Option(
            "colour: average over patches of so many pixels.", METHOD, minimum=1, metavar="PIXELS"
        ),
    ] = None
    weights_sha256: str | None = None

    def __post_init__(self) -> None:
        if self.model is not None and self.model not in MODELS:
            raise SettingsError(f"unknown model '{self.model}'; choose one of {', '.join(MODELS)}")
        if self.weights is not None:
            object.__setattr__(self, "weights", Path(self.weights))

    @property
    def model_options(self) -> dict[str, Any]:
        """Those of the model's own options that are not left to it."""
        names = ("pyramid", "orientations", "phase_smoothing", "cutoff", "pooling")
        values = {name: getattr(self, name) for name in names}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def named(self) -> str:
        """The model's name, or that of its weights' file."""
        return self.label or DEFAULT_MODEL

    @property
    def label(self) -> str:
        """What tells results of other weights than the default ones from theirs; "" for those."""
        if self.weights is not None:
            return self.weights.stem
        return "" if self.model in (None, DEFAULT_MODEL) else self.model


@dataclass(frozen=True)
class Output:
    """What is written.

    Attributes:
        path: .mp4, .mkv, .mov, .webm, .gif, .nut, .y4m, a folder of pictures, or "-", standard
            output.
        encoding: codec and quality.
        overwrite: replace an output that exists.
    """

    path: Path
    encoding: Encoding = field(default_factory=Encoding)
    overwrite: Annotated[
        bool, Option("Replace outputs that exist.", INPUT, names=("--overwrite", "-y"))
    ] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))


@dataclass(frozen=True)
class Job:
    """One magnification.

    Attributes:
        source: what is read.
        output: what is written.
        mode: what counts as motion.
        alpha: the total factor, 0 to 10,000: 1 leaves the motion as it is, below 1 attenuates it.
            With a curve, its largest.
        alpha_curve: the factor where it changes over time.
        compute: what magnifies, and where.
        selection: what of the picture is magnified.
    """

    source: Source
    output: Output
    mode: Mode = field(default_factory=Static)
    alpha: float = 20.0
    compute: Compute = field(default_factory=Compute)
    selection: Selection = field(default_factory=Selection)
    alpha_curve: AlphaCurve | None = None

    def __post_init__(self) -> None:
        if self.alpha_curve is not None:
            object.__setattr__(self, "alpha", self.alpha_curve.largest)
        check_alpha(self.alpha)
        self.mode.check_alpha(self.factor)

    @property
    def factor(self) -> Factor:
        """What the motion is magnified by."""
        return self.alpha if self.alpha_curve is None else self.alpha_curve

    def plan(self) -> "Plan":
        """Everything that is known of the job before its first frame, after all checks.

        Raises:
            MagnifyError: the job cannot run; the message says why.
        """
        from magnify.pipeline.run import plan

        return plan(self)

    def to_dict(self) -> dict[str, Any]:
        """The job as plain data; `from_dict` takes it back."""
        return {
            "source": to_plain(self.source),
            "output": to_plain(self.output),
            "mode": self.mode.to_dict(),
            "alpha": self.alpha,
            "compute": to_plain(self.compute),
            "selection": to_plain(self.selection),
            "alpha_curve": self.alpha_curve and [list(key) for key in self.alpha_curve.keys],
        }

    @classmethod
    def from_dict(cls, job: Mapping[str, Any]) -> Self:
        """The job that `to_dict` described, or that a report of a run holds under `job`.

        Raises:
            SettingsError: it is no job, or a value in it cannot work.
        """
        job = job.get("job", job)
        parts = {"source", "output", "mode", "alpha", "compute"}
        if job.keys() - {"selection", "alpha_curve"} != parts:  # which older jobs lack
            raise SettingsError(f"no job: it has to say {', '.join(sorted(parts))}, and no more")
        if not isinstance(job["alpha"], int | float):
            raise SettingsError(f"alpha must be a number, not {job['alpha']!r}")
        curve = job.get("alpha_curve")
        if curve is not None and not isinstance(curve, list):
            raise SettingsError(f"alpha_curve must be a list of keys, not {curve!r}")
        return cls(
            source=from_plain(Source, job["source"]),
            output=from_plain(Output, job["output"]),
            mode=mode_from_dict(job["mode"]),
            alpha=float(job["alpha"]),
            compute=from_plain(Compute, job["compute"]),
            selection=from_plain(Selection, job.get("selection", {})),
            alpha_curve=None if curve is None else AlphaCurve(tuple(curve)),
        )

    def to_json(self) -> str:
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The job that `to_json` wrote, or that `--json` reported.

        Raises:
            SettingsError: the text is no job, or a value in it cannot work.
        """
        try:
            found = json.loads(text)
        except ValueError as error:
            raise SettingsError(f"no job: not JSON ({error})") from error
        if not isinstance(found, dict):
            raise SettingsError("no job: not a JSON object")
        return cls.from_dict(found)

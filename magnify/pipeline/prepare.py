"""From what a job asks to compute with, to a model that is ready to run."""

from dataclasses import dataclass, replace
from pathlib import Path

from magnify.checkpoints import DEFAULT_MODEL, MODELS, load_checkpoint, load_model, model_class
from magnify.engine.choices import Compile, Precision
from magnify.engine.network import Network
from magnify.engine.runtime import select_runtime
from magnify.errors import CheckpointError, SettingsError
from magnify.pipeline.job import Compute
from magnify.settings import as_typed


@dataclass(frozen=True)
class Engine:
    """A model ready to run, and where it came from.

    Attributes:
        network: the model on its device.
        compute: how it was asked for, with the sha256 of its weights.
        model: its name, as `--model` takes it.
        layout: the published form that its weights are in; None if it has no weights.
    """

    network: Network
    compute: Compute
    model: str
    layout: str | None

    @property
    def sha256(self) -> str | None:
        """Of its weights; None if it has none."""
        return self.compute.weights_sha256

    @property
    def card(self) -> int:
        """The NVIDIA card that it runs on, else the first there is."""
        return self.network.runtime.device.index or 0


def load_engine(
    weights: str | Path = DEFAULT_MODEL,
    device: str = "auto",
    precision: Precision = "auto",
    *,
    compile: Compile = "auto",
) -> Engine:
    """Loads a model by its name, or a checkpoint file, onto a device.

    `compile` has PyTorch compile a network when it meets its first frames, and anew for frames
    of another size: minutes on a CPU. What it made is kept for later runs. `auto` does so for
    clips that are estimated to repay it, `on` for all, `off` for none.

    Raises:
        CheckpointError: the weights cannot be read or recognised.
        SettingsError: the device does not exist here.
    """
    named = isinstance(weights, str) and weights in MODELS
    return prepare(
        Compute(
            model=str(weights) if named else None,
            weights=None if named else weights,  # type: ignore[arg-type]  # a path, or made one
            device=device,
            precision=precision,
            compile=compile,
        )
    )


def prepare(compute: Compute) -> Engine:
    """The engine that a job asks for.

    Raises:
        CheckpointError: the weights cannot be read or recognised, or are not those of the job.
        SettingsError: the device does not exist here, or the weights are of another model.
    """
    runtime = select_runtime(compute.device, compute.precision)
    name = compute.model or DEFAULT_MODEL
    if compute.weights is None and not model_class(name).has_weights:
        if compute.compile == "on":
            raise SettingsError(
                f"{name} is no network, and cannot be compiled; leave out --compile"
            )
        model = load_model(name, **compute.model_options)
        return Engine(Network(model, runtime, compile="off"), compute, name, None)
    if compute.model_options:
        raise SettingsError(
            f"{compute.weights or name} has no option {as_typed(compute.model_options)}; "
            "leave it out, or choose a model without weights"
        )
    checkpoint = load_checkpoint(name if compute.weights is None else compute.weights)
    network = Network(checkpoint.build(), runtime, compile=compute.compile)
    found = network.model.name
    if compute.model not in (None, found):
        raise SettingsError(
            f"{compute.weights} holds {found}, not {compute.model}; leave out --model"
        )
    if compute.weights_sha256 not in (None, checkpoint.sha256):
        raise CheckpointError(
            f"{checkpoint.path}: not the weights that the job was made with (sha256 "
            f"{checkpoint.sha256[:12]}…, expected {str(compute.weights_sha256)[:12]}…)"
        )
    known = replace(compute, weights_sha256=checkpoint.sha256)
    return Engine(network, known, found, checkpoint.layout.name)

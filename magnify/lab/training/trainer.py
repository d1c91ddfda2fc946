"""The training loop."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from magnify.checkpoints import BUILT_IN, write_checkpoint
from magnify.engine.transfer import Download
from magnify.errors import CheckpointError, SettingsError
from magnify.interruption import check
from magnify.lab.synthesis import Pairs, PairSource
from magnify.lab.training.average import AveragedWeights
from magnify.lab.training.gradients import Gradients
from magnify.lab.training.losses import Objective, to_range
from magnify.lab.training.optimisers import make_optimisers, set_rate
from magnify.lab.training.plan import Plan, RunSettings
from magnify.lab.training.process import Process
from magnify.lab.training.run_folder import RunFolder
from magnify.lab.training.timer import Timer, Window

NO_CONTRAST = "off: no VGG-19 weights given"


@dataclass(frozen=True)
class Batch:
    """What one step learns from, and how much of the run was over when it was drawn, 0 to 1."""

    progress: float
    pairs: Pairs


class Trainer:
    """Trains an objective's model on a source of pairs."""

    def __init__(
        self,
        objective: Objective,
        source: PairSource,
        validation: list[Pairs],
        plan: Plan,
        folder: RunFolder,
        *,
        process: Process,
        settings: RunSettings,
        recipe: dict[str, str],
        drawn_from: dict[str, str | int],
        report: Callable[[str], None],
    ) -> None:
        """Makes a trainer at step 0.

        Args:
            objective: network and loss; weights are written in the layout of the built-in ones.
            source: batch `step · world + rank` goes into step `step` on that process.
            validation: pairs that the averaged weights are judged by; may be empty.
            recipe: goes into the weights' metadata, beside the run's numbers. `start` says what the
                first weights were ("sha256 …" if a file's), and outlives the process. `contrast`,
                if there, must be the same when the run is resumed.
            drawn_from: what decides which pairs come, beside the plan.
            report: takes lines of progress.
        """
        self.model = objective.model.to(process.device)
        if process.device.type == "cpu" or settings.precision == "bf16":
            self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        wrapped = process.distribute(objective.to(process.device))
        self.objective = objective
        self.gradients = Gradients(
            torch.compile(wrapped) if settings.compile else wrapped,
            list(self.model.parameters()),
            settings.precision,
            record=process.on_gpu and process.world == 1 and not settings.compile,
        )
        self.optimisers = make_optimisers(self.model)
        self.average = AveragedWeights(self.model, settings.decay)
        self.source, self.validation, self.plan = source, validation, plan
        self.folder, self.process, self.settings = folder, process, settings
        self.recipe, self.report = recipe, report
        self.plans = [{"from_step": 0, **drawn_from, **vars(plan)}]
        self.step = 0
        self.skipped = 0
        self.timer = Timer()

    def resume(self) -> None:
        """Goes on from the folder's last saved state.

        Raises:
            CheckpointError: it cannot be read, or is another network's.
            SettingsError: the loss has another contrastive term.
        """
        state = self.folder.load_state(self.process.device)
        if state["model"].keys() != self.model.state_dict().keys():
            raise CheckpointError(
                f"{self.folder.path} holds the run of another network than {self.model.name}"
            )
        self._check_contrast(state["contrast"])
        if self.process.leads:
            self.folder.forget_after(state["step"])
        self.model.load_state_dict(state["model"])
        for optimiser in self.optimisers:
            optimiser.load_state_dict(state["optimiser_states"][type(optimiser).__name__])
        self.average.weights = state["average"]
        self.step, self.skipped = state["step"], state["skipped"]
        self.timer = Timer(state["seconds"])
        self.recipe = {**self.recipe, "start": state["start"]}
        self._continue(state["plans"])

    def _check_contrast(self, former: str | None) -> None:
        if self.recipe.get("contrast") == former:
            return
        give = "leave --vgg out" if former == NO_CONTRAST else f"give {former} as --vgg"
        raise SettingsError(f"{self.folder.path} holds a run with another loss: {give}")

    def _continue(self, former: list[dict[str, Any]]) -> None:
        """Puts the former plans before this one, unless it is still the last of them."""
        (plan,), last = self.plans, former[-1]
        changes = [
            f"{name} {last.get(name)} → {value}"
            for name, value in plan.items()
            if name != "from_step" and last.get(name) != value
        ]
        self.plans = former
        if changes:
            self.plans = [*former, {**plan, "from_step": self.step}]
            self.report(f"another plan from step {self.step} on: {', '.join(changes)}")

    def run(self) -> None:
        """Trains to the plan's end, and saves."""
        window = Window()
        saved = validated = self.timer.seconds
        validation_loss = self.validate() if self.step == 0 else math.nan
        batch = self.draw(self.step)
        while batch is not None:
            check()
            samples = len(batch.pairs.alpha) * self.process.world
            values, batch = self.train_step(batch)
            window.add(values, samples)
            if self.step % self.settings.log_steps == 0:
                self._log(window, validation_loss)
                window, validation_loss = Window(), math.nan
            if self.timer.seconds - saved >= 60 * self.settings.save_minutes:
                self.save()
                saved = self.timer.seconds
            if self.timer.seconds - validated >= 60 * self.settings.sheet_minutes:
                validation_loss = self.validate()
                validated = self.timer.seconds
        if window.samples:
            self._log(window, self.validate())
        self.save()
        self.folder.close()

    def draw(self, step: int) -> Batch | None:
        """Draws what step `step` learns from; None where the plan is at its end."""
        progress = self._progress(step)
        if progress >= 1:
            return None
        index = step * self.process.world + self.process.rank
        pairs = self.source.pairs(index, self.plan.batch_settings(progress)).to(self.process.device)
        return Batch(progress, pairs)

    def _progress(self, step: int) -> float:
        """0 to 1, the same on all processes."""
        progress = self.plan.progress(step, self.timer.seconds)
        if self.process.world > 1:
            shared = torch.tensor(progress, device=self.process.device)
            torch.distributed.broadcast(shared, src=0)
            progress = float(shared)
        return progress

    def train_step(self, batch: Batch) -> tuple[dict[str, Tensor], Batch | None]:
        """Takes one optimiser step, or none if the gradient is not finite.

        Returns:
            The loss, its terms and the gradient's norm, scalars on the device that the next step
            may overwrite; and that step's batch, drawn while a GPU still works on this one.
        """
        set_rate(self.optimisers, self.plan.learning_rate(self.step, batch.progress))
        # Weights that were trained before have found their way.
        trained = self.recipe["start"].startswith("sha256")
        self.objective.advance(1.0 if trained else batch.progress)
        values = self.gradients(batch.pairs, self.objective.early)
        finite = Download(values["gradient"].isfinite())
        self.step += 1
        upcoming = self.draw(self.step)
        if finite.wait():
            for optimiser in self.optimisers:
                optimiser.step()
            self.average.update(self.model, self.step)
        else:
            self.skipped += 1
        return values, upcoming

    @torch.no_grad()
    def validate(self) -> float:
        """Gives the averaged weights' mean absolute error, in [0, 1]; nan without pairs for it."""
        if not (self.validation and self.process.leads):
            return math.nan
        trained = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.model.load_state_dict(self.average.weights)
        errors, rows = [], []
        for pairs in self.validation:
            output = self._magnify(pairs)
            errors.append((output - pairs.target).abs().mean())
            frames = (pairs.reference, pairs.query, output, pairs.target)
            rows += [list(row) for row in zip(*frames, strict=True)]
        self.model.load_state_dict(trained)
        self.folder.show(rows)
        return float(torch.stack(errors).mean())

    def save(self) -> None:
        """Writes the state to resume from, and the averaged weights."""
        if not self.process.leads:
            return
        self.folder.save_state(
            {
                "model": self.model.state_dict(),
                "average": self.average.weights,
                "optimiser_states": {
                    type(optimiser).__name__: optimiser.state_dict()
                    for optimiser in self.optimisers
                },
                "step": self.step,
                "skipped": self.skipped,
                "seconds": self.timer.seconds,
                "start": self.recipe["start"],
                "contrast": self.recipe.get("contrast"),
                "plans": self.plans,
            }
        )
        numbers = {
            "steps": self.step,
            "minutes": round(self.timer.seconds / 60, 1),
            "skipped": self.skipped,
            "processes": self.process.world,
            "precision": self.settings.precision,
            "decay": self.settings.decay,
            "torch": torch.__version__,
        }
        metadata = {**self.recipe, "plans": json.dumps(self.plans), "run": json.dumps(numbers)}
        layout = BUILT_IN[self.model.name].layout_name
        write_checkpoint(
            self.folder.weights, layout, self.average.weights, metadata, overwrite=True
        )

    def _magnify(self, pairs: Pairs) -> Tensor:
        low, high = self.model.value_range
        pairs = pairs.to(self.process.device)
        frames = (to_range(frame, self.model) for frame in (pairs.reference, pairs.query))
        output: Tensor = self.model(*frames, pairs.alpha[:, None, None, None])
        return ((output - low) / (high - low)).clamp(0, 1).cpu()

    def _log(self, window: Window, validation_loss: float) -> None:
        if not self.process.leads:
            return
        means = window.means()
        seconds = self.timer.seconds
        row = {
            "step": float(self.step),
            "minutes": seconds / 60,
            **means,
            "rate": self.optimisers[0].param_groups[0]["lr"],
            "samples_per_second": window.samples_per_second(),
            "skipped": float(self.skipped),
            "validation": validation_loss,
        }
        self.folder.log(row)
        self.report(
            f"step {self.step} · {seconds / 60:.1f} min · loss {means['loss']:.4f} · "
            f"{row['samples_per_second']:.1f} samples/s · rate {row['rate']:.1e}"
            + (f" · {self.skipped} skipped" if self.skipped else "")
        )

"""The training loop."""

import json
import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from magnify.checkpoints import BUILT_IN, write_checkpoint
from magnify.errors import CheckpointError
from magnify.synthesis import Pairs, PairSource, Stage
from magnify.training.average import AveragedWeights
from magnify.training.clock import Clock, Window
from magnify.training.losses import Objective, loss_terms
from magnify.training.optimisers import make_optimisers, set_rate
from magnify.training.plan import Plan
from magnify.training.process import Process
from magnify.training.run_folder import RunFolder

CLIP = 1.0
"""Longest gradient, in L2 norm."""


@dataclass(frozen=True)
class RunSettings:
    """How a run computes, and how often it reports and saves.

    Attributes:
        precision: fp32, or bf16 in an autocast.
        compile: pass the objective through torch.compile.
        decay: of the weights' moving average.
        log_steps: steps between two rows of metrics.
        save_minutes: a kill loses no more than this.
        sheet_minutes: between two validations.
    """

    precision: Literal["fp32", "bf16"] = "fp32"
    compile: bool = False
    decay: float = 0.999
    log_steps: int = 100
    save_minutes: float = 3.0
    sheet_minutes: float = 10.0


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
        report: Callable[[str], None],
    ) -> None:
        """
        Args:
            objective: network and loss; weights are written in the layout of the built-in ones.
            source: batch `step · world + rank` goes into step `step` on that process.
            validation: pairs that the averaged weights are judged by; may be empty.
            recipe: put into the metadata of the weights, beside the run's numbers; `start`, what
                the first weights were ("sha256 …" if a file's), outlives the process.
            report: takes lines of progress.
        """
        self.model = objective.model.to(process.device)
        self.advance = objective.advance
        if process.device.type == "cpu" or settings.precision == "bf16":
            self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        wrapped = process.distribute(objective.to(process.device))
        self.objective: Callable[..., dict[str, Tensor]]
        self.objective = torch.compile(wrapped) if settings.compile else wrapped
        self.optimisers = make_optimisers(self.model)
        self.average = AveragedWeights(self.model, settings.decay)
        self.source, self.validation, self.plan = source, validation, plan
        self.folder, self.process, self.settings = folder, process, settings
        self.recipe, self.report = recipe, report
        self.step = 0
        self.skipped = 0
        self.clock = Clock()

    def resume(self) -> None:
        """Goes on from the folder's last saved state.

        Raises:
            CheckpointError: it cannot be read, or is another network's.
        """
        state = self.folder.load_state(self.process.device)
        if state["model"].keys() != self.model.state_dict().keys():
            raise CheckpointError(
                f"{self.folder.path} holds the run of another network than {self.model.name}"
            )
        if self.process.leads:
            self.folder.forget_after(state["step"])
        self.model.load_state_dict(state["model"])
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.average.weights = state["average"]
        self.step, self.skipped = state["step"], state["skipped"]
        self.clock = Clock(state["seconds"])
        self.recipe = {**self.recipe, "start": state["start"]}

    def run(self) -> None:
        """Trains to the plan's end, and saves."""
        window = Window()
        saved = validated = self.clock.seconds
        validation_loss = self.validate() if self.step == 0 else math.nan
        while (progress := self.progress()) < 1:
            stage = self.plan.stage(progress)
            values = self.train_step(progress, stage)
            window.add(values, stage.batch * self.process.world)
            if self.step % self.settings.log_steps == 0:
                self._log(window, validation_loss)
                window, validation_loss = Window(), math.nan
            if self.clock.seconds - saved >= 60 * self.settings.save_minutes:
                self.save()
                saved = self.clock.seconds
            if self.clock.seconds - validated >= 60 * self.settings.sheet_minutes:
                validation_loss = self.validate()
                validated = self.clock.seconds
        if window.samples:
            self._log(window, self.validate())
        self.save()
        self.folder.close()

    def progress(self) -> float:
        """0 to 1, the same on all processes."""
        progress = self.plan.progress(self.step, self.clock.seconds)
        if self.process.world > 1:
            shared = torch.tensor(progress, device=self.process.device)
            torch.distributed.broadcast(shared, src=0)
            progress = float(shared)
        return progress

    def train_step(self, progress: float, stage: Stage) -> dict[str, float]:
        """One optimiser step, or none if the gradient is not finite; gives the loss's terms."""
        index = self.step * self.process.world + self.process.rank
        pairs = self.source.pairs(index, stage).to(self.process.device)
        rate = self.plan.learning_rate(self.step, progress)
        set_rate(self.optimisers, rate)
        # Weights that were trained before have found their way.
        self.advance(1.0 if self.recipe["start"].startswith("sha256") else progress)
        for optimiser in self.optimisers:
            optimiser.zero_grad(set_to_none=True)
        with self._autocast():
            terms = loss_terms(self.objective, pairs)
        loss = torch.stack(list(terms.values())).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
        self.step += 1
        if torch.isfinite(norm):
            for optimiser in self.optimisers:
                optimiser.step()
            self.average.update(self.model, self.step)
        else:
            self.skipped += 1
        values = {name: float(term.detach()) for name, term in terms.items()}
        return {"loss": float(loss.detach()), **values, "gradient": float(norm)}

    @torch.no_grad()
    def validate(self) -> float:
        """Mean absolute error of the averaged weights, in [0, 1]; nan without validation pairs."""
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
                "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
                "step": self.step,
                "skipped": self.skipped,
                "seconds": self.clock.seconds,
                "start": self.recipe["start"],
            }
        )
        numbers = {
            "steps": self.step,
            "minutes": round(self.clock.seconds / 60, 1),
            "skipped": self.skipped,
            "processes": self.process.world,
            "precision": self.settings.precision,
            "decay": self.settings.decay,
            "torch": torch.__version__,
        }
        metadata = {**self.recipe, "plan": json.dumps(vars(self.plan)), "run": json.dumps(numbers)}
        path = self.folder.path / f"{self.model.name}.safetensors"
        layout = BUILT_IN[self.model.name].layout_name
        write_checkpoint(path, layout, self.average.weights, metadata, overwrite=True)

    def _magnify(self, pairs: Pairs) -> Tensor:
        low, high = self.model.value_range
        pairs = pairs.to(self.process.device)
        frames = (low + (high - low) * frame for frame in (pairs.reference, pairs.query))
        with self._autocast():
            output: Tensor = self.model(*frames, pairs.alpha[:, None, None, None])
        return ((output.float() - low) / (high - low)).clamp(0, 1).cpu()

    def _autocast(self) -> AbstractContextManager[object]:
        if self.settings.precision == "fp32":
            return nullcontext()
        return torch.autocast(self.process.device.type, torch.bfloat16)

    def _log(self, window: Window, validation_loss: float) -> None:
        if not self.process.leads:
            return
        means = window.means()
        seconds = self.clock.seconds
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

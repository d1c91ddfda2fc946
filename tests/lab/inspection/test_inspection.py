"""Looking inside: kernels of what is linear are exact, and the sheets are there."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from typer.testing import CliRunner, Result

from magnify.cli import app
from magnify.errors import SettingsError
from magnify.lab.inspection.kernels import SIDE, linear_kernels
from magnify.models import MagnificationModel, Texture
from support.clips import drifting_pattern, write_clip


class OneFilter(MagnificationModel):
    """Its shape is one convolution, its texture the square of the picture."""

    stride = 1
    minimum_size = 1
    value_range = (0.0, 1.0)

    def __init__(self) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(1)
        self.kernel = nn.Parameter(torch.randn(2, 3, 5, 5, generator=draw))

    def encode(self, frames: Tensor) -> tuple[Texture, Tensor]:
        shape = nn.functional.conv2d(frames, self.kernel, padding=2)
        return (frames[:, :1].square(),), shape

    def encode_shape(self, frames: Tensor) -> Tensor:
        return self.encode(frames)[1]

    def shape_elements(self, height: int, width: int) -> int:
        return 2 * height * width

    def manipulate(
        self, shape: Tensor, motion: Tensor, alpha: float | Tensor, texture: Texture
    ) -> Tensor:
        return shape

    def decode(self, texture: Texture, shape: Tensor) -> Tensor:
        return shape


def test_the_kernel_of_a_convolution_is_its_own() -> None:
    model = OneFilter()
    frames = torch.rand(2, 3, 80, 90, generator=torch.Generator().manual_seed(2))
    found = linear_kernels(model, frames)
    kernels, linear = found["shape"]
    middle = SIDE // 2
    inner = kernels[:, :, middle - 2 : middle + 3, middle - 2 : middle + 3]
    torch.testing.assert_close(inner, model.kernel.detach())
    assert kernels.abs().sum() == pytest.approx(float(inner.abs().sum()), rel=1e-5)
    assert linear.tolist() == pytest.approx([1, 1], abs=1e-5)
    assert found["texture"][1].max() < 0.95  # a square is not linear


def test_frames_have_to_be_large_enough() -> None:
    with pytest.raises(SettingsError, match="64 pixels or more"):
        linear_kernels(OneFilter(), torch.zeros(1, 3, 60, 80))


def inspect(*arguments: str | Path) -> Result:
    words = [str(argument) for argument in arguments]
    return CliRunner().invoke(app, ["inspect", *words, "--device", "cpu"])


def test_the_sheets_of_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("magnify.lab.inspection.kernels.PLACES", 1)
    clip = write_clip(tmp_path / "in.mp4", drifting_pattern(3, 64, 72))
    result = inspect(clip, "--model", "fd4mm", "--frame", "2", "--alpha", "1", "--alpha", "9")
    assert result.exit_code == 0, result.stderr
    folder = tmp_path / "in_fd4mm_inside"
    sheets = sorted(path.name for path in folder.glob("*.png"))
    textures = [f"kernels_texture_{number}.png" for number in (1, 2, 3)]
    assert sheets == ["activations.png", "kernels_shape.png", *textures, "spectra.png"]
    for sheet in sheets:
        low, high = Image.open(folder / sheet).convert("L").getextrema()
        assert high - low > 100
    told = json.loads((folder / "summary.json").read_text())
    assert all(0 <= share <= 1.0001 for shares in told["linearity"].values() for share in shares)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--frame", "9"), "has no frame 9 behind its first"),
        (("--model", "lbvmm", "--weights", "w.pth"), "exclude each other"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_is_told(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    clip = write_clip(tmp_path / "in.mp4", drifting_pattern(3, 64, 72))
    result = inspect(clip, *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]

"""Networks with weights from a formula, the same that the goldens were made with."""

import zlib

import numpy as np
import torch
from torch import Tensor

from magnify.checkpoints import LAYOUTS, Layout
from magnify.models import MagnificationModel

BY_NAME = {layout.name: layout for layout in LAYOUTS}


def formula_tensor(name: str, shape: tuple[int, ...]) -> Tensor:
    """The golden's weight of that published name, drawn from a generator seeded by the name."""
    drawn = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape)
    if len(shape) == 4:
        drawn = drawn / np.sqrt(np.prod(shape[1:]))
    elif "temperature" in name:
        drawn = 1 + 0.2 * drawn
    elif "norm" in name and name.endswith(".weight"):
        drawn = 1 + 0.1 * drawn
    else:
        drawn = 0.05 * drawn
    return torch.from_numpy(drawn.astype(np.float32))


def formula_model(layout: Layout) -> MagnificationModel:
    model = layout.build()
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    state = {ours: formula_tensor(name, shapes[ours]) for name, ours in layout.tensors.items()}
    model.load_state_dict(state, strict=True)
    return model.eval()

"""Draws random scenes from photographs, cut-outs and strings."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from magnify.synthesis.photographs import Photographs
from magnify.synthesis.scenes import Layer, Part, Scenes
from magnify.synthesis.strings import draw_strings


@dataclass(frozen=True)
class SceneSettings:
    """What random scenes look like. Ranges are (lowest, highest).

    Attributes:
        size: height and width of the frames in pixels.
        objects: how many cut-outs lie on the photograph; None for 7 to 15 at 384 pixels, in
            proportion at other sizes, but never fewer than 2 to 4.
        alpha: total magnification factor, log-uniform.
        input_motion: longest displacement of a layer in the query, in pixels.
        magnified_motion: longest displacement of a layer in the target, in pixels.
        background_scale: photograph pixels per frame pixel, log-uniform, as far as the picture
            is large enough.
        object_size: longest side of a cut-out, relative to the frame's size.
        strings: the share of the objects that are not cut-outs but strings.
        string_length: of a string, relative to the frame's size.
        softness: kernel width in pixels of the coarser grid; 1 is as sharp as it can be.
        blur: kernel width in frame pixels of a blurred background.
    """

    size: int = 384
    objects: tuple[int, int] | None = None
    alpha: tuple[float, float] = (1.0, 100.0)
    input_motion: float = 10.0
    magnified_motion: float = 30.0
    background_scale: tuple[float, float] = (0.8, 2.2)
    object_size: tuple[float, float] = (0.15, 0.7)
    strings: float = 0.25
    string_length: tuple[float, float] = (0.5, 2.0)
    softness: tuple[float, float] = (1.15, 1.7)
    blur: tuple[float, float] = (2.5, 8.0)


def draw_scenes(
    photographs: Photographs, settings: SceneSettings, parts: Tensor, generator: Generator
) -> Scenes:
    """One random scene for each entry of `parts` (B,), on the photographs' device.

    `generator` lives on the CPU, so the same seed gives the same scenes on every device.
    """
    count = len(parts)
    alpha = _log_uniform((count,), settings.alpha, generator)
    fewest, most = settings.objects or _usual_objects(settings.size)
    objects = int(torch.randint(fewest, most + 1, (), generator=generator))
    layers = [_background(photographs, settings, parts, alpha, generator)]
    layers += [_object(photographs, settings, parts, alpha, generator) for _ in range(objects)]
    device = photographs.device
    parts, alpha = (values.to(device, non_blocking=True) for values in (parts, alpha))
    return Scenes(settings.size, settings.size, tuple(layers), parts, alpha)


def _usual_objects(size: int) -> tuple[int, int]:
    return max(2, 7 * size // 384), max(4, 15 * size // 384)


def _background(
    photographs: Photographs,
    settings: SceneSettings,
    parts: Tensor,
    alpha: Tensor,
    generator: Generator,
) -> Layer:
    reach = settings.size + 2 * math.ceil(settings.magnified_motion)
    pictures = [_pick(photographs.backgrounds, generator) for _ in parts]
    sides = torch.tensor([min(picture.shape[1:]) for picture in pictures])
    lowest = settings.background_scale[0]
    scale = _log_uniform((len(parts),), settings.background_scale, generator)
    scale = scale.minimum((sides / reach).clamp(min=lowest))
    windows = [
        _window(picture, math.ceil(reach * float(wanted)) + 4, generator) / 255
        for picture, wanted in zip(pictures, scale, strict=True)
    ]
    middle = torch.tensor([[side / 2 for side in window.shape[1:]] for window in windows])
    origin = middle - settings.size / 2 * scale[:, None]
    origin = origin + torch.rand(len(parts), 2, generator=generator) - 0.5
    softness = _uniform((len(parts),), settings.softness, generator)
    blurred = parts == Part.BLURRED_BACKGROUND
    softness = torch.where(blurred, _uniform((len(parts),), settings.blur, generator), softness)
    moves = (parts != Part.STILL) & (parts != Part.OBJECTS_MOVE)
    motion = _motion(settings, alpha, generator) * moves[:, None]
    return _layer(windows, origin, scale, softness, motion, reflected=True)


def _object(
    photographs: Photographs,
    settings: SceneSettings,
    parts: Tensor,
    alpha: Tensor,
    generator: Generator,
) -> Layer:
    size = _uniform((len(parts),), settings.object_size, generator)
    strings = torch.zeros(len(parts), dtype=torch.bool)
    if settings.strings > 0:
        strings = torch.rand(len(parts), generator=generator) < settings.strings
        length = _uniform((len(parts),), settings.string_length, generator)
        size = torch.where(strings, length, size)
    size = size * settings.size
    drawn = iter(draw_strings(size[strings].long(), generator, photographs.device))
    pictures = [
        next(drawn) if string else _cutout(photographs, int(longest), generator)
        for string, longest in zip(strings, size, strict=True)
    ]
    longest = torch.tensor([max(picture.shape[1:]) for picture in pictures])
    scale = (longest / size).clamp(min=0.5)  # the papers enlarge at most twice
    centre = torch.rand(len(parts), 2, generator=generator) * settings.size
    middle = torch.tensor([[side / 2 for side in picture.shape[1:]] for picture in pictures])
    softness = _uniform((len(parts),), settings.softness, generator)
    moves = (parts != Part.STILL) & (parts != Part.BACKGROUND_ONLY)
    motion = _motion(settings, alpha, generator) * moves[:, None]
    layer = _layer(
        pictures, middle - centre * scale[:, None], scale, softness, motion, reflected=False
    )
    present = (parts != Part.BACKGROUND_ONLY).to(layer.pixels.device, non_blocking=True)
    layer.pixels.mul_(present[:, None, None, None])
    return layer


def _layer(
    pictures: list[Tensor],
    origin: Tensor,
    scale: Tensor,
    softness: Tensor,
    motion: Tensor,
    *,
    reflected: bool,
) -> Layer:
    device = pictures[0].device
    extent = torch.tensor([picture.shape[1:] for picture in pictures])
    height, width = extent.amax(dim=0).tolist()
    pixels = torch.zeros(len(pictures), len(pictures[0]), height, width, device=device)
    for target, picture in zip(pixels, pictures, strict=True):
        target[:, : picture.shape[1], : picture.shape[2]] = picture
    kernel = scale.clamp(min=1) * softness
    extent, origin, scale, width, motion = (
        values.to(device, non_blocking=True) for values in (extent, origin, scale, kernel, motion)
    )
    return Layer(
        pixels=pixels,
        extent=extent,
        origin=origin,
        scale=scale,
        width=width,
        reach=math.ceil(2 * float(kernel.max())),
        motion=motion,
        reflected=reflected,
    )


def _motion(settings: SceneSettings, alpha: Tensor, generator: Generator) -> Tensor:
    """(B, 2): any direction; the magnified length uniform, as far as the input's allows."""
    length = torch.rand(len(alpha), generator=generator) * settings.magnified_motion / alpha
    length = length.clamp(max=settings.input_motion)
    angle = torch.rand(len(alpha), generator=generator) * 2 * math.pi
    return torch.stack((length * angle.sin(), length * angle.cos()), dim=1)


def _cutout(photographs: Photographs, longest: int, generator: Generator) -> Tensor:
    """A random cut-out, premultiplied RGBA in [0, 1], halved while it stays as long as that.

    Halving first costs a quarter of a wide kernel's work and filters as well.
    """
    picture = _pick(photographs.cutouts, generator) / 255
    picture[:3].mul_(picture[3:])
    while max(picture.shape[1:]) >= 2 * longest:
        odd = [side % 2 for side in picture.shape[1:]]
        if any(odd):
            picture = F.pad(picture, (0, odd[1], 0, odd[0]))
        picture = F.avg_pool2d(picture, 2)
    return picture


def _window(picture: Tensor, side: int, generator: Generator) -> Tensor:
    """A random part of the picture, at most `side` pixels high and wide."""
    for axis in (1, 2):
        length = min(side, picture.shape[axis])
        first = torch.randint(picture.shape[axis] - length + 1, (), generator=generator)
        picture = picture.narrow(axis, int(first), length)
    return picture


def _pick(pictures: tuple[Tensor, ...], generator: Generator) -> Tensor:
    """A random picture, mirrored half of the time."""
    picture = pictures[int(torch.randint(len(pictures), (), generator=generator))]
    return picture.flip(2) if torch.rand((), generator=generator) < 0.5 else picture


def _uniform(shape: tuple[int, ...], bounds: tuple[float, float], generator: Generator) -> Tensor:
    low, high = bounds
    return low + (high - low) * torch.rand(shape, generator=generator)


def _log_uniform(
    shape: tuple[int, ...], bounds: tuple[float, float], generator: Generator
) -> Tensor:
    low, high = bounds
    return _uniform(shape, (math.log(low), math.log(high)), generator).exp()

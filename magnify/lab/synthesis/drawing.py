"""Draws random scenes from photographs, cut-outs and strings."""

import math
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Generator, Tensor

from magnify.lab.synthesis.cutouts import halved_size, halvings, padded, premultiplied
from magnify.lab.synthesis.photographs import Photographs
from magnify.lab.synthesis.scenes import Layer, Part, Scenes
from magnify.lab.synthesis.strings import draw_strings


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
    """Draws a random scene for each entry of `parts` (B,), on the photographs' device.

    `generator` lives on the CPU, so the same seed gives the same scenes on every device.
    """
    count = len(parts)
    alpha = _log_uniform((count,), settings.alpha, generator)
    fewest, most = settings.objects or _usual_objects(settings.size)
    objects = int(torch.randint(fewest, most + 1, (), generator=generator))
    background = _background(photographs, settings, parts, alpha, generator)
    layers = (background, *_objects(photographs, settings, parts, alpha, objects, generator))
    device = photographs.device
    parts, alpha = (values.to(device, non_blocking=True) for values in (parts, alpha))
    return Scenes(settings.size, settings.size, layers, parts, alpha)


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
        _window(picture, math.ceil(reach * float(wanted)) + 4, generator)
        for picture, wanted in zip(pictures, scale, strict=True)
    ]
    extent = torch.tensor([window.shape[1:] for window in windows])
    origin = extent / 2 - settings.size / 2 * scale[:, None]
    origin = origin + torch.rand(len(parts), 2, generator=generator) - 0.5
    softness = _uniform((len(parts),), settings.softness, generator)
    blurred = parts == Part.BLURRED_BACKGROUND
    softness = torch.where(blurred, _uniform((len(parts),), settings.blur, generator), softness)
    moves = (parts != Part.STILL) & (parts != Part.OBJECTS_MOVE)
    motion = _motion(settings, alpha, generator) * moves[:, None]
    pixels = padded(windows) / 255
    placement = _placement(extent, origin, motion, scale, _kernel(scale, softness))
    return _layer(pixels, placement, reflected=True)


def _objects(
    photographs: Photographs,
    settings: SceneSettings,
    parts: Tensor,
    alpha: Tensor,
    count: int,
    generator: Generator,
) -> list[Layer]:
    """`count` layers, each with one object of every scene.

    Drawn all at once: on a GPU, what takes time is the number of steps.
    """
    batch = len(parts)
    parts, alpha = parts.repeat(count), alpha.repeat(count)
    size = _uniform((len(parts),), settings.object_size, generator)
    strings = torch.zeros(len(parts), dtype=torch.bool)
    if settings.strings > 0:
        strings = torch.rand(len(parts), generator=generator) < settings.strings
        length = _uniform((len(parts),), settings.string_length, generator)
        size = torch.where(strings, length, size)
    size = size * settings.size
    cutouts = [_pick(photographs.cutouts, generator) for _ in range(int((~strings).sum()))]
    often = [
        halvings(cutout, longest)
        for cutout, longest in zip(cutouts, size[~strings].int().tolist(), strict=True)
    ]
    shapes = [halved_size(cutout, times) for cutout, times in zip(cutouts, often, strict=True)]
    extent = size.int()[:, None].repeat(1, 2)
    extent[~strings] = torch.tensor(shapes, dtype=torch.int).reshape(-1, 2)
    scale = (extent.amax(dim=1) / size).clamp(min=0.5)  # the papers enlarge at most twice
    centre = torch.rand(len(parts), 2, generator=generator) * settings.size
    origin = extent / 2 - centre * scale[:, None]
    kernel = _kernel(scale, _uniform((len(parts),), settings.softness, generator))
    moves = (parts != Part.STILL) & (parts != Part.BACKGROUND_ONLY)
    motion = _motion(settings, alpha, generator) * moves[:, None]

    first, seen = _seen(settings, origin, extent, scale, kernel)
    first = first * strings[:, None]
    seen = torch.where(strings[:, None], seen, extent)
    squares = extent[strings, 0]
    string = draw_strings(squares, first[strings], seen[strings], generator, photographs.device)
    cutout = premultiplied(cutouts, often, batch)
    pictures = (next(string if drawn else cutout) for drawn in strings.tolist())
    present = (parts != Part.BACKGROUND_ONLY).to(photographs.device, non_blocking=True)
    placement = _placement(seen, origin - first, motion, scale, kernel)
    layers = []
    for start in range(0, len(parts), batch):
        these = slice(start, start + batch)
        pixels = padded(list(islice(pictures, batch))).mul_(present[these, None, None, None])
        layers.append(_layer(pixels, placement[these], reflected=False))
    return layers


def _seen(
    settings: SceneSettings, origin: Tensor, extent: Tensor, scale: Tensor, kernel: Tensor
) -> tuple[Tensor, Tensor]:
    """The part of each picture that can come into the frame: its first pixel, and its extent.

    Strings may be far longer than the frame.
    """
    reach = settings.magnified_motion * scale + 2 * kernel
    first = (origin - reach[:, None]).floor().clamp(min=0)
    last = (origin + (settings.size * scale + reach)[:, None]).ceil().minimum(extent)
    return first, last - first


def _kernel(scale: Tensor, softness: Tensor) -> Tensor:
    """Width of the reconstruction kernel in picture pixels."""
    return scale.clamp(min=1) * softness


def _placement(
    extent: Tensor, origin: Tensor, motion: Tensor, scale: Tensor, width: Tensor
) -> Tensor:
    """(N, 8): a `Layer`'s numbers, as `_layer` takes them: together, they are one upload."""
    return torch.cat((extent, origin, motion, scale[:, None], width[:, None]), dim=1)


def _layer(pixels: Tensor, placement: Tensor, *, reflected: bool) -> Layer:
    reach = math.ceil(2 * float(placement[:, 7].max()))
    placement = placement.to(pixels.device, non_blocking=True)
    return Layer(
        pixels=pixels,
        extent=placement[:, 0:2],
        origin=placement[:, 2:4],
        scale=placement[:, 6],
        width=placement[:, 7],
        reach=reach,
        motion=placement[:, 4:6],
        reflected=reflected,
    )


def _motion(settings: SceneSettings, alpha: Tensor, generator: Generator) -> Tensor:
    """(B, 2): any direction, the length uniform up to the longest that both limits allow."""
    longest = (settings.magnified_motion / alpha).clamp(max=settings.input_motion)
    length = torch.rand(len(alpha), generator=generator) * longest
    angle = torch.rand(len(alpha), generator=generator) * 2 * math.pi
    return torch.stack((length * angle.sin(), length * angle.cos()), dim=1)


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

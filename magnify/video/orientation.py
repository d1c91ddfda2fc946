"""How a player turns the stored picture, done to the picture: for files that cannot say it."""

from dataclasses import replace

from magnify.video.colour import Picture
from magnify.video.info import VideoInfo


def upright(picture: Picture, matrix: tuple[int, ...]) -> Picture:
    """(H, W, 3) as stored → as shown, for matrices that turn by right angles and mirror.

    The matrix (a, b, u, c, d, ...) takes a pixel (x, y) to (a x + c y, b x + d y).
    """
    a, b, _, c, d = matrix[:5]
    if a == d == 0:
        a, d = c, b
        picture = picture.swapaxes(0, 1)
    return picture[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1].copy()


def upright_info(info: VideoInfo) -> VideoInfo:
    """What is known of a video whose pictures are turned like that."""
    if not info.rotation % 180:
        return replace(info, display_matrix=None)
    ratio = info.sample_aspect_ratio
    return replace(
        info,
        width=info.height,
        height=info.width,
        display_matrix=None,
        sample_aspect_ratio=1 / ratio if ratio else None,
    )

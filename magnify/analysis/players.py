"""Small copies of clips, as browsers play them."""

import base64
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from magnify.analysis.recording import Progress, Recording
from magnify.errors import SettingsError
from magnify.video import Encoding, VideoWriter
from magnify.video.scaling import fitted_size, scaled

WIDEST = 960
"""Pixels along a copy's longer side, at most."""

LARGEST_PAGE = 64 * 2**20
"""Bytes of all copies together that a page may hold unasked: browsers take longer with more."""

LARGEST_SHOWN = 560
"""Pixels that a small copy's longer side is enlarged to, in a page, but not more than twice."""

MOST_ENLARGED = 2.0

ENCODING = Encoding(codec="libx264", crf=20, preset="fast", pixel_format="yuv420p", audio=False)


@dataclass(frozen=True)
class Player:
    """A copy of a clip: its name, its size in pixels, and itself as an address."""

    name: str
    width: int
    height: int
    source: str

    @property
    def shown_width(self) -> int:
        """Of a page: small clips are shown larger."""
        return round(self.width * self._enlarged)

    @property
    def shown_height(self) -> int:
        return round(self.height * self._enlarged)

    @property
    def _enlarged(self) -> float:
        return max(1.0, min(LARGEST_SHOWN / max(self.width, self.height), MOST_ENLARGED))


def player(recording: Recording, progress: Progress | None = None) -> Player:
    """A small copy of a clip: upright, without sound, with the times of its frames.

    Raises:
        VideoError: the clip cannot be read.
    """
    height, width = fitted_size(recording.height, recording.width, WIDEST)
    info = replace(recording.info, height=height, width=width, container=None, path=None)
    with TemporaryDirectory() as folder:
        path = Path(folder, "copy.mp4")
        with VideoWriter(path, info, ENCODING) as writer, closing(recording.frames()) as frames:
            for number, (_, frame) in enumerate(frames, 1):
                writer.write(replace(frame, picture=scaled(frame.picture, height, width)))
                if progress is not None:
                    progress("copying", number, recording.clip.count)
        data = path.read_bytes()
    source = "data:video/mp4;base64," + base64.b64encode(data).decode()
    return Player(recording.path.name, width, height, source)


def check_size(players: list[Player], *, large: bool) -> None:
    """Checks that a page with these copies opens soon.

    Raises:
        SettingsError: they are larger than 64 MB together, and `large` does not ask for that.
    """
    size = sum(len(player.source) for player in players)
    if size > LARGEST_PAGE and not large:
        raise SettingsError(
            f"the page would hold {size / 2**20:.0f} MB of video, which browsers open slowly; "
            "use --large, or a shorter part (--start, --end, --max-frames)"
        )

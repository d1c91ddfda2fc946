"""GIF: pictures of at most 256 colours, with a palette for each."""

from fractions import Fraction

import av
from av.filter import Graph

CENTISECOND = Fraction(1, 100)
"""The tick of GIF's delays."""


class Palettes:
    """RGB frames → palette frames. Each gets the palette that suits it, so none must wait."""

    def __init__(self, width: int, height: int) -> None:
        self._graph = Graph()
        rgb = av.VideoFormat("rgb24")
        source = self._graph.add_buffer(
            width=width, height=height, format=rgb, time_base=CENTISECOND
        )
        split = self._graph.add("split")
        palette = self._graph.add("palettegen", "stats_mode=single:reserve_transparent=0")
        mapped = self._graph.add("paletteuse", "new=1:dither=sierra2_4a")
        source.link_to(split)
        split.link_to(mapped, 0, 0)
        split.link_to(palette, 1, 0)
        palette.link_to(mapped, 0, 1)
        mapped.link_to(self._graph.add("buffersink"))
        self._graph.configure()

    def apply(self, frame: av.VideoFrame) -> av.VideoFrame:
        """rgb24 → pal8, with the same time stamp (in centiseconds)."""
        self._graph.vpush(frame)
        return self._graph.vpull()

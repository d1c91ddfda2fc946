"""What comes with a decoded frame beside its picture: how it is turned, how it was mastered."""

import struct
from fractions import Fraction
from typing import Any

import av
from av.sidedata.sidedata import Type as SideDataType

SIDE_DATA_KINDS = 64
"""More than FFmpeg has."""
_MASTERING = frozenset({SideDataType.MASTERING_DISPLAY_METADATA, SideDataType.CONTENT_LIGHT_LEVEL})


def display_matrix(frame: av.VideoFrame) -> tuple[int, ...] | None:
    """The 9 numbers that turn the stored picture into the shown one, where there are any."""
    for data in _side_data(frame):
        if data.type == SideDataType.DISPLAYMATRIX:
            return struct.unpack("9i", bytes(data))
    return None


def has_mastering(frame: av.VideoFrame) -> bool:
    """Whether HDR10's mastering display or content light level is stated."""
    return not _MASTERING.isdisjoint(data.type for data in _side_data(frame))


def _side_data(frame: av.VideoFrame) -> list[Any]:
    try:
        side_data: Any = frame.side_data  # whose stubs are wrong
    except ValueError:
        side_data = _without_unknown_side_data(frame).side_data
    return [side_data[number] for number in range(len(side_data))]


def _without_unknown_side_data(frame: av.VideoFrame) -> av.VideoFrame:
    """The frame without the kinds that PyAV does not know, such as EXIF: one hides all others."""
    graph = av.filter.Graph()
    end = graph.add_buffer(
        width=frame.width,
        height=frame.height,
        format=frame.format,
        time_base=frame.time_base or Fraction(1),
    )
    known = {kind.value for kind in SideDataType}
    for kind in sorted(set(range(SIDE_DATA_KINDS)) - known):
        deletion = graph.add("sidedata", f"mode=delete:type={kind}")
        end.link_to(deletion)
        end = deletion
    end.link_to(graph.add("buffersink"))
    graph.configure()
    graph.push(frame)
    filtered = graph.pull()
    assert isinstance(filtered, av.VideoFrame)
    return filtered

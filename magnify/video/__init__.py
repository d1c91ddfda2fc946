"""Video in, video out, with everything but the pictures kept as it was."""

from magnify.video.colour import ColourTags, Picture
from magnify.video.encoding import Encoding
from magnify.video.info import VideoInfo, probe
from magnify.video.reader import Frame, VideoReader
from magnify.video.writer import VideoWriter

__all__ = [
    "ColourTags",
    "Encoding",
    "Frame",
    "Picture",
    "VideoInfo",
    "VideoReader",
    "VideoWriter",
    "probe",
]

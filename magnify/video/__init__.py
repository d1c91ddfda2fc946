"""Video in, video out, with everything but the pictures kept as it was.

- Pictures are RGB as stored, before rotation, in full range. YUV is converted with the source's own
  matrix and range; where these are not stated, BT.709 from 720 lines on, else BT.601, and limited
  range. Chroma comes back to where it was. Transparency is dropped, not blended with anything.
- Time stamps travel with the frames and are written as they came: a variable rate, a late start
  and the last frame's duration survive. GIF counts in 1/100 s, Matroska and WebM in 1/1000 s; as
  these two have no times before 0, sound with a lead-in moves everything in the file by it.
- Only regular files are read, and only of formats that name no other file: no playlists, lists,
  texts, devices or addresses.
- A file that breaks off, is damaged or changes while it is read gives all its frames and then
  TruncatedInputError. Damaged sound and the like is left out; the writer's `damage` tells it.
- What a file states (rate, duration, length of the last frame) is believed as far as its time
  stamps allow; `VideoInfo.notices` tells where it is not.
- By default H.264 in 4:2:0, with 8 bits, or 10 for deeper sources, since that is what players take;
  in 4:4:4 for odd sizes, which H.264 cannot halve; VP9 in WebM; a palette for each picture in GIF.
- Whatever cannot be kept is named in the writer's `notices`.
"""

from typing import TYPE_CHECKING

from magnify.lazy import lazily
from magnify.video.choices import Encoding

if TYPE_CHECKING:
    from magnify.video.colour import ColourTags, Picture
    from magnify.video.info import VideoInfo, probe
    from magnify.video.reader import Frame, Place, VideoReader
    from magnify.video.writer import VideoWriter

__all__ = [
    "ColourTags",
    "Encoding",
    "Frame",
    "Picture",
    "Place",
    "VideoInfo",
    "VideoReader",
    "VideoWriter",
    "probe",
]

__getattr__ = lazily(
    __name__,
    {
        "ColourTags": "magnify.video.colour",
        "Frame": "magnify.video.reader",
        "Picture": "magnify.video.colour",
        "Place": "magnify.video.reader",
        "VideoInfo": "magnify.video.info",
        "VideoReader": "magnify.video.reader",
        "VideoWriter": "magnify.video.writer",
        "probe": "magnify.video.info",
    },
)

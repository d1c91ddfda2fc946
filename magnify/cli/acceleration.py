"""`magnify acceleration`: small motion of something that also moves far."""

from typing import Any

from magnify.cli.choosing import refuse_auto
from magnify.cli.jobs import magnify_all
from magnify.cli.options import Request, magnifying
from magnify.pipeline.modes import Acceleration


@magnifying(Acceleration)
def acceleration(request: Request, chosen: dict[str, Any]) -> None:
    """Magnify what accelerates around a frequency, and leave even motion as it is.

    For the tremor of a moving hand, or a recoil: what moves far does not smear. The result of
    in.mp4 is in_x20_acceleration-8Hz.mp4 beside it, unless told otherwise.
    """
    refuse_auto(request, "acceleration")
    magnify_all(request, Acceleration(**chosen))

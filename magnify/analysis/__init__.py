"""Numbers and pictures from clips: what moves, how often, how far and where."""

from magnify.analysis.analyzing import Analysis, analyze
from magnify.analysis.measurement import Measurement, measure

__all__ = ["Analysis", "Measurement", "analyze", "measure"]

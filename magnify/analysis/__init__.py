"""Numbers and pictures from clips: what moves, how often, how far and where."""

from magnify.analysis.analyzing import Analysis, analyze

__all__ = ["Analysis", "analyze"]

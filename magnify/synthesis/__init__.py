"""Synthetic scenes with known motion: training pairs and test videos."""

from magnify.synthesis.degradation import DegradationSettings
from magnify.synthesis.drawing import SceneSettings, draw_scenes
from magnify.synthesis.pairs import Pairs, PairSettings, PairSource, Stage, SyntheticPairs
from magnify.synthesis.photographs import Photographs
from magnify.synthesis.scenes import Layer, Part, Scenes
from magnify.synthesis.stored import StoredPairs, write_pairs

__all__ = [
    "DegradationSettings",
    "Layer",
    "PairSettings",
    "PairSource",
    "Pairs",
    "Part",
    "Photographs",
    "SceneSettings",
    "Scenes",
    "Stage",
    "StoredPairs",
    "SyntheticPairs",
    "draw_scenes",
    "write_pairs",
]

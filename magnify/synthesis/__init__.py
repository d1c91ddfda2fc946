"""Synthetic scenes with known motion: training pairs and test videos."""

from magnify.synthesis.degradation import DegradationSettings
from magnify.synthesis.drawing import SceneSettings, draw_scenes
from magnify.synthesis.pairs import Pairs, PairSettings, SyntheticPairs
from magnify.synthesis.photographs import Photographs
from magnify.synthesis.scenes import Layer, Part, Scenes

__all__ = [
    "DegradationSettings",
    "Layer",
    "PairSettings",
    "Pairs",
    "Part",
    "Photographs",
    "SceneSettings",
    "Scenes",
    "SyntheticPairs",
    "draw_scenes",
]

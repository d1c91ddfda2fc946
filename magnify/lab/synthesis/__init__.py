"""Synthetic scenes with known motion: training pairs and test videos."""

from magnify.lab.synthesis.degradation import DegradationSettings
from magnify.lab.synthesis.drawing import SceneSettings, draw_scenes
from magnify.lab.synthesis.object_scenes import Mover, ObjectScene
from magnify.lab.synthesis.pairs import (
    BatchSettings,
    Pairs,
    PairSettings,
    PairSource,
    SyntheticPairs,
)
from magnify.lab.synthesis.photographs import Photographs
from magnify.lab.synthesis.scenes import Layer, Part, Scenes
from magnify.lab.synthesis.stored import StoredPairs, write_pairs

__all__ = [
    "BatchSettings",
    "DegradationSettings",
    "Layer",
    "Mover",
    "ObjectScene",
    "PairSettings",
    "PairSource",
    "Pairs",
    "Part",
    "Photographs",
    "SceneSettings",
    "Scenes",
    "StoredPairs",
    "SyntheticPairs",
    "draw_scenes",
    "write_pairs",
]

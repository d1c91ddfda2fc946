"""How good a network is: test videos with known truth, and still regions of real clips."""

from magnify.lab.evaluation.degradation import Degradation
from magnify.lab.evaluation.excerpt import excerpt
from magnify.lab.evaluation.fidelity import Fidelity
from magnify.lab.evaluation.known_scenes import KnownScene
from magnify.lab.evaluation.lpips import Lpips
from magnify.lab.evaluation.methods import BASELINES, Method, load_method, network, nothing, oracle
from magnify.lab.evaluation.quality import TemporalDeviation, levels, psnr, ssim, temporal_deviation
from magnify.lab.evaluation.scenes import (
    Case,
    EvaluationSettings,
    SceneScore,
    cases,
    evaluate_scenes,
    measure,
)
from magnify.lab.evaluation.still import StillScore, evaluate_still
from magnify.lab.evaluation.videos import RenderedVideo, evaluate_videos, rendered_videos

__all__ = [
    "BASELINES",
    "Case",
    "Degradation",
    "EvaluationSettings",
    "Fidelity",
    "KnownScene",
    "Lpips",
    "Method",
    "RenderedVideo",
    "SceneScore",
    "StillScore",
    "TemporalDeviation",
    "cases",
    "evaluate_scenes",
    "evaluate_still",
    "evaluate_videos",
    "excerpt",
    "levels",
    "load_method",
    "measure",
    "network",
    "nothing",
    "oracle",
    "psnr",
    "rendered_videos",
    "ssim",
    "temporal_deviation",
]

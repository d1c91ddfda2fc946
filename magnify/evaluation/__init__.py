"""How good a network is: synthetic videos with known truth, and still regions of real clips."""

from magnify.evaluation.excerpt import excerpt
from magnify.evaluation.fidelity import Fidelity
from magnify.evaluation.lpips import Lpips
from magnify.evaluation.methods import BASELINES, Method, load_method, network, nothing, oracle
from magnify.evaluation.quality import TemporalDeviation, levels, psnr, ssim, temporal_deviation
from magnify.evaluation.registration import Displacement, displacement
from magnify.evaluation.rendered import (
    RenderedVideo,
    evaluate_rendered,
    holds_rendered,
    rendered_videos,
)
from magnify.evaluation.scores import Case, EvaluationSettings, Score, cases, evaluate, measure
from magnify.evaluation.still import Region, StillScore, evaluate_still
from magnify.evaluation.videos import Degradation, Kind, SceneKey, TestScene, Truth

__all__ = [
    "BASELINES",
    "Case",
    "Degradation",
    "Displacement",
    "EvaluationSettings",
    "Fidelity",
    "Kind",
    "Lpips",
    "Method",
    "Region",
    "RenderedVideo",
    "SceneKey",
    "Score",
    "StillScore",
    "TemporalDeviation",
    "TestScene",
    "Truth",
    "cases",
    "displacement",
    "evaluate",
    "evaluate_rendered",
    "evaluate_still",
    "excerpt",
    "holds_rendered",
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

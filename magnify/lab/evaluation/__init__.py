"""How good a network is: synthetic videos with known truth, and still regions of real clips."""

from magnify.lab.evaluation.excerpt import excerpt
from magnify.lab.evaluation.fidelity import Fidelity
from magnify.lab.evaluation.lpips import Lpips
from magnify.lab.evaluation.methods import BASELINES, Method, load_method, network, nothing, oracle
from magnify.lab.evaluation.quality import TemporalDeviation, levels, psnr, ssim, temporal_deviation
from magnify.lab.evaluation.rendered import (
    RenderedVideo,
    evaluate_rendered,
    holds_rendered,
    rendered_videos,
)
from magnify.lab.evaluation.scores import Case, EvaluationSettings, Score, cases, evaluate, measure
from magnify.lab.evaluation.still import Region, StillScore, evaluate_still
from magnify.lab.evaluation.videos import Degradation, Kind, SceneKey, TestScene, Truth
from magnify.motion.registration import Displacement, displacement

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

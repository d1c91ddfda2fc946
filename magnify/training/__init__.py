"""Training of both networks on synthetic or stored pairs."""

from magnify.training.plan import Plan
from magnify.training.runs import RATES, Request, check, train
from magnify.training.trainer import RunSettings

__all__ = ["RATES", "Plan", "Request", "RunSettings", "check", "train"]

"""Training of both networks on synthetic or stored pairs."""

from magnify.lab.training.plan import Plan
from magnify.lab.training.runs import RATES, Request, check, train
from magnify.lab.training.trainer import RunSettings

__all__ = ["RATES", "Plan", "Request", "RunSettings", "check", "train"]

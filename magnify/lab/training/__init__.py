"""Trains both networks on synthetic or stored pairs."""

from magnify.lab.training.plan import Plan, RunSettings
from magnify.lab.training.process import prepare_process
from magnify.lab.training.runs import RATES, Request, check, train

__all__ = ["RATES", "Plan", "Request", "RunSettings", "check", "prepare_process", "train"]

"""Simulated AI servers: recordings with known faults, from a seed."""

from boxwatch.sources.simulated.box import simulate
from boxwatch.sources.simulated.card_model import BUILDS, WORKSTATION, Build
from boxwatch.sources.simulated.fault import FaultKind
from boxwatch.sources.simulated.fault_table import FAULTS, SERVER_FAULTS, fault_help
from boxwatch.sources.simulated.truth import InjectedFault, Truth

__all__ = [
    "BUILDS",
    "FAULTS",
    "SERVER_FAULTS",
    "WORKSTATION",
    "Build",
    "FaultKind",
    "InjectedFault",
    "Truth",
    "fault_help",
    "simulate",
]

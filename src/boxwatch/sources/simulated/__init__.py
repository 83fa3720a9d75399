"""A simulated two-GPU AI server: recordings with known faults, from a seed."""

from boxwatch.sources.simulated.box import simulate
from boxwatch.sources.simulated.fault import FaultKind
from boxwatch.sources.simulated.fault_table import FAULTS, fault_help
from boxwatch.sources.simulated.truth import InjectedFault, Truth

__all__ = ["FAULTS", "FaultKind", "InjectedFault", "Truth", "fault_help", "simulate"]

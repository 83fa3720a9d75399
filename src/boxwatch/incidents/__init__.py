"""Incidents: findings grouped into one thing that happened, for a person."""

from boxwatch.incidents.grouper import Grouper
from boxwatch.incidents.incident import Cause, Incident, State

__all__ = ["Cause", "Grouper", "Incident", "State"]

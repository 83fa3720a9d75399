from .grouper import Grouper
from .incident import Cause, Incident, State

__all__ = ["Cause", "Grouper", "Incident", "State"]

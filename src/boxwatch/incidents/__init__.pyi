from .expecting import expectations
from .grouper import Grouper
from .incident import Cause, Incident, Label, Opinion, State

__all__ = ["Cause", "Grouper", "Incident", "Label", "Opinion", "State", "expectations"]

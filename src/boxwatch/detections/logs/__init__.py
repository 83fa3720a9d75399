"""What services write: lines in their order, and how often each kind comes."""

from boxwatch.detections.logs.learning import Learning
from boxwatch.detections.logs.watch import LogWatch

__all__ = ["Learning", "LogWatch"]

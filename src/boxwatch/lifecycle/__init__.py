"""Learning: the life of the models."""

from boxwatch.lifecycle.training import Trained, train

__all__ = ["Trained", "train"]

from .training import Trained, train

__all__ = ["Trained", "train"]

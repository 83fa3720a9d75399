"""Windows: one row is one entity over one stretch of time, one column is one feature."""

from boxwatch.features.view import WINDOW_KEY, Direction, Feature, View
from boxwatch.features.windows import VIEWS, WindowBuilder

__all__ = ["VIEWS", "WINDOW_KEY", "Direction", "Feature", "View", "WindowBuilder"]

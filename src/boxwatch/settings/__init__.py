"""The settings: one frozen tree from boxwatch.toml, BOXWATCH_* and the command line."""

from boxwatch.settings.endpoints import Otlp, ServiceEndpoint
from boxwatch.settings.loading import FILE_NAME, Settings, load
from boxwatch.settings.rows import SettingRow
from boxwatch.settings.tree import RuleOverride

__all__ = ["FILE_NAME", "Otlp", "RuleOverride", "ServiceEndpoint", "SettingRow", "Settings", "load"]

"""The settings: one frozen tree from boxwatch.toml, BOXWATCH_* and the command line."""

from boxwatch.settings.endpoints import Otlp, ServiceEndpoint
from boxwatch.settings.host_tables import replace_file, with_host, without_host
from boxwatch.settings.hosts import LOCAL, Host, SshAddress, read_address
from boxwatch.settings.loading import FILE_NAME, MLFLOW_VARIABLE, Settings, load
from boxwatch.settings.rows import SettingRow
from boxwatch.settings.tree import RuleOverride

__all__ = [
    "FILE_NAME",
    "LOCAL",
    "MLFLOW_VARIABLE",
    "Host",
    "Otlp",
    "RuleOverride",
    "ServiceEndpoint",
    "SettingRow",
    "Settings",
    "SshAddress",
    "load",
    "read_address",
    "replace_file",
    "with_host",
    "without_host",
]

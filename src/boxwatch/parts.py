"""The visible table of parts: what the settings can switch on, and the class that does it.

A class is named by module and loaded when it is wanted, so that nobody pays for what they do not
use.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

SOURCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "journald": "boxwatch.sources.journald:JournaldSource",
        "docker": "boxwatch.sources.docker:DockerSource",
        "nvidia": "boxwatch.sources.nvidia:NvidiaSource",
        "host": "boxwatch.sources.host:HostSource",
        "kernel": "boxwatch.sources.kernel:KernelSource",
        "files": "boxwatch.sources.files:FilesSource",
        "ssh": "boxwatch.sources.ssh:SshSource",
    }
)
SHELLS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "local-shell": "boxwatch.sources.shell:LocalShell",
        "ssh-shell": "boxwatch.sources.ssh_shell:SshShell",
        "ssh-host-key": "boxwatch.sources.ssh_trust:ask_host_key",
        "ssh-trust": "boxwatch.sources.ssh_trust:trust",
        "ssh-distrust": "boxwatch.sources.ssh_trust:distrust",
    }
)
ENGINES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "docker-socket": "boxwatch.sources.docker_api:ApiEngine",
        "docker-command": "boxwatch.sources.docker_cli:CliEngine",
        "docker-either": "boxwatch.sources.docker_either:EitherEngine",
        "ssh-dial": "boxwatch.sources.ssh_dial:SshDial",
    }
)
ENDPOINTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "services": "boxwatch.sources.services:ServicesSource",
        "endpoint": "boxwatch.sources.scrape:Endpoint",
        "shell-fetch": "boxwatch.sources.scrape:ShellFetch",
        "otlp": "boxwatch.sources.otlp:OtlpSource",
        "otlp-options": "boxwatch.sources.otlp:OtlpOptions",
    }
)
LIBRARIES: Final[Mapping[str, str]] = MappingProxyType(
    {"nvml": "boxwatch.sources.nvml:NvmlLibrary"}
)
MODELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "sequence": "boxwatch.models.sequence:SequenceModel",
        "sequence-training": "boxwatch.models.sequence_training:train",
        # What `models.ZOO` describes.
        "robust_z": "boxwatch.models.robust_z:RobustZ",
        "pca": "boxwatch.models.pca:PCA",
        "mahalanobis": "boxwatch.models.mahalanobis:Mahalanobis",
        "nearest": "boxwatch.models.nearest:Nearest",
        "kmeans": "boxwatch.models.kmeans:KMeans",
        "isolation_forest": "boxwatch.models.isolation_forest:IsolationForest",
        "one_class_svm": "boxwatch.models.one_class_svm:OneClassSVM",
        "ecod": "boxwatch.models.ecod:ECOD",
        "hbos": "boxwatch.models.hbos:HBOS",
        "half_space_trees": "boxwatch.models.half_space_trees:HalfSpaceTrees",
        "random_forest": "boxwatch.models.random_forest:RandomForest",
        "lstm_autoencoder": "boxwatch.models.lstm_autoencoder:LstmAutoencoder",
        "lstm_forecaster": "boxwatch.models.lstm_forecaster:LstmForecaster",
        "reading-training": "boxwatch.models.reading_training:train",
    }
)


TRACKING: Final[Mapping[str, str]] = MappingProxyType(
    {
        "mlflow": "boxwatch.lifecycle.mlflow_tracking:MlflowTracking",
        "search": "boxwatch.lifecycle.search:Search",
    }
)
EXPORTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "evidently": "boxwatch.lifecycle.drift.evidently_report:write_report",
        # What the bench of drift is held against.
        "evidently-default": "boxwatch.lifecycle.drift.evidently_report:any_drifted",
        "ks-test": "boxwatch.bench.drift_peer:significant",
    }
)


def load(kind: str) -> Callable[..., Any]:
    """The class of the part `kind`; imports its module."""
    named = {
        **SOURCES,
        **SHELLS,
        **ENGINES,
        **ENDPOINTS,
        **LIBRARIES,
        **MODELS,
        **TRACKING,
        **EXPORTS,
    }[kind]
    module, _, name = named.partition(":")
    part: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return part

"""What the tests of a model's life share."""

import os
import sys

import pytest


@pytest.fixture(autouse=True)
def _no_address():
    """What a test tells MLflow's own functions is not told to other tests."""
    yield
    if "mlflow" in sys.modules:
        sys.modules["mlflow"].set_tracking_uri(None)
        sys.modules["mlflow"].set_registry_uri(None)
        os.environ.pop("MLFLOW_REGISTRY_URI", None)

"""How long the fuzzing takes: a moment by default, hours with ``DPAUDIT_FUZZ`` (make soak)."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

TIMES = int(os.environ.get("DPAUDIT_FUZZ", "1"))
"""By how much to multiply the number of examples."""

settings.register_profile(
    "fuzz",
    deadline=None,
    derandomize=TIMES == 1,
    max_examples=60 * TIMES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="session")
def registry():
    """Every plug-in, read once."""
    import dpaudit

    return dpaudit.Registry.discover()

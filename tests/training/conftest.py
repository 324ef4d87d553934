"""People with two groups, drawn once."""

import numpy as np
import pytest

from dpaudit.training.records import Records


@pytest.fixture(scope="session")
def people():
    """600 records of 10 columns; group 1 is a quarter of them and has longer inputs."""
    rng = np.random.default_rng(3)
    groups = (rng.random(600) < 0.25).astype(int)
    inputs = 2.0 * rng.standard_normal((600, 10)) / np.sqrt(10) * (1 + 0.8 * groups)[:, None]
    chance = 1.0 / (1.0 + np.exp(-inputs @ rng.standard_normal(10) * 3.0))
    return Records(inputs=inputs, labels=rng.random(600) < chance, groups=groups)

"""Training data that learners are tried on."""

import numpy as np
import pytest

import dpaudit
from dpaudit.training.records import Records


def training_data(n=600, d=6, seed=1, *, classes=("no", "yes"), **other):
    """Return n records and n/4 held out; group b is a quarter and has longer inputs."""
    rng = np.random.default_rng(seed)
    m = n + n // 4
    groups = (rng.random(m) < 0.25).astype(int)
    raw = rng.uniform(-1.0, 1.0, (m, d)) * np.where(groups == 1, 1.0, 0.6)[:, None]
    inputs = np.column_stack([raw, np.ones(m)]) / np.sqrt(d + 1.0)
    chance = 1.0 / (1.0 + np.exp(-4.0 * inputs[:, 0] - 2.0 * inputs[:, 1] + groups))
    labels = (rng.random(m) < chance).astype(float)
    if len(classes) > 2:
        labels += (rng.random(m) < 0.3) * (labels == 1)
    if not classes:
        labels = np.clip(inputs[:, 0] + 0.1 * rng.standard_normal(m), -1.0, 1.0)

    def part(rows):
        return Records(inputs=inputs[rows], labels=labels[rows], groups=groups[rows],
                       names=("a", "b"))  # fmt: skip

    made = {
        "train": part(slice(0, n)),
        "held_out": part(slice(n, m)),
        "rows": np.arange(n),
        "held_out_rows": np.arange(n, m),
        "columns": (*(f"x{i}" for i in range(d)), "constant"),
        "classes": classes,
        "norm_bound": 1.0,
        "public_scaling": True,
        "digest": "ab" * 32,
    }
    return dpaudit.TrainingData(**{**made, **other})


@pytest.fixture(scope="session")
def people():
    return training_data()


@pytest.fixture(scope="session")
def make_people():
    return training_data

import math

import numpy as np
import pytest

from dpaudit.errors import UsageError
from dpaudit.privacy.sensitivity import l1_sensitivity, l2_sensitivity


@pytest.mark.parametrize(
    ("neighbours", "cells", "l1", "l2"),
    [
        ("add-remove", 1, 1, 1.0),
        ("replace", 1, 2, math.sqrt(2.0)),
        ("add-remove", 3, 3, math.sqrt(3.0)),
        ("replace", 3, 6, math.sqrt(6.0)),
    ],
)
def test_sensitivities(neighbours, cells, l1, l2):
    assert l1_sensitivity(neighbours, cells) == l1
    assert l2_sensitivity(neighbours, cells) == pytest.approx(l2, rel=1e-15)


@pytest.mark.parametrize("cells", [1, 2, 5])
def test_the_worst_change_reaches_them(cells):
    leaves, enters = np.zeros(2 * cells), np.zeros(2 * cells)
    leaves[:cells], enters[cells:] = 1.0, 1.0
    changes = {"add-remove": leaves, "replace": leaves - enters}
    for neighbours, change in changes.items():
        assert np.abs(change).sum() == l1_sensitivity(neighbours, cells)
        assert np.linalg.norm(change) == pytest.approx(l2_sensitivity(neighbours, cells))


def test_wrong_arguments():
    with pytest.raises(UsageError, match="'swap'"):
        l1_sensitivity("swap")
    with pytest.raises(UsageError, match="cells 0"):
        l2_sensitivity("replace", 0)

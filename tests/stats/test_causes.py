import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpaudit.model.estimate import Estimate
from dpaudit.stats.causes import CAUSES, causes


def interval(value, half):
    value = np.asarray(value, dtype=float)
    return Estimate(
        value=value, low=value - half, high=value + half, level=0.95, method="simulated", draws=64
    )


@pytest.mark.parametrize(
    ("bias", "half", "curvature", "cause"),
    [
        (10.0, 0.1, 10.0, "curvature"),
        (-10.0, 0.1, -9.5, "curvature"),
        (10.0, 1.0, 10.0, "unknown"),
        (10.0, 0.1, 0.5, "beyond"),
        (-140_587.0, 1.0, -0.03, "beyond"),
        (10.0, 0.1, 5.0, "both"),
        (10.0, 0.1, -10.0, "both"),
        (10.0, 11.0, 0.0, "unknown"),
        (0.0, 0.0, 0.0, "none"),
        (0.0, 0.0, 3.0, "none"),
    ],
)
def test_the_rule(bias, half, curvature, cause):
    assert causes(interval(bias, half), Estimate.exact(curvature)) == cause


def test_small_biases_need_no_explanation():
    assert causes(interval(0.3, 0.1), Estimate.exact(0.3), least=0.5) == "none"
    assert causes(interval(0.3, 0.3), Estimate.exact(0.0), least=0.5) == "unknown"


@given(
    st.floats(-10, 10), st.floats(0, 5), st.floats(-10, 10), st.floats(0, 5), st.floats(0.01, 0.4)
)
def test_what_is_certain_stays_so_when_the_intervals_shrink(bias, half, second, error, tolerance):
    """A wide interval may only ever say less: its verdict is that of every value inside."""
    wide = str(
        causes(interval(bias, half), Estimate.exact(second, error=error), tolerance=tolerance)
    )
    assert wide in CAUSES
    if wide == "unknown":
        return
    for b in (bias - half, bias, bias + half):
        for c in (second - error, second, second + error):
            slack = -1e-9 if wide == "both" else 1e-9
            one = causes(Estimate.exact(b), Estimate.exact(c), tolerance=tolerance + slack)
            assert str(one) == wide

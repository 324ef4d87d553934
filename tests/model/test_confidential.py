"""A confidential value is refused wherever it could be seen."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from dpaudit.errors import DisclosureError
from dpaudit.model.confidential import Confidential
from dpaudit.report.prose import Prose


@pytest.mark.parametrize(
    "use",
    [str, float, int, bool, list, len, hash, iter, "{:.2f}".format, pickle.dumps, json.dumps,
     np.asarray, lambda c: c == 48_217, lambda c: c < 1, lambda c: f"{c}", "{}".format,
     lambda c: Prose()("{n} people", n=c), lambda c: Prose().decimal(c)],
)  # fmt: skip
def test_a_confidential_value_is_refused_wherever_it_is_used(use):
    with pytest.raises((DisclosureError, TypeError)) as caught:
        use(Confidential(48_217))
    assert "48217" not in str(caught.value)
    assert repr(Confidential(48_217)) == "Confidential(...)"
    assert Confidential(48_217).reveal() == 48_217

"""What tests of attacks share: an audit of 320 people in a table of 24 cells."""

import attrs
import numpy as np
import pytest

AUDIT = """
title = "People by town, sex and race"

[data]
file = "people.csv"
status = "public"
table = ["TOWN", "SEX", "RACE"]
groups = ["RACE"]

[data.domain]
TOWN = {{ column = "town", values = {{ a = "A", b = "B", c = "C", d = "D" }} }}
SEX = {{ column = "sex", values = {{ f = "female", m = "male" }} }}
RACE = {{ column = "race", values = {{ x = "X", y = "Y", z = "Z" }} }}

[run]
draws = 64

{releases}

[[decision]]
use = "counts"

{attacks}
"""

LAPLACE = """
[[release]]
name = "noisy"
mechanism = { use = "laplace", epsilon = 1.0 }
neighbours = "add-remove"
postprocess = [{ use = "non-negative" }]
"""

SUPPRESSED = """
[[release]]
name = "suppressed"
mechanism = { use = "cell-suppression", threshold = 5 }
neighbours = "add-remove"
"""

EXACT = """
[[release]]
name = "as it is"
mechanism = { use = "identity" }
neighbours = "add-remove"
"""

BLANK = """
[[release]]
name = "drowned"
mechanism = { use = "laplace", epsilon = 1e-6 }
neighbours = "add-remove"
"""

POOL = """
[[attack]]
use = "bayes-pool"
game = "pool"
"""


@attrs.frozen
class AttackAudit:
    """Writes audit files in a folder; its attributes are parts of them."""

    folder: object
    noisy: str = LAPLACE
    suppressed: str = SUPPRESSED
    exact: str = EXACT
    drowned: str = BLANK
    pool: str = POOL

    def __call__(self, releases, attacks, name="audit.toml"):
        file = self.folder / name
        file.write_text(AUDIT.format(releases=releases, attacks=attacks))
        return file


@pytest.fixture
def attack_audit(tmp_path):
    rng = np.random.default_rng(3)
    people = ["town,sex,race"]
    for town, size in zip("abcd", (40, 60, 90, 130), strict=True):
        for _ in range(size):
            race = rng.choice(["x", "y", "z"], p=[0.7, 0.2, 0.1])
            people.append(f"{town},{rng.choice(['f', 'm'])},{race}")
    (tmp_path / "people.csv").write_text("\n".join(people) + "\n")

    return AttackAudit(tmp_path)

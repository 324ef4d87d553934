"""How many blocks of people agree with what is published: counted in full."""

from __future__ import annotations

import json

import pytest

from dpaudit.errors import UsageError
from dpaudit.solvers.block_universe import Statistic, common, universe

SEX, RACE, MARRIED = range(3)
"""Attributes: 0 is female, black and single."""

PUBLISHED = {
    "1A": Statistic(where={}, count=7, median=30, mean=38),
    "2A": Statistic(where={SEX: 0}, count=4, median=30, mean=33.5),
    "2B": Statistic(where={SEX: 1}, count=3, median=30, mean=44),
    "2C": Statistic(where={RACE: 0}, count=4, median=51, mean=48.5),
    "2D": Statistic(where={RACE: 1}, count=3, median=24, mean=24),
    "3B": Statistic(where={MARRIED: 1}, count=4, median=51, mean=54, least=15),
    "4A": Statistic(where={SEX: 0, RACE: 0}, count=3, median=36, mean=36.7),
}
"""The block of Garfinkel, Abowd and Martindale (2019)."""


def found_without(*dropped):
    return universe([one for name, one in PUBLISHED.items() if name not in dropped], 3)


def told(person):
    age, sex, race, married = person
    return f"{age}{'FM'[sex]}{'BW'[race]}{'SM'[married]}"


@pytest.mark.shared_data
@pytest.mark.golden
@pytest.mark.parametrize("dropped", ["none", "2A", "2B", "2C", "2D", "2A+2B", "4A"])
def test_the_block_of_seven(dropped, shared):
    items = json.loads((shared / "golden" / "attacks.json").read_text())
    stored = {item["id"]: item for item in items}
    wanted = {"none": 1, "2A": 1, "2B": 1, "2C": 1, "2D": 1, "2A+2B": 8, "4A": 2}[dropped]
    names = () if dropped == "none" else dropped.split("+")
    blocks = found_without(*names)
    assert len(blocks) == wanted
    item = stored.get(f"cacm2019/drop_{dropped}")
    shared_by_all = sorted(told(person) for person in common(blocks))
    if dropped == "2A+2B":
        assert shared_by_all == sorted(["8FBS", "36FBM", "66FBM", "84MBM"])
    if item is not None:
        assert item["output"]["n"] == wanted
        assert dropped == "4A" or shared_by_all == sorted(item["output"]["common"])


def test_symbols_say_something():
    """A symbol means fewer than three: of the eight blocks two do not agree with it."""

    def hidden(block):
        adults = sum(age >= 18 and married == 0 for age, _s, _r, married in block)
        pairs = [(1, 0), (1, 1), (0, 1)]
        by_pair = [sum((s, r) == pair for _a, s, r, _m in block) for pair in pairs]
        ages = [sum(age < 5 for age, *_ in block), sum(age < 18 for age, *_ in block),
                sum(age >= 64 for age, *_ in block)]  # fmt: skip
        return all(number <= 2 for number in (adults, *by_pair, *ages))

    assert sum(hidden(block) for block in found_without("2A", "2B")) == 6


def test_a_block_that_nothing_parts_is_refused():
    with pytest.raises(UsageError, match="parts all people"):
        universe([PUBLISHED["1A"]], 3)

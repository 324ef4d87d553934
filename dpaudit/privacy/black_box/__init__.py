"""Mechanisms as black boxes: they are run, and what they promise is tested on their outputs.

No audit shows that a mechanism is private: it refutes a claim, or it does not.
"""

from __future__ import annotations

from dpaudit.privacy.black_box.certificate import Measured, certified
from dpaudit.privacy.black_box.claim import Claim, ClaimAudit, Result, largest_bound, sentence
from dpaudit.privacy.black_box.inputs import InputPair, Relation, generated
from dpaudit.privacy.black_box.kept import Kept
from dpaudit.privacy.black_box.runners import on_grid, one_by_one
from dpaudit.privacy.black_box.sequential import Runner

__all__ = [
    "Claim",
    "ClaimAudit",
    "InputPair",
    "Kept",
    "Measured",
    "Relation",
    "Result",
    "Runner",
    "certified",
    "generated",
    "largest_bound",
    "on_grid",
    "one_by_one",
    "sentence",
]

"""What plug-in authors test with: every check says what is wrong and what to do about it.

Some checks compare with simulation: each such comparison raises a false alarm with probability
at most 1e-6, and a call makes at most ten. :mod:`dpaudit.testing.specimens` are mechanisms that
break their promise, for whoever writes an auditor.
"""

from __future__ import annotations

from dpaudit.testing.attacks import attack_faults, check_attack
from dpaudit.testing.faults import Fault, refuse
from dpaudit.testing.mechanisms import check_mechanism, mechanism_faults
from dpaudit.testing.postprocessors import check_postprocessor, postprocessor_faults
from dpaudit.testing.specimens import BROKEN, CORRECT, Specimen

__all__ = [
    "BROKEN",
    "CORRECT",
    "Fault",
    "Specimen",
    "attack_faults",
    "check_attack",
    "check_mechanism",
    "check_postprocessor",
    "mechanism_faults",
    "postprocessor_faults",
    "refuse",
]

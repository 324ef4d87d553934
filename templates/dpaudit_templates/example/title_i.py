"""Title I basic grants (20 U.S.C. 6333), simplified."""

import dpaudit


@dpaudit.decision(name="title-i-simple", unit="dollars")
def title_i_simple(counts, *, expenditure: dpaudit.Column, appropriation: float = 1.0):
    """Share the appropriation by eligible children, weighted by expenditure per pupil."""
    weight = counts * expenditure
    return appropriation * weight / weight.sum()

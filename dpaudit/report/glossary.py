"""Terms in plain words, and what each quantity is."""

from __future__ import annotations

from dpaudit.report.prose import Prose


def terms(_: Prose) -> tuple[tuple[str, str], ...]:
    """Return the glossary, in the order of the alphabet of the source language."""
    return (
        (_("Bias"), _("The average, over the noise, of the outcome minus the outcome from the "
                      "true counts. It recurs with every release.")),
        (_("Cost of privacy"), _("The sum of all average losses.")),
        (_("Differential privacy"), _("A promise that a release looks nearly the same whether or "
                                      "not any one person was counted.")),
        (_("Epsilon (ε)"), _("The privacy-loss budget. Smaller means more noise and more "
                             "privacy.")),
        (_("Expected shortfall"), _("How much one release gives less than the true counts would, "
                                    "on average, bad luck included.")),
        (_("Gap (α-fairness)"), _("The largest bias minus the smallest. Zero means that all are "
                                  "treated alike.")),
        (_("Interval"), _("A range that holds the true number with the stated probability.")),
        (_("Mechanism"), _("The program that adds noise to the counts.")),
        (_("Neighbouring data"), _("Two sets of data between which nobody may tell: they differ "
                                   "in one person.")),
        (_("Noisy counts"), _("The counts after noise and before any post-processing.")),
        (_("Post-processing"), _("Changes made to noisy counts, such as replacing negative ones "
                                 "by zero. It costs no privacy and can cause bias.")),
        (_("Release"), _("One publication of noisy counts.")),
    )  # fmt: skip


def formulas(_: Prose) -> dict[str, str]:
    """Return what each quantity is, by its name in the measurements."""
    return {
        "bias": _("Mean over the noise of the outcome, minus the outcome from the true counts."),
        "variance": _("Mean over the noise of the squared distance of the outcome from its "
                      "mean."),
        "mean-squared-error": _("Bias squared plus variance."),
        "expected-shortfall": _("Mean over the noise of the outcome from the true counts minus "
                                "the outcome, where that is positive."),
        "alpha-fairness": _("Largest bias minus smallest bias (α). One half of the draws "
                            "chooses whom to compare and the other compares them, since the "
                            "plain estimate overstates it."),
        "xi": _("Largest distance of an entity's bias from that of any other (ξ); α is the "
                "largest of them."),
        "draws-for-alpha": _("About how many draws keep noise alone below a tenth of the gap."),
        "curvature": _("Half the sum over all counts of the variance of their noise times the "
                       "second derivative of the outcome: the bias of noise that is never "
                       "clipped, to second order."),
        "bias-beyond-curvature": _("Bias minus curvature: what clipping, projecting, jumps and "
                                   "higher orders make."),
        "curvature-spread": _("Largest curvature minus smallest: the gap that curvature alone "
                              "would make."),
        "curvature-change": _("Largest change of an entity's curvature where every count is one "
                              "standard deviation of its noise larger. Zero: it is the same for "
                              "all counts near the true ones."),
        "cost-of-privacy": _("Sum of the sizes of all negative biases."),
        "total-shortfall": _("Sum of the expected shortfalls of all entities."),
        "alpha-bounds": _("Proved bounds of the largest bias minus the smallest."),
        "share": _("Mean over the noise of the share of the sum of all outcomes, minus the true "
                   "share."),
        "changed": _("Chance that one release changes an outcome from what the true counts "
                     "give."),
        "gain": _("Mean over the noise of the outcome with the mitigation minus the outcome "
                  "without it, draw by draw on the same noise."),
        "error-change": _("Mean over the noise of the size of the error with the mitigation "
                          "minus its size without it, draw by draw on the same noise."),
        "erased": _("Expected number of entities with people that have none in the release."),
        "invented": _("Expected number of entities without people that have some in the "
                      "release."),
        "noise-bias-of-filled-cells": _("Sum of the biases of clipped noise over the cells with "
                                        "people."),
        "noise-bias-of-an-empty-cell": _("Bias of clipped noise where nobody is."),
        "suppressed-people": _("People in cells below the threshold of suppression."),
        "crossing-share-of-empty-cells": _("Share of empty cells at which noise and suppression "
                                           "bias the table alike."),
        "attack-auc": _("Chance that a counted person is ranked above one who was not counted, "
                        "ties counting half (area under the ROC curve)."),
        "attack-auc-of-the-most-exposed": _("The same of the person who is found most easily."),
        "attack-auc-simulated": _("The same, from simulated releases, all people ranked together."),
        "tpr-0.01": _("Share of counted people who are found at 1 false alarm in 100."),
        "tpr-0.001": _("Share of counted people who are found at 1 false alarm in 1,000."),
        "members-found": _("Share of counted people on the list that the attack made of them."),
        "recall-by-person": _("Share of people whose record is among those that the attack wrote "
                              "down, each record matched once."),
        "precision-by-person": _("Share of the records that the attack wrote down that are true."),
        "recall-by-value": _("Share of the cells with people that the attack knows to have some."),
        "precision-by-value": _("Share of the cells said to have people that have some."),
        "attack-success": _("Share of counted people of whom the attack guesses rightly."),
        "block-variability": _("Share of people who could be somewhere else in another table with "
                               "the same published sums (solution variability)."),
        "certain-blocks": _("Share of blocks of which only one table has the published sums."),
        "proved-blocks": _("Share of blocks of which the solver proved how much they vary."),
        "putative": _("Share of counted people of whom the attack claims anything."),
        "confirmed": _("Share of counted people of whom it claims rightly."),
        "precision": _("Share of its claims that are right."),
        "risk-above-control": _("(attack minus control) over (1 minus control); control is the "
                                "same guess about people who were not counted."),
        "disclosed-people": _("Share of people behind symbols whose cell's count is computed "
                              "exactly."),
        "claimed-cells": _("Share of hidden cells whose count the attack claims to know."),
        "probability-of-empty-release": _("Probability that every released count is zero, so "
                                          "that the decision has nothing to work with."),
    }  # fmt: skip


def formula(_: Prose, quantity: str) -> str | None:
    """Return what a quantity is, those that stand beside the main number of an attack too."""
    known = formulas(_)
    if quantity in known:
        return known[quantity]
    beside = {
        "-null": _("The same attack where the release says nothing about who was counted."),
        "-unprotected": _("The same attack on the table as it is."),
        "-ceiling": _("The most that the guarantee allows."),
        "-people": _("How many people the number is about."),
    }
    for ending, said in beside.items():
        if quantity.removesuffix(ending) in known:
            return said
    main, found, baseline = quantity.partition("-baseline-")
    if found and main in known:
        return _("The same, reached without the release: {baseline}.",
                 baseline=baseline.replace("-", " "))  # fmt: skip
    return None

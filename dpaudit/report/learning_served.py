"""What the quantities are that tell how groups are served: each has a section of its own."""

from __future__ import annotations

from dpaudit.report.prose import Prose

SERVED = frozenset({
    "accuracy", "accuracy-of-people", "accuracy-change", "accuracy-change-against",
    "selection-rate", "true-positive-rate", "false-positive-rate", "calibration-error",
    "calibration-gap", "levelled-down", "levelled-down-against", "flip-probability",
    "vote-margin", "ensemble-accuracy", "label-accuracy", "pruning-loss", "pruning-prediction",
    "pruning-bound", "pruning-accuracy-change", "flipped-records",
})  # fmt: skip
"""Quantities by group that a section of an audit prints."""


def served_formulas(_: Prose) -> dict[str, str]:
    """Return what each of these quantities is, by its name in the measurements."""
    gap = _("The largest difference of two groups in it.")
    return {
        "accuracy": _("Share of people who are classed rightly, averaged over runs."),
        "accuracy-of-people": _("The same with Wilson's interval, as if the people were drawn at "
                                "random."),
        "accuracy-change": _("Accuracy minus that of the same training without protection."),
        "accuracy-change-against": _("Accuracy minus that of the learner that this one mitigates."),
        "minimum-group-accuracy": _("Accuracy of the group that is served worst."),
        "levelled-down": _("What a group lost in accuracy where the gap is smaller than without "
                           "protection; 0 of groups that lost nothing."),
        "levelled-down-against": _("The same, against the learner that this one mitigates."),
        "selection-rate": _("Share of people for whom the second class is predicted."),
        "true-positive-rate": _("Selection rate of those whose label is the second class."),
        "false-positive-rate": _("Selection rate of those whose label is the first class."),
        "calibration-error": _("Mean distance between stated confidence and accuracy, over ten "
                               "bins of equal width."),
        "calibration-gap": _("Mean chance of the second class minus its share: above 0 where a "
                             "group is promised too much."),
        **{f"{name}-gap": gap for name in ("accuracy", "selection-rate", "true-positive-rate",
                                           "false-positive-rate", "flip-probability",
                                           "pruning-loss")},
        "frontier-accuracy": _("Accuracy of all people, held out where anybody is."),
        "frontier-accuracy-change": _("That minus the same without protection."),
        "frontier-gap": _("Accuracy of the best served group minus that of the worst."),
        "frontier-gap-change": _("That minus the same without protection: above 0 where the gap is "
                                 "wider."),
        "flip-probability": _("Chance that noise on the votes turns the winner, an integral over "
                              "the noise."),
        "vote-margin": _("Lead of the winner over the runner-up, as a share of the teachers."),
        "ensemble-accuracy": _("How often the winner without noise is the right class."),
        "label-accuracy": _("Chance that the noisy winner is the right class."),
        "pruning-loss": _("Mean loss of the group after pruning minus before."),
        "pruning-prediction": _("Its Taylor expansion to the second order, by one product with the "
                                "Hessian."),
        "pruning-bound": _("Theorem 1 of Tran and others (2022): never exceeded, and far too "
                           "large to predict anything."),
        "pruning-accuracy-change": _("Accuracy after pruning minus before."),
        "recall-change": _("Share of each class that is recognised after pruning, minus before."),
        "flipped-records": _("Share of records whose likeliest class over all runs is another "
                             "after pruning."),
        "rich-get-richer": _("Rank correlation over groups of accuracy before pruning with its "
                             "change: above 0 those served best lose least."),
        "largest-eigenvalue": _("Largest eigenvalue of the Hessian of the mean loss of the group, "
                                "before pruning."),
    }  # fmt: skip

"""Terms of learning in plain words, and what each quantity of an audit of learners is."""

from __future__ import annotations

from dpaudit.report.prose import Prose


def terms(_: Prose) -> tuple[tuple[str, str], ...]:
    """Return the glossary, in the order of the alphabet of the source language."""
    return (
        (_("Clipping"), _("Shortening the pull of any one person on a step of training to a fixed "
                          "length. It bounds what noise must hide, and changes whom a model "
                          "follows.")),
        (_("Differential privacy"), _("A promise that a model looks nearly the same whether or "
                                      "not any one person was learnt from.")),
        (_("Epsilon (ε)"), _("The privacy-loss budget. Smaller means more noise and more "
                             "privacy.")),
        (_("Excess risk"), _("How much larger the average loss of a group is under the private "
                             "model than under the reference.")),
        (_("Hessian trace"), _("How sharply the loss of a group bends around the model: noise "
                               "costs those with a larger one more.")),
        (_("Interval"), _("A range that holds the true number with the stated probability.")),
        (_("Levelling down"), _("A gap that shrinks because somebody got worse off, and nobody "
                                "better.")),
        (_("Loss"), _("How far a prediction is from the truth; in nats, minus the logarithm of "
                      "the chance that the model gave to what was true.")),
        (_("Neighbouring data"), _("Two sets of data between which nobody may tell: they differ "
                                   "in one person.")),
        (_("Reference"), _("What the private model is compared with: the best model without "
                           "privacy, or training without clipping and noise.")),
        (_("Run"), _("One training with its own random numbers.")),
    )  # fmt: skip


def formulas(_: Prose) -> dict[str, str]:
    """Return what each quantity is, by its name in the measurements."""
    step = _("What one step of training does to a group in expectation (Theorem 2, with the noise "
             "divided by the batch): its parts do not add up over a training.")  # fmt: skip
    return {
        "excess-risk": _("R_a: mean loss of a group under the private model, averaged over runs "
                         "or noise, minus that under the reference."),
        "signed-gap": _("R_a − R: above 0 where the group is hurt more than people are on "
                        "average."),
        "gap": _("|R_a − R|. It depends on the size of a group: with two, the smaller one always "
                 "has the larger gap. Read it beside the signed gap."),
        "largest-difference": _("Largest |R_a − R_b| of two groups."),
        "excess-risk-of-people": _("R_a with the error of who is in the group, which more runs do "
                                   "not shrink."),
        "runs-needed": _("About how many runs tell the largest signed gap to the precision that "
                         "the audit asks for."),
        "excess-risk-change": _("Excess risk of a mitigation minus that of what it mitigates, "
                                "inside each run."),
        "gap-change": _("By how much the largest difference of two groups changes."),
        "clip-effect": _("Loss with clipping and no noise minus loss with neither."),
        "noise-effect": _("Loss with noise and no clipping minus loss with neither."),
        "interaction": _("What clipping and noise together add to their separate effects."),
        "under-training": _("Loss of training with neither minus that of the exact minimiser."),
        "hessian-trace": _("Trace of the Hessian of the mean loss of the group, at the "
                           "reference."),
        "gradient-norm": _("Mean over the group of the norm of each person's gradient, at the "
                           "reference."),
        "mean-gradient-norm": _("Norm of the mean gradient of the group."),
        "lost-mass": _("Mean of what clipping cuts off each person's gradient."),
        "share-clipped": _("Share of the group whose gradient is clipped."),
        "boundary-closeness": _("Mean of 1 minus the sum of squared chances: large where the "
                                "model is unsure."),
        "boundary-distance": _("Mean distance of an input from the boundary of one logit."),
        "squared-input-norm": _("Mean squared length of the inputs of the group."),
        "group-size": _("People of the group among those learnt from."),
        "rank-correlation-by-chance": _("Share of the orders of the groups in which the largest "
                                        "rank correlation is as large as the one found."),
        "rank-correlation": _("Spearman's correlation over groups of a property with the excess "
                              "risk."),
        "theorem-1": _("Half the variance of the noise times the Hessian trace: right for little "
                       "noise only."),
        "theorem-1-trusted": _("1 where noise is so little that the prediction may be trusted."),
        **{f"theorem-2-{part}-at-{where}": step for part in ("nonprivate", "clip", "noise")
           for where in ("start", "one-quarter", "half", "three-quarters", "last", "end")},
    }  # fmt: skip

"""Terms of attacks on models in plain words, and what each quantity is."""

from __future__ import annotations

from dpaudit.report.prose import Prose


def attack_terms(_: Prose) -> tuple[tuple[str, str], ...]:
    """Return the glossary."""
    return (
        (_("Candidate"), _("A person of whom an attacker asks whether a model learnt from them.")),
        (_("False alarm"), _("A person not learnt from whom an attacker takes for learnt from.")),
        (_("Guarantee"), _("What differential privacy promises: a bound on what any attack can "
                           "find out, however strong.")),
        (_("Half"), _("The people that one model learns from. Two models share all people out "
                      "between them at random.")),
        (_("Shadow model"), _("A model that an attacker trains in the same way, to see what a "
                              "model says of people it knows and of people it does not.")),
    )  # fmt: skip


def attack_formulas(_: Prose) -> dict[str, str]:
    """Return what each quantity is, by its name in the measurements."""
    found = _("Share of people learnt from whose score is above the threshold that so many people "
              "not learnt from pass; ties are broken at random. Of a group with a threshold of "
              "its own.")  # fmt: skip
    shared = _("The same share of each group above one threshold for all people.")
    alarms = _("Share of the people of each group not learnt from above one threshold for all.")
    return {
        "attack-auc": _("Chance that the attack ranks a person learnt from above one not learnt "
                        "from; mean over models (area under the curve)."),
        "attack-auc-baseline-guessing": _("The same by guessing."),
        "attack-auc-ceiling": _("The most that the guarantee allows."),
        "attack-auc-people": _("How many people the number is about."),
        "attack-auc-null": _("The same on a model that has learnt from other people."),
        "attack-auc-unprotected": _("The same on models trained without clipping and noise."),
        **{f"tpr-{rate}": found for rate in ("0.01", "0.001")},
        **{f"tpr-at-shared-{rate}": shared for rate in ("0.01", "0.001")},
        **{f"fpr-at-shared-{rate}": alarms for rate in ("0.01", "0.001")},
    }  # fmt: skip

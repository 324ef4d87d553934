"""``dpaudit audit-canaries``: what an attack on the canaries of a single run shows."""

from __future__ import annotations

import click

from dpaudit.cli.output import document, echo
from dpaudit.cli.settings import Settings, common
from dpaudit.errors import ExitCode


@click.command("audit-canaries")
@click.argument("canaries", type=click.IntRange(min=1))
@click.argument("guessed", type=click.IntRange(min=0))
@click.argument("right", type=click.IntRange(min=0))
@click.option("--epsilon", type=float, required=True, help="The claim.")
@click.option("--delta", type=float, default=0.0, show_default=True, help="Of the claim.")
@click.option(
    "--confidence", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.95,
    show_default=True, help="Of the verdict.",
)  # fmt: skip
@click.option("--strict", is_flag=True, help="Exit with 4 if the claim is not refuted.")
@common
@click.pass_obj
def command(
    settings: Settings,
    canaries: int,
    guessed: int,
    right: int,
    epsilon: float,
    delta: float,
    confidence: float,
    strict: bool,
) -> None:
    """Bound epsilon from the canaries of one run of training or release.

    Each of CANARIES records was put in with probability 1/2, by its own toss; an attack guessed
    of GUESSED of them whether they were in (how many was fixed beforehand) and was RIGHT so often.
    """
    from dpaudit.privacy.black_box import Claim, sentence
    from dpaudit.privacy.gdp import gaussian_epsilon, one_run_mu
    from dpaudit.stats.one_run import Guesses, epsilon_lower_bound

    claim, risk = Claim(epsilon=epsilon, delta=delta), 1.0 - confidence
    guesses = Guesses(canaries=canaries, guessed=guessed, right=right)
    all_right = Guesses(canaries=canaries, guessed=guessed, right=guessed)
    bound = epsilon_lower_bound(guesses, risk, delta)
    largest = epsilon_lower_bound(all_right, risk, delta)
    assumed = gaussian_epsilon(one_run_mu(guesses, risk), delta) if delta else None
    refuted = bound > claim.epsilon
    said = sentence(
        "violates" if refuted else "not refuted", claim, confidence, runs=1, largest=largest
    ).replace("1 runs", f"1 run and {guessed} guesses")
    if settings.json:
        document(
            {
                "verdict": "violates" if refuted else "not refuted",
                "sentence": said,
                "epsilon": epsilon,
                "delta": delta,
                "confidence": confidence,
                "epsilon_lower_bound": bound,
                "largest_certifiable": largest,
                "gaussian_epsilon_assumed": assumed,
            }
        )
    else:
        echo(said)
        if not settings.quiet:
            _say(bound, largest, assumed)
    ending = ExitCode.CANNOT_TELL if strict and not refuted else ExitCode.DONE
    click.get_current_context().exit(ExitCode.THRESHOLD if refuted else ending)


def _say(bound: float, largest: float, assumed: float | None) -> None:
    echo(
        f"  epsilon is at least {bound:.4g}; so many guesses could have certified at most "
        f"{largest:.4g}"
    )
    if assumed is not None:
        echo(
            f"  epsilon is at least {assumed:.4g} under the assumption that its trade-off curve "
            "is that of Gaussian noise, which no run can confirm"
        )

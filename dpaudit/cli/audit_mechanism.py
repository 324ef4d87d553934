"""``dpaudit audit-mechanism``: whether a mechanism keeps its promise, from its outputs alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dpaudit.cli.output import document, echo
from dpaudit.cli.settings import Settings, common
from dpaudit.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from dpaudit.privacy.black_box import Claim, InputPair, Relation, Runner

_SEARCH = 0.2
"""Share of the runs that look for an event, where their number is fixed."""


@click.command("audit-mechanism")
@click.argument("mechanism")
@click.argument("parameters", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--epsilon", type=float, help="The claim; else what the mechanism promises.")
@click.option("--delta", type=float, help="Of the claim; 0 if left out with --epsilon.")
@click.option(
    "--neighbours", type=click.Choice(["add-remove", "replace", "queries"]), default="add-remove",
    show_default=True, help="Who are neighbours; queries: every answer moves by 1 at most.",
)  # fmt: skip
@click.option("--size", type=click.IntRange(min=1), metavar="N", help="Length of an input.")
@click.option("--counts", metavar="N,N,...", help="Your own input, which is tried as well.")
@click.option(
    "--pair", "pairs", multiple=True, metavar="N,...:N,...",
    help="Neighbouring inputs, instead of those that are generated (may be repeated).",
)  # fmt: skip
@click.option(
    "--runs", type=click.IntRange(min=512), default=50_000, show_default=True, metavar="N",
    help="Pairs of runs at most, over all inputs.",
)  # fmt: skip
@click.option(
    "--confidence", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.95,
    show_default=True, help="Of the verdict.",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Use another seed.",
)  # fmt: skip
@click.option(
    "--grid", type=click.FloatRange(0, min_open=True), metavar="STEP",
    help="Round outputs to multiples of it first, as what is published.",
)  # fmt: skip
@click.option(
    "--fixed", is_flag=True,
    help="Measure one event with a fixed number of runs (Clopper-Pearson), and do not bet.",
)  # fmt: skip
@click.option("--all-runs", is_flag=True, help="Go on after a violation, for a sharper bound.")
@click.option(
    "--keep", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
    help="Keep outputs here; the same command goes on where it was.",
)  # fmt: skip
@click.option("--strict", is_flag=True, help="Exit with 4 if the claim is not refuted.")
@common
@click.pass_obj
def command(
    settings: Settings,
    mechanism: str,
    parameters: tuple[str, ...],
    epsilon: float | None,
    delta: float | None,
    neighbours: Relation,
    size: int | None,
    counts: str | None,
    pairs: tuple[str, ...],
    runs: int,
    confidence: float,
    seed: int,
    grid: float | None,
    fixed: bool,
    all_runs: bool,
    keep: Path | None,
    strict: bool,
) -> None:
    """Test what a mechanism promises, by running it on neighbouring inputs.

    MECHANISM is the name of one (laplace epsilon=0.5), package.module:function or
    file.py:function. A function takes counts and a NumPy generator, (counts, rng), and returns
    one release; if it takes ``runs`` too, it returns that many rows.

    A claim is refuted, or it is not; no number of runs shows that a mechanism is private. Exit
    codes: 1 if the claim is refuted, 0 if it is not (4 with --strict).
    """
    from dpaudit.cli.mechanism_target import guarded, inputs_of, target_of
    from dpaudit.privacy.black_box import on_grid

    target = target_of(settings.registry(), mechanism, parameters, neighbours)
    claim = _claim(target.claim, epsilon, delta, target.name)
    inputs = inputs_of(pairs, counts, size, neighbours, target.cells)
    runner = guarded(target.runner, target.name)
    if grid is not None:
        runner = on_grid(runner, grid)
    about = {
        "mechanism": target.name,
        "epsilon": claim.epsilon,
        "delta": claim.delta,
        "confidence": confidence,
        "neighbours": neighbours,
        "seed": seed,
        "grid": grid,
    }
    if fixed:
        if keep is not None:
            raise UsageError(
                "--keep goes with betting: runs of a fixed number are counted, not kept",
                hint="leave out --keep or --fixed",
            )
        found = _measured(runner, inputs, claim, runs=runs, confidence=confidence, seed=seed)
    else:
        found = _bet(
            runner, inputs, claim, about, runs=runs, confidence=confidence, seed=seed, keep=keep,
            stop=not all_runs,
        )  # fmt: skip
    if settings.json:
        document({**about, **found})
    else:
        _say(target.name, claim, found, quiet=settings.quiet)
    refuted = found["verdict"] == "violates"
    ending = ExitCode.CANNOT_TELL if strict and not refuted else ExitCode.DONE
    click.get_current_context().exit(ExitCode.THRESHOLD if refuted else ending)


def _claim(promised: Claim | None, epsilon: float | None, delta: float | None, name: str) -> Claim:
    from dpaudit.privacy.black_box import Claim

    if epsilon is not None:
        return Claim(epsilon=epsilon, delta=delta or 0.0)
    if promised is None:
        raise UsageError(
            f"{name} states no (epsilon, delta) to test", hint="give --epsilon (and --delta)"
        )
    return promised if delta is None else Claim(epsilon=promised.epsilon, delta=delta)


def _bet(
    runner: Runner,
    inputs: tuple[InputPair, ...],
    claim: Claim,
    about: dict[str, Any],
    *,
    runs: int,
    confidence: float,
    seed: int,
    keep: Path | None,
    stop: bool,
) -> dict[str, Any]:
    """Bet against the claim, round by round."""
    from dpaudit.privacy.black_box import ClaimAudit, Kept

    tried = [[pair.name, pair.ours.tolist(), pair.theirs.tolist()] for pair in inputs]
    kept = None if keep is None else Kept(keep, {**about, "inputs": tried})
    audit = ClaimAudit(runner, inputs, claim, risk=1.0 - confidence, seed=seed, kept=kept)
    found = audit.run(runs, stop=stop)
    return {
        "method": "betting",
        "verdict": found.verdict,
        "sentence": found.sentence,
        "epsilon_lower_bound": found.epsilon,
        "largest_certifiable": found.largest,
        "runs": found.runs,
        "inputs_tried": len(inputs),
        "inputs": _pair(found.inputs),
        "seen_by": found.score,
        "gaussian_epsilon_assumed": None,
    }


def _measured(
    runner: Runner,
    inputs: tuple[InputPair, ...],
    claim: Claim,
    *,
    runs: int,
    confidence: float,
    seed: int,
) -> dict[str, Any]:
    """Measure the best event with a fixed number of runs."""
    from dpaudit.privacy.black_box import certified

    search = int(_SEARCH * runs)
    found = certified(
        runner, inputs, runs=runs - search, search=search, delta=claim.delta,
        risk=1.0 - confidence, seed=seed,
    )  # fmt: skip
    verdict = found.certificate.verdict(claim.epsilon)
    return {
        "method": "clopper-pearson",
        "verdict": verdict,
        "sentence": found.sentence(claim),
        "epsilon_lower_bound": found.certificate.epsilon,
        "largest_certifiable": found.certificate.largest,
        "runs": runs,
        "inputs_tried": len(inputs),
        "inputs": _pair(found.event.pair),
        "seen_by": found.event.score.name,
        "gaussian_epsilon_assumed": found.gaussian,
    }


def _pair(pair: InputPair) -> dict[str, Any]:
    return {"name": pair.name, "ours": pair.ours.tolist(), "theirs": pair.theirs.tolist()}


def _say(name: str, claim: Claim, found: dict[str, Any], *, quiet: bool) -> None:
    echo(f"{name}: {found['sentence']}")
    if quiet:
        return
    echo(
        f"  claimed: epsilon {claim.epsilon:g}, delta {claim.delta:g}\n"
        f"  epsilon is at least {found['epsilon_lower_bound']:.4g}; so many runs could have "
        f"certified at most {found['largest_certifiable']:.4g}\n"
        f"  most was seen on {found['inputs']['name']!r} (of {found['inputs_tried']} pairs of "
        f"inputs), by {found['seen_by']}, with {found['runs']} pairs of runs"
    )
    if found["gaussian_epsilon_assumed"] is not None:
        echo(
            f"  epsilon is at least {found['gaussian_epsilon_assumed']:.4g} under the assumption "
            "that its trade-off curve is that of Gaussian noise, which no run can confirm"
        )

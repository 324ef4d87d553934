"""What attacks on models cost, beside their bars: run by ``make bench``. Needs the extra ``learn``.

64 models of a net with one hidden layer, each on a random half of 4,000 people of Adult
(``dpaudit data get adult``), trained together on two cores in 90 seconds at most: the CPU time of
one process is halved, since the units that workers share do not wait for one another. Then what
attacks find at 1 false alarm in 100, less what the loss threshold finds: the margins of
METHODS-attacks 5, over 16 targets.
"""

from __future__ import annotations

import sys

import numpy as np
from harness import ROOT, Row, cpu, show

import dpaudit
from dpaudit.engine.prepare import prepare_learning
from dpaudit.engine.targets.jobs import TargetJob
from dpaudit.engine.targets.playing import Arena
from dpaudit.engine.targets.shown import Shown
from dpaudit.training.runs import unpacked

AUDIT = ROOT / "tests" / "golden" / "membership.toml"
CORES, TARGETS = 2, 16
SECONDS = 90.0
MARGINS = {"lira": 0.0245 - 0.0103, "lira offline": 0.0501 - 0.0103, "rmia": 0.0846 - 0.0103}


def main() -> int:
    """Print each figure beside its bar; return 1 if one is broken."""
    prepared = prepare_learning(dpaudit.load(AUDIT))
    ((_, models),) = prepared.shadows.items()
    blocks = range(-(-models.replicates // models.at_once))
    parts: list[dict[str, np.ndarray]] = []

    def train() -> None:
        parts.extend(models.train(prepared.training, block, prepared.seed) for block in blocks)

    seconds = cpu(train)
    kept = {
        name.removeprefix("made/"): np.concatenate([part[name] for part in parts])
        for name in parts[0]
    }
    runs = unpacked(kept, prepared.training, models.learner.model(prepared.training))
    shown = Shown.of(runs, models, prepared.training)
    found = {job.spec.name: _found(job, shown) for job in prepared.targets.values()}
    rows = [Row("64 shadow models of 4,000 rows, CPU s over 2 cores", seconds / CORES, SECONDS)]
    rows += [
        Row(f"{name}: found at 1 in 100, above the loss", found[name] - found["loss-threshold"],
            bar, more=True)
        for name, bar in MARGINS.items()
    ]  # fmt: skip
    return show("membership", rows)


def _found(job: TargetJob, shown: Shown) -> float:
    arena = Arena(job=job, made=shown, plain=None)
    played = [arena.play(model) for model in range(TARGETS)]
    return float(np.mean([each["more tpr-0.01"] for each in played]))


if __name__ == "__main__":
    sys.exit(main())

"""What private training and its closed forms cost, beside their bars: run by ``make bench``.

Needs the extra ``learn``. One process, one thread, CPU time. 100 private runs of 200 steps over
10,000 records of 50 columns, batches of 250 on average: logistic regression at least 30 times and
a net 50-64-2 at least 8 times faster than a loop over Opacus' own engine (a tenth of the runs is
timed; runs of a loop cost the same each). Norms of all gradients at most twice a plain backward;
closed traces of the net within 10 ms; everything that Theorem 1 gives at 45,000 records, and the
exact excess risk of 45,222 records under one logit, within 50 ms.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np

from dpaudit.training import output_perturbation as output
from dpaudit.training.linear_models import LogisticLoss
from dpaudit.training.models import group_traces
from dpaudit.training.one_hidden_layer import OneHiddenLayer
from dpaudit.training.records import Records

N, D, H, RUNS, STEPS, BATCH = 10_000, 50, 64, 100, 200, 250
TIMED = 10
"""Runs of the loop over Opacus that are timed."""
FASTER = {"logistic": 30.0, "net 50-64-2": 8.0}
NORMS, TRACES_MS, THEOREM_1_MS, EXACT_MS = 2.0, 10.0, 50.0, 50.0
Row = tuple[str, float, float, bool]
"""What was measured, the figure, its bar, and whether more is better."""


def people(n: int, columns: int = D) -> Records:
    """Return records in two groups, a quarter of them in the second."""
    rng = np.random.default_rng(0)
    groups = (rng.random(n) < 0.25).astype(np.int64)
    inputs = rng.standard_normal((n, columns)) / np.sqrt(columns)
    chance = 1.0 / (1.0 + np.exp(-inputs @ rng.standard_normal(columns) * 3.0))
    return Records(inputs=inputs, labels=rng.random(n) < chance, groups=groups)


def cpu(call: Callable[[], object], repeats: int = 1) -> float:
    """Return the median CPU seconds of some calls, after one that warms up if there are more."""
    if repeats > 1:
        call()
    seconds = []
    for _ in range(repeats):
        begun = time.process_time()
        call()
        seconds.append(time.process_time() - begun)
    return statistics.median(seconds)


def opacus_run(records: Records, sizes: tuple[int, ...], seed: int) -> None:
    """Train once as Opacus' documentation does."""
    import torch
    from opacus import PrivacyEngine

    torch.manual_seed(seed)
    inputs = torch.as_tensor(records.inputs, dtype=torch.float32)
    labels = torch.as_tensor(records.labels, dtype=torch.int64)
    if len(sizes) == 2:
        net: torch.nn.Module = torch.nn.Linear(*sizes, bias=False)
    else:
        first, last = torch.nn.Linear(*sizes[:2]), torch.nn.Linear(*sizes[1:])
        net = torch.nn.Sequential(first, torch.nn.Tanh(), last)
    net, optimiser, loader = PrivacyEngine(accountant="rdp").make_private(
        module=net,
        optimizer=torch.optim.SGD(net.parameters(), lr=0.5),
        data_loader=torch.utils.data.DataLoader(
            torch.utils.data.TensorDataset(inputs, labels), batch_size=BATCH
        ),
        noise_multiplier=1.0,
        max_grad_norm=1.0,
    )
    one = torch.nn.functional.binary_cross_entropy_with_logits
    done = 0
    while done < STEPS:
        for x, y in loader:
            optimiser.zero_grad()
            logits = net(x)
            if sizes[-1] == 1:
                one(logits[:, 0], y.float()).backward()
            else:
                torch.nn.functional.cross_entropy(logits, y).backward()
            optimiser.step()
            done += 1
            if done == STEPS:
                break


def many_runs(name: str, sizes: tuple[int, ...]) -> Row:
    """Return how much faster 100 runs together are than a loop over Opacus."""
    from dpaudit.training.dp_sgd import DpSgd

    linear = len(sizes) == 2
    trainer = DpSgd(
        sizes=sizes, batch=BATCH, steps=STEPS, step=0.5, clip_norm=1.0, noise_multiplier=1.0,
        bias=not linear, start="zero" if linear else "random",
    )  # fmt: skip
    records = people(N)
    trainer.train(records, range(2), 1)
    ours = statistics.median(cpu(lambda: trainer.train(records, range(RUNS), 0)) for _ in range(3))
    opacus_run(records, sizes, 0)
    theirs = cpu(lambda: [opacus_run(records, sizes, seed) for seed in range(TIMED)])
    return f"{name}, times faster", theirs * RUNS / TIMED / ours, FASTER[name], True


def norms() -> Row:
    """Return norms of all gradients of the net over a plain backward of the mean loss."""
    import torch

    from dpaudit.training.ensemble import Ensemble, parameter_count

    records = people(N)
    theta = 0.1 * torch.randn(1, parameter_count((D, H, 2)))
    inputs = torch.as_tensor(records.inputs, dtype=torch.float32)
    labels = torch.as_tensor(records.labels, dtype=torch.int64)
    ours = Ensemble((D, H, 2), theta)
    net = torch.nn.Sequential(torch.nn.Linear(D, H), torch.nn.Tanh(), torch.nn.Linear(H, 2))

    def plain() -> None:
        net.zero_grad()
        torch.nn.functional.cross_entropy(net(inputs), labels).backward()

    def ghost() -> None:
        ours.norms(ours.backward(inputs[None], labels[None]))

    ratios = [cpu(ghost, 9) / cpu(plain, 9) for _ in range(3)]
    return "norms of gradients / plain backward", statistics.median(ratios), NORMS, False


def closed_forms() -> list[Row]:
    """Return the milliseconds of traces, of Theorem 1 and of exact excess risk."""
    rng = np.random.default_rng(1)
    net, records = OneHiddenLayer(features=D, hidden=H), people(N)
    theta = 0.1 * rng.standard_normal(net.size)
    many, model = people(45_222, 57), LogisticLoss(features=57)
    fitted = rng.standard_normal(57)

    def theorem_1() -> None:
        found = output.predicted_excess(model, fitted, many, 0.2)
        output.trusted(many, 0.2)
        assert found.overall > 0
        assert found.gaps.shape == found.signed_gaps.shape

    timed: list[tuple[str, Callable[[], object], float]] = [
        ("closed traces of the net, ms", lambda: group_traces(net, theta, records), TRACES_MS),
        ("Theorem 1, 45,222 records, ms", theorem_1, THEOREM_1_MS),
        (
            "exact excess risk, 45,222 records, ms",
            lambda: output.one_logit_excess(fitted, many, 0.2),
            EXACT_MS,
        ),
    ]
    return [(what, 1e3 * cpu(call, 11), bar, False) for what, call, bar in timed]


def main() -> int:
    """Print each figure beside its bar; return 1 if one is broken."""
    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    rows = [*closed_forms(), norms()]
    rows += [many_runs("logistic", (D, 1)), many_runs("net 50-64-2", (D, H, 2))]
    busy = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    print(f"load of the machine: {busy}")
    broken = False
    for what, measured, bar, more in rows:
        met = measured >= bar if more else measured <= bar
        broken |= not met
        print(f"{what:40} {measured:9.2f}   bar {bar:g}   {'ok' if met else 'BROKEN'}")
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())

"""What an audit of learners will cost: two small trainings of each, and no measurement."""

from __future__ import annotations

import time

from dpaudit.engine.blas import one_blas_thread
from dpaudit.engine.forecast import Forecast, TaskForecast
from dpaudit.engine.learning_plan import RUNS, LearnerJob, PreparedLearning
from dpaudit.engine.targets.forecast import target_forecasts

_FEW, _MORE = 1, 4


@one_blas_thread()
def learning_forecast(
    prepared: PreparedLearning, *, preparation: float, base: float, workers: int = 1
) -> Forecast:
    """Predict what training every learner will cost.

    One run and four are timed with a seed of their own. What a run costs beyond a start is the
    difference; audits, which are short beside the training, are not in it.

    Parameters
    ----------
    preparation, base, workers
        As of :func:`dpaudit.engine.forecast.forecast`.
    """
    tasks = tuple(_of(prepared, job) for job in prepared.jobs.values())
    attacks = target_forecasts(prepared)
    blocks = sum(-(-job.replicates // job.at_once) for job in prepared.trainable.values())
    # What attacks do with models is done by one worker.
    apart = [cost.seconds for cost in attacks if cost.task in prepared.targets]
    shared = sum(cost.seconds for cost in (*tasks, *attacks)) - sum(apart)
    return Forecast(
        tasks=tasks,
        attacks=attacks,
        seconds=preparation + shared / min(workers, blocks) + sum(apart),
        memory=base + workers * max(cost.memory for cost in (*tasks, *attacks)),
    )


def _of(prepared: PreparedLearning, job: LearnerJob) -> TaskForecast:
    if job.task.id not in prepared.trainable:
        return TaskForecast(task=job.task.id, seconds=0.0, memory=0.0, basis="no audit names it")
    data, seconds, kept = prepared.training, [], 0
    for runs in (_FEW, _MORE):
        begun = time.perf_counter()
        made = job.learner.train(data, range(runs), prepared.seed + 1)
        seconds.append(time.perf_counter() - begun)
        kept = sum(array.nbytes for array in made.packed().values()) // runs
    each = max(0.0, seconds[1] - seconds[0]) / (_MORE - _FEW)
    start = max(0.0, seconds[0] - each)
    records = len(data.train) + (len(data.held_out) if data.held_out is not None else 0)
    judged = 8.0 * records * min(RUNS, job.replicates)  # losses of some runs at once
    return TaskForecast(
        task=job.task.id,
        seconds=len(job.arms) * (start + each * job.replicates),
        memory=judged + len(job.arms) * job.replicates * kept,
        basis=f"{_FEW} and {_MORE} runs",
    )

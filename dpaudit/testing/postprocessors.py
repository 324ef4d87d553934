"""Whether a post-processor does what it declares."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dpaudit.interfaces import PostProcessor
from dpaudit.model.arrays import FloatArray, frozen_floats
from dpaudit.model.hierarchy import Hierarchy
from dpaudit.noise.base import Noise
from dpaudit.noise.laplace import Laplace
from dpaudit.testing.faults import COUNTS, Fault, form_faults, mean_differs, moment_faults, refuse


def check_postprocessor(
    step: PostProcessor,
    counts: FloatArray | None = None,
    *,
    noise: Noise | None = None,
    draws: int = 20_000,
    seed: int = 0,
) -> None:
    """Raise if a post-processor does not do what it declares.

    Parameters
    ----------
    step
        The post-processor, with its totals and (for those that need them) trees filled in.
    counts
        True counts behind the release, shape (n,) or (N,) over the nodes of a tree, persons.
    noise
        Noise of the release it is tried on; Laplace noise of scale 5 by default.
    draws, seed
        Of the simulation.

    Raises
    ------
    PluginError
        If anything is wrong; the message lists every fault with its next step.

    Examples
    --------
    >>> from dpaudit_plugins.postprocessors.non_negative import NonNegative
    >>> check_postprocessor(NonNegative())
    """
    refuse(step, postprocessor_faults(step, counts, noise=noise, draws=draws, seed=seed))


def postprocessor_faults(
    step: PostProcessor,
    counts: FloatArray | None = None,
    *,
    noise: Noise | None = None,
    draws: int = 20_000,
    seed: int = 0,
) -> tuple[Fault, ...]:
    """Return every fault; parameters as for :func:`check_postprocessor`."""
    counts = frozen_floats(COUNTS if counts is None else counts)
    noise = Laplace(5.0) if noise is None else noise
    rng = np.random.default_rng(seed)
    noisy = frozen_floats(counts + noise.sample(rng, (draws, counts.size)))
    faults = list(_form(step, noisy[0]))
    if faults:
        return tuple(faults)
    made = _many(step, noisy, rng)
    return (
        *_memory(step, noisy[:16]),
        *_flags(step, noisy, made),
        *_twice(step, made),
        *_kept(step, counts, rng),
        *_sums(step, noisy, made),
        *moment_faults(step.bias(counts, noise), step.variance(counts, noise), made - counts),
    )


def _form(step: PostProcessor, row: FloatArray) -> Iterator[Fault]:
    """Check what one call gives, and that a step without random numbers has one result."""

    def once() -> FloatArray:
        return step.sample(row, np.random.default_rng(1))

    faults = list(form_faults("process", once, row.shape))
    yield from faults
    if not faults and not step.randomised and not np.array_equal(once(), step.process(row)):
        yield Fault("sample and process differ", "declare randomised = True")


def _many(step: PostProcessor, noisy: FloatArray, rng: np.random.Generator) -> FloatArray:
    if step.vectorised:
        return step.sample(noisy, rng)
    return np.stack([step.sample(row, rng) for row in noisy])


def _flags(step: PostProcessor, noisy: FloatArray, made: FloatArray) -> Iterator[Fault]:
    """Check vectorised, linear, elementwise, clips, nonnegative and how far values move."""
    few = noisy[:16]
    alone = np.stack([step.process(row) for row in few])
    scale = 1e-9 * (1.0 + np.abs(few).max())
    if step.vectorised and not np.allclose(step.process(few), alone, rtol=0, atol=scale):
        yield Fault("stacked draws give other results than single ones", "sum over axis=-1")
    if step.linear:
        middle = step.process((few[0] + few[1]) / 2.0)
        if not np.allclose(middle, (alone[0] + alone[1]) / 2.0, rtol=0, atol=scale):
            yield Fault("the step is declared linear and is not", "take linear = True away")
    if step.elementwise and not step.hierarchical:
        changed = np.array(few)
        changed[:, -1] += 50.0
        again = np.stack([step.process(row) for row in changed])
        if not np.array_equal(again[:, :-1], alone[:, :-1]):
            yield Fault("one count changes the result of another", "take elementwise = True away")
    if step.clips and not np.array_equal(alone, np.maximum(few, 0.0)):
        yield Fault("the step is not max(x, 0)", "take clips = True away")
    if step.nonnegative and made.min() < 0:
        yield Fault("a result is negative", "take nonnegative = True away")
    most = step.moves_at_most()
    if most is not None and np.abs(made - noisy).max() > most + scale:
        yield Fault("a value moves by more than moves_at_most()", "return None, or a proved bound")
    if step.unbiased and mean_differs(np.zeros(noisy.shape[1]), made - noisy):
        yield Fault("the step moves its input on average", "take unbiased = True away")


def _memory(step: PostProcessor, few: FloatArray) -> Iterator[Fault]:
    """Check that a step sees nothing but the release that it is given."""
    first, again = (np.stack([step.process(row) for row in few]) for _ in range(2))
    if not step.randomised and not np.array_equal(again, first):
        yield Fault(
            "process gives something else after it has seen other releases",
            "keep nothing between calls: a step sees one release and public parameters",
        )


def _twice(step: PostProcessor, made: FloatArray) -> Iterator[Fault]:
    """Check that what projects onto non-negative values, of a public sum or not, does so once."""
    if step.randomised or not (step.clips or (step.nonnegative and step.feasible is not None)):
        return
    few = made[:16]
    again = np.stack([step.process(frozen_floats(row)) for row in few])
    if not np.allclose(again, few, rtol=0.0, atol=1e-9 * (1.0 + np.abs(few).max())):
        yield Fault(
            "processing twice is not the same as once, and it is declared a projection",
            "leave alone what is feasible already, or take the declaration away",
        )


def _kept(step: PostProcessor, counts: FloatArray, rng: np.random.Generator) -> Iterator[Fault]:
    """Check on whole non-negative counts what the step says that it keeps."""
    made = step.sample(counts, rng)
    if "whole" in step.keeps and not np.array_equal(made, np.rint(made)):
        yield Fault("whole counts do not stay whole", 'take "whole" out of keeps')
    if "non-negative" in step.keeps and made.min() < 0:
        yield Fault("counts of 0 and more become negative", 'take "non-negative" out of keeps')
    if "total" in step.keeps and abs(float(made.sum() - counts.sum())) > 1e-9 * counts.sum():
        yield Fault("the sum is not kept", 'take "total" out of keeps')


def _sums(step: PostProcessor, noisy: FloatArray, made: FloatArray) -> Iterator[Fault]:
    """Check the sum that the output always has, and on a tree that sums agree with parts."""
    size = 1e-9 * (1.0 + float(np.abs(noisy).max()))
    total = step.public_sum()
    if total is not None and np.abs(made.sum(axis=-1) - total).max() > size * noisy.shape[-1]:
        yield Fault("the output does not sum to public_sum()", "return the sum that it has")
    tree: Hierarchy | None = getattr(step, "hierarchy", None)
    if "additive" not in step.keeps or not step.hierarchical or tree is None:
        return
    if np.abs(tree.totals(made[..., tree.entities]) - made).max() > size:
        yield Fault("sums disagree with their parts", 'take "additive" out of keeps')

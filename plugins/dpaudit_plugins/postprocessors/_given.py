"""What post-processors say of the noise that the engine gives them."""

from __future__ import annotations

import dpaudit


def given_noise(step: dpaudit.PostProcessor, noise: dpaudit.Noise | None) -> dpaudit.Noise:
    """Return the noise that a step was given.

    Raises
    ------
    UsageError
        If it is not known.
    """
    if noise is None:
        raise dpaudit.UsageError(
            f"the post-processor {step.name!r} does not know the noise of what it sees",
            hint="put it right after the mechanism, one whose noise is additive and independent",
        )
    return noise

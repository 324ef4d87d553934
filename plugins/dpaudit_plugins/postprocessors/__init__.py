"""Built-in post-processors: what is done to noisy counts, or to outcomes, before release."""

"""Noise distributions as objects: sampler, cdf, moments, and the moments of clipped counts."""

"""Projections that post-processors and estimators share."""

"""Mitigations: changes of a release or of a decision that are measured beside it."""

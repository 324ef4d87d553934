"""Learners: fitted models, private or not, and what they cost."""

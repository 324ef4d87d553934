"""Attacks on releases and on tables."""

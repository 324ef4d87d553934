"""Attacks on models: shares people out among models, trains them, and lets each be a target."""

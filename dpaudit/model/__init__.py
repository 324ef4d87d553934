"""Frozen data that flows through an audit: spec, plan, estimates, measurements, findings."""

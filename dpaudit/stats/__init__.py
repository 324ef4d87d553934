"""Statistics of simulated audits: streams, mergeable moments, bands and interval arithmetic."""

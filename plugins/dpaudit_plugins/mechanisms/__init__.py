"""Built-in mechanisms: how counts are made noisy."""

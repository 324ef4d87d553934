"""Built-in decisions: what is decided from released counts."""

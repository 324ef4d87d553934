"""Privacy guarantees: what is protected, against whom, and how much is spent."""

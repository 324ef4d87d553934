"""Plans an audit, runs it on any number of workers, and keeps what was measured."""

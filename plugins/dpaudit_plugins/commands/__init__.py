"""Commands beyond those of dpaudit itself."""

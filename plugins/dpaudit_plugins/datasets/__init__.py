"""Data that come with dpaudit."""

"""Built-in audits: what is measured of a decision made from a release."""

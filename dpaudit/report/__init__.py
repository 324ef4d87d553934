"""From results to a report: findings, prose, tables, charts, HTML, PDF and data files."""

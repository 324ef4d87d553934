"""Templates that dpaudit ships: the report, and scaffolds for plug-ins and audits."""

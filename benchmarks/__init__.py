"""What the platform costs: measured against bare DuckDB on the same data in the same round, and against other tools."""

"""SQL as text and trees: parse, dependencies, rules a model must keep. Pure functions, DuckDB's dialect, no engine."""

"""Arrays, objects and maps: typed and judged value by value, in Python functions that DuckDB calls for batches of rows."""

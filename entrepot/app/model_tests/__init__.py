"""Model tests: rows in, rows out, run by the real engine in a folder of their own."""

"""Rows of JSON records: read by the standard, numbers kept as they are written, laid into columns of text."""

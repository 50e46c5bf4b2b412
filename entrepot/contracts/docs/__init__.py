"""Contracts as pages for people: in come loaded contract files, out go HTML texts that need nothing else."""

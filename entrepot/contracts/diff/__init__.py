"""Comparing two contracts: what changed, and who stumbles over it."""

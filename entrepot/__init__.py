"""Entrepôt: one folder of plain files that takes in a company's data, proves it, refines it and delivers it."""

__version__ = "0.1.0"

"""The connector `journal` for Entrepôt."""

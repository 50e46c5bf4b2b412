"""`python -m entrepot.app.cli`."""

from entrepot.app.cli import main

main()

"""`python -m entrepot` is the command `entrepot`."""

from entrepot.app.cli import main

main()

"""The command `entrepot`."""

from __future__ import annotations

import os
import sys

# pyarrow brings numpy, whose idle threads only get into the way of the engine's
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def main() -> None:
    """Run the command line; errors of ours become a message and an exit code, never a traceback."""
    from entrepot.app.cli.commands import app
    from entrepot.app.cli.output import print_error
    from entrepot.kernel.errors import EntrepotError

    try:
        app()
    except EntrepotError as error:
        print_error(error, as_json="--json" in sys.argv)
        raise SystemExit(error.exit_code) from None
    except SystemExit as ended:
        if ended.code == 130:  # Typer has taken the interrupt
            _stop()
        raise
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(0) from None
    except KeyboardInterrupt:
        _stop()


def _stop() -> None:
    """End at once, whatever queries still run in other threads: what is not committed is done again by the next run."""
    print("stopped; the next `entrepot run` goes on where this one was.", file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(130)


if __name__ == "__main__":
    main()

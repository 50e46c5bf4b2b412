"""`entrepot docs`: the project as a site of plain pages."""

from __future__ import annotations

from pathlib import Path

from entrepot.app.cli.opening import open_platform
from entrepot.app.cli.output import print_json, say
from entrepot.kernel.errors import UsageError

DEFAULT = Path("site") / "docs"


def write_docs(folder: Path, out: Path | None, *, serve: bool, port: int, as_json: bool) -> None:
    """Gather, build, put into place; with `serve` show it on this machine until interrupted."""
    from entrepot.app.docs_site.build import build_site
    from entrepot.app.docs_site.gather import gather
    from entrepot.app.docs_site.publish import publish

    if serve and as_json:
        raise UsageError("--serve and --json do not go together.", hint="Write with --json, show with --serve.")
    platform = open_platform(folder)
    site = gather(platform)
    pages = build_site(site)
    into = out if out is not None else platform.project.root / DEFAULT
    publish(pages, into)
    number = sum(name.endswith(".html") for name in pages)
    if as_json:
        release = site.release.id if site.release is not None else None
        print_json({"folder": str(into), "pages": number, "release": release, "datasets": len(site.entries)})
        return
    of = f"release {site.release.id}" if site.release is not None else "what there is: there is no release yet"
    say(f"{number} pages about {len(site.entries)} datasets and {len(site.kpis)} KPIs, of {of}.")
    if serve:
        _serve(into, port)
    else:
        say(f"Open {into / 'index.html'} in a browser; the folder can be copied anywhere.")


def _serve(folder: Path, port: int) -> None:
    """Show the folder to this machine alone."""
    import signal
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing of each request."""

    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), partial(Quiet, directory=str(folder)))
    except OSError as error:
        raise UsageError(
            f"port {port} cannot be used: {error.strerror}.",
            hint="Say another one with --port, or 0 for any that is free.",
        ) from error
    # begun in the background, a process takes no interrupt unless it asks for it; a supervisor ends it by TERM
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.default_int_handler)
    with server:
        say(f"Shown at http://127.0.0.1:{server.server_address[1]}/ until you press Ctrl-C.")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("stopped.")

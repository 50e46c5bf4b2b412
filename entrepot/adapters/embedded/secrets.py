"""Secrets of the environment, else of files: as containers and service managers hand them over."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from entrepot.kernel.errors import SystemError_, UsageError
from entrepot.ports.secrets import Secret

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")


class LocalSecrets:
    """`ports.secrets.Secrets`: the variable ENTREPOT_SECRET_SCOPE_KEY, else the file `scope/key` of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, scope: str, key: str) -> Secret:
        """As the port says. A line end at the end of a file is not part of the secret.

        Raises: UsageError for a name that could leave the folder; SystemError_ when there is none, or others may read the file.
        """
        for part in (scope, key):
            if not _NAME.match(part):
                raise UsageError(f"{part!r} is no name for a secret; allowed are letters, digits, `_`, `-` and `.`.")
        name, variable = f"{scope}/{key}", variable_of(scope, key)
        if variable in os.environ:
            return Secret(name, os.environ[variable])
        path = self._folder / scope / key
        try:
            if path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
                raise SystemError_(f"the secret {path} can be read by everybody.", hint=f"chmod 600 {path}")
            return Secret(name, path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r"))
        except OSError as error:
            raise SystemError_(
                f"there is no secret {name}: neither the variable {variable} nor the file {path}.",
                hint=f"Set {variable}, or write the file with mode 600.",
            ) from error
        except UnicodeDecodeError as error:
            raise SystemError_(f"the secret {path} is not UTF-8 text.") from error


def variable_of(scope: str, key: str) -> str:
    """The environment variable that holds a secret."""
    return "ENTREPOT_SECRET_" + re.sub(r"[^A-Z0-9]", "_", f"{scope}_{key}".upper())

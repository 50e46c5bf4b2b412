"""File systems in a file, whose power can be cut: mounted over a loop device, shut down without writing anything more, mounted again.

Everything is mounted in a name space of this process alone, and the loop device goes with its last mount. So nothing is
left behind, even when this process is killed.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MEGABYTE = 1 << 20
_SHUTDOWN = 0x8004587D
"""_IOR('X', 125, u32): EXT4_IOC_SHUTDOWN and XFS_IOC_GOINGDOWN are the same number."""
_NO_LOG_FLUSH = 2
_NEW_MOUNT_NAMESPACE = 0x00020000


@dataclass(frozen=True, slots=True)
class Kind:
    """A file system and how it is mounted."""

    name: str
    make: tuple[str, ...]
    size_mb: int
    options: str = ""

    @property
    def mount_options(self) -> str:
        """Options of mount(8), with the loop device."""
        return f"loop,{self.options}" if self.options else "loop"


KINDS = {
    kind.name: kind
    for kind in (
        Kind("ext4", ("mkfs.ext4", "-q", "-F"), 96),
        Kind("ext4wb", ("mkfs.ext4", "-q", "-F"), 96, "data=writeback,commit=1"),
        Kind("xfs", ("mkfs.xfs", "-q", "-f"), 320),
    )
}


class Missing(Exception):
    """This machine cannot do it; says what is missing."""


def check_machine(kinds: tuple[str, ...]) -> None:
    """Look for rights, programs and loop devices, and try each file system once.

    Raises: Missing with everything that is.
    """
    missing = []
    if os.geteuid() != 0:
        missing.append("the rights of root, to mount file systems")
    if not Path("/dev/loop-control").exists():
        missing.append("loop devices (/dev/loop-control)")
    for program in ("mount", "umount", *dict.fromkeys(KINDS[name].make[0] for name in kinds)):
        if shutil.which(program) is None:
            package = "xfsprogs" if "xfs" in program else "e2fsprogs" if "mkfs" in program else "util-linux"
            missing.append(f"the program {program} (package {package})")
    if missing:
        raise Missing("; ".join(missing))


def isolate() -> None:
    """Give this process mounts of its own. Raises: Missing."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_MOUNT_NAMESPACE) != 0:
        raise Missing(f"the right to a mount name space of its own (unshare: {os.strerror(ctypes.get_errno())})")
    _call("mount", "--make-rprivate", "/")


class Disk:
    """One file system."""

    def __init__(self, kind: Kind, folder: Path) -> None:
        self.kind = kind
        self.image = folder / f"{kind.name}.img"
        self.root = folder / "mounted"

    def mount(self) -> None:
        """Mount it; after a power cut this replays the journal."""
        _call(
            "mount", "-t", self.kind.make[0].removeprefix("mkfs."), "-o", self.kind.mount_options, self.image, self.root
        )

    def unmount(self) -> None:
        """Unmount it; nobody may have a file of it open."""
        for attempt in range(50):
            done = subprocess.run(["umount", self.root], capture_output=True, text=True)
            if done.returncode == 0:
                return
            time.sleep(0.02 * (attempt + 1))
        raise OSError(f"{self.root} cannot be unmounted: {done.stderr.strip()}")

    def cut(self) -> None:
        """Stop all writing this instant: what is not on the disk is lost, the journal's buffer too."""
        descriptor = os.open(self.root, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
        finally:
            os.close(descriptor)


@contextmanager
def made(kind: Kind, folder: Path) -> Iterator[Disk]:
    """A new file system, mounted; gone at the end. Raises: Missing when the machine refuses."""
    disk = Disk(kind, folder)
    disk.root.mkdir(parents=True)
    with disk.image.open("wb") as file:
        file.truncate(kind.size_mb * MEGABYTE)
    _call(*kind.make, disk.image)
    disk.mount()
    try:
        yield disk
    finally:
        disk.unmount()
        disk.image.unlink()
        disk.root.rmdir()


def make_durable(root: Path, upto: Path) -> None:
    """Fsync every file below `root` and all folders up to `upto`: what arrives must not be lost before its story begins."""
    paths = [root, *root.rglob("*")]
    paths += [folder for folder in root.parents if folder.is_relative_to(upto)]
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _call(*command: str | Path) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise Missing(f"{command[0]} refused ({' '.join(map(str, command[1:]))}): {done.stderr.strip()}")

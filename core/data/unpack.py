"""Unpacking a tar archive that may have been made to do harm."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import BinaryIO

_CHUNK = 1 << 20
_MAX_MEMBERS = 1_000_000
_FAILURES = (
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    ValueError,
    OverflowError,
    FileExistsError,
    NotADirectoryError,
    IsADirectoryError,
)


class ArchiveError(Exception):
    """The end of a sentence that begins with the archive's name."""


def unpack(
    archive: Path,
    target: Path,
    inner_folder: str,
    *,
    limit_bytes: int,
    progress: Callable[[int, int], None],
) -> int:
    """Unpacks the files below one folder of an archive; nothing but plain files and folders.

    Args:
        archive: A .tar or .tar.gz file.
        target: The folder to unpack into, whose content nobody else writes.
        inner_folder: Members outside this folder of the archive are passed over.
        limit_bytes: More than this is refused.
        progress: Called with bytes of the archive read and its size.

    Returns:
        Bytes written.

    Raises:
        ArchiveError: A member is a link or a device or leads out of the target, it is too much,
            or the archive is damaged. What was written until then is still there.
        OSError: The target cannot be written.
    """
    size = archive.stat().st_size
    written = declared = 0
    try:
        with archive.open("rb") as raw, _open(raw, archive.name) as tar:
            for count, member in enumerate(tar):
                path = _checked(member)
                declared += member.size
                if count >= _MAX_MEMBERS or declared > limit_bytes:
                    raise ArchiveError("holds more than it should")
                if path.is_relative_to(inner_folder):
                    written += _write(tar, member, target / path)
                progress(raw.tell(), size)
    except _FAILURES as error:
        raise ArchiveError("is no intact archive") from error
    return written


def _open(raw: BinaryIO, name: str) -> tarfile.TarFile:
    if name.endswith(".gz"):
        return tarfile.open(fileobj=raw, mode="r:gz")
    return tarfile.open(fileobj=raw, mode="r:")


def _checked(member: tarfile.TarInfo) -> PurePosixPath:
    """Returns where a member goes, relative to the target."""
    name = member.name
    path = PurePosixPath(name)
    outside = path.is_absolute() or ".." in path.parts
    if outside or "\\" in name or ":" in name or "\0" in name:
        raise ArchiveError(f"holds {name!r}, which leads out of the folder")
    if member.size < 0:
        raise ArchiveError("is no intact archive")
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE):
        kind = "a link" if member.issym() or member.islnk() else "neither a file nor a folder"
        raise ArchiveError(f"holds {name!r}, which is {kind}")
    return path


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> int:
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    content = tar.extractfile(member)
    assert content is not None, "a plain file has content"
    written = 0
    with content, path.open("wb") as file:
        while chunk := content.read(_CHUNK):
            written += file.write(chunk)
    if written != member.size:
        raise ArchiveError("is no intact archive")
    return written

"""Downloading known data sets: checked, resumable, and unpacked whole or not at all.

Everything happens in DIR/.akin-download, which also keeps what has arrived of an interrupted
download; the data set's folder appears in DIR when it is complete.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.data.transfer import Patience, TransferError, fetch
from core.data.transfer_stop import TransferStop
from core.data.unpack import ArchiveError, unpack
from core.errors import DataError
from core.ranking import nearest

WORK_FOLDER = ".akin-download"
_CHUNK = 1 << 20

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Archive:
    """A file to download.

    Attributes:
        name: The file's name.
        urls: Where it is, best first.
        size_bytes: Its size.
        md5: Its checksum as its authors or torchvision give it, hexadecimal.
        sha256: Its checksum, hexadecimal; "" if unknown.
    """

    name: str
    urls: tuple[str, ...]
    size_bytes: int
    md5: str
    sha256: str


@dataclass(frozen=True)
class Source:
    """A data set that can be downloaded.

    Attributes:
        title: Its name.
        page: Its official page.
        archives: What to download; all are unpacked into one folder.
        result: The folder that appears, relative to DIR; nothing else is unpacked.
        unpacked_bytes: No more than this is unpacked.
    """

    title: str
    page: str
    archives: tuple[Archive, ...]
    result: str
    unpacked_bytes: int


@dataclass(frozen=True)
class Downloaded:
    """A data set that is there.

    Attributes:
        folder: What to open.
        was_there: Nothing had to be done.
    """

    folder: Path
    was_there: bool


_VOC2007 = (
    "http://host.robots.ox.ac.uk/pascal/VOC/voc2007/",
    "https://thor.robots.ox.ac.uk/pascal/VOC/voc2007/",
)

# MD5: torchvision.datasets. SHA-256 and sizes: TensorFlow Datasets' url_checksums.
SOURCES: dict[str, Source] = {
    "voc2007": Source(
        title="Pascal VOC 2007",
        page="http://host.robots.ox.ac.uk/pascal/VOC/voc2007/",
        archives=(
            Archive(
                "VOCtrainval_06-Nov-2007.tar",
                tuple(f"{host}VOCtrainval_06-Nov-2007.tar" for host in _VOC2007),
                460_032_000,
                "c52e279531787c972589f7e41ab4ae64",
                "7d8cd951101b0957ddfd7a530bdc8a94f06121cfc1e511bb5937e973020c7508",
            ),
            Archive(
                "VOCtest_06-Nov-2007.tar",
                tuple(f"{host}VOCtest_06-Nov-2007.tar" for host in _VOC2007),
                451_020_800,
                "b6e924de25625d8de591ea690078ad9f",
                "6836888e2e01dca84577a849d339fa4f73e1e4f135d312430c4856b5609b4892",
            ),
        ),
        result="VOCdevkit/VOC2007",
        unpacked_bytes=1_200_000_000,
    ),
    "cifar10": Source(
        title="CIFAR-10",
        page="https://www.cs.toronto.edu/~kriz/cifar.html",
        archives=(
            Archive(
                "cifar-10-python.tar.gz",
                ("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",),
                170_498_071,
                "c58f30108f718f92721af3b95e74349a",
                "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
            ),
        ),
        result="cifar-10-batches-py",
        unpacked_bytes=300_000_000,
    ),
    "cifar100": Source(
        title="CIFAR-100",
        page="https://www.cs.toronto.edu/~kriz/cifar.html",
        archives=(
            Archive(
                "cifar-100-python.tar.gz",
                ("https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",),
                169_001_437,
                "eb9058c3a382ffc7106e4002c42a8d85",
                "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
            ),
        ),
        result="cifar-100-python",
        unpacked_bytes=300_000_000,
    ),
}


def find_source(name: str) -> Source:
    """Returns what is downloaded under a name.

    Raises:
        DataError: There is none of that name.
    """
    if name not in SOURCES:
        hint = nearest(name, tuple(SOURCES), "Choose one of these")
        raise DataError(f"There is no data set '{name}' to download.", hint)
    return SOURCES[name]


def download(
    source: Source,
    folder: Path,
    *,
    progress: Progress | None = None,
    patience: Patience | None = None,
    stop: TransferStop | None = None,
) -> Downloaded:
    """Downloads and unpacks a data set into a folder; goes on where an earlier try stopped.

    Args:
        source: What.
        folder: DIR, created if it is not there.
        progress: Called with what is being done, bytes done and bytes in total.
        patience: How long and how often to try.
        stop: By which another thread ends the download at once.

    Raises:
        TransferStopped: The end was asked for; what arrived is kept for the next try.
        DataError: It could not be done; what arrived is kept for the next try, and nothing of
            the data set is in the folder.
    """
    result = folder / source.result
    tell = progress if progress is not None else lambda _what, _done, _total: None
    with _disk_problems(folder):
        if result.exists():
            return Downloaded(result, was_there=True)
        work = folder / WORK_FOLDER
        work.mkdir(parents=True, exist_ok=True)
        _require_space(source, folder, work)
        for archive in source.archives:
            _bring(source, archive, work, tell, patience or Patience(), stop or TransferStop())
        staging = work / "unpacked"
        if staging.exists():
            shutil.rmtree(staging)
        _unpack_all(source, work, staging, tell)
        result.parent.mkdir(parents=True, exist_ok=True)
        os.replace(staging / source.result, result)
        shutil.rmtree(work)
    return Downloaded(result, was_there=False)


@contextmanager
def _disk_problems(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DataError(
                f"The disk of {folder} is full.", "Free some space and start again."
            ) from error
        reason = error.strerror or str(error)
        raise DataError(
            f"{folder} cannot be written ({reason}).", "Give a folder that you may write into."
        ) from error


def _require_space(source: Source, folder: Path, work: Path) -> None:
    there = sum(file.stat().st_size for file in work.glob("*") if file.is_file())
    needed = source.unpacked_bytes + sum(a.size_bytes for a in source.archives) - there
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DataError(
            f"{source.title} needs {_gigabytes(needed)} in {folder}, but {_gigabytes(free)} "
            "are free.",
            "Free some space, or give a folder on another disk.",
        )


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"


def _bring(
    source: Source,
    archive: Archive,
    work: Path,
    tell: Progress,
    patience: Patience,
    stop: TransferStop,
) -> None:
    """Leaves the archive, checked, in the work folder; trusts no file that it has not checked."""
    final = work / archive.name
    partial = work / f"{archive.name}.part"
    if final.exists():
        os.replace(final, partial)
    resumed = partial.exists()
    while True:
        _fetch(source, archive, partial, tell, patience, stop)
        if _is_intact(archive, partial, tell):
            os.replace(partial, final)
            return
        partial.unlink()
        if not resumed:
            raise DataError(
                f"{archive.name} arrived damaged: its checksum is not the official one.",
                f"Start again later; or download it from {source.page} yourself.",
            )
        resumed = False  # what an earlier try left was damaged: once more, from the beginning


def _fetch(
    source: Source,
    archive: Archive,
    partial: Path,
    tell: Progress,
    patience: Patience,
    stop: TransferStop,
) -> None:
    what = f"downloading {archive.name}"

    def progress(done: int) -> None:
        tell(what, done, archive.size_bytes)

    for position, url in enumerate(archive.urls):
        try:
            size = archive.size_bytes
            fetch(url, partial, size, progress=progress, patience=patience, stop=stop)
        except TransferError as error:
            if position + 1 == len(archive.urls):
                raise DataError(
                    f"{archive.name} could not be downloaded: {error}.",
                    "Check the connection and start again: it goes on where it stopped. Or "
                    f"download it from {source.page} yourself.",
                ) from error
        else:
            return


def _is_intact(archive: Archive, path: Path, tell: Progress) -> bool:
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    done = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            md5.update(chunk)
            sha256.update(chunk)
            done += len(chunk)
            tell(f"checking {archive.name}", done, archive.size_bytes)
    return md5.hexdigest() == archive.md5 and archive.sha256 in ("", sha256.hexdigest())


def _unpack_all(source: Source, work: Path, staging: Path, tell: Progress) -> None:
    left = source.unpacked_bytes
    for archive in source.archives:
        name = archive.name

        def progress(done: int, total: int, name: str = name) -> None:
            tell(f"unpacking {name}", done, total)

        try:
            left -= unpack(
                work / archive.name,
                staging,
                source.result,
                limit_bytes=left,
                progress=progress,
            )
        except ArchiveError as error:
            shutil.rmtree(staging, ignore_errors=True)
            (work / archive.name).unlink()
            raise DataError(
                f"{archive.name} {error}: nothing was unpacked.",
                f"Do not use that archive; see {source.page}.",
            ) from error
    if not (staging / source.result).is_dir():
        raise DataError(
            f"The archives of {source.title} hold no folder {source.result}.",
            f"They have changed; see {source.page}.",
        )

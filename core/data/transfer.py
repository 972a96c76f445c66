"""One file by HTTP, continued where it stopped, from a server that may fail in any way."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from core.data.transfer_stop import TransferStop

_CHUNK = 1 << 18
_AGENT = "akin (data download)"
_Connection = http.client.HTTPConnection
_WORTH_WAITING = (408, 425, 429, 500, 502, 503, 504)


class TransferError(Exception):
    """Why a file did not arrive: a clause without a full stop."""


class _TryAgain(Exception):
    """A failure that may pass."""


class _StartOverError(_TryAgain):
    """The server cannot continue what is there: it is given up."""


@dataclass(frozen=True)
class Patience:
    """How long to wait, and how often.

    Attributes:
        timeout_s: Silence, or less than `least_bytes_per_s` for this long, is a stall.
        attempts: Failures in a row, none of which brought a hundredth of the file.
        pause_s: Before the second attempt; twice as long before each one after it.
        least_bytes_per_s: Slower than this is a stall.
    """

    timeout_s: float = 30.0
    attempts: int = 5
    pause_s: float = 1.0
    least_bytes_per_s: float = 1000.0


def fetch(
    url: str,
    path: Path,
    size_bytes: int,
    *,
    progress: Callable[[int], None],
    patience: Patience,
    stop: TransferStop,
) -> None:
    """Appends to a file what is missing of it, until it has its size.

    Args:
        url: http or https.
        path: The file; what it holds is taken for the beginning of the download.
        size_bytes: How long it is when it is complete.
        progress: Called with the bytes that are there.
        patience: How long and how often to try.
        stop: Ends it from another thread.

    Raises:
        TransferError: It could not be completed; what arrived is in the file.
        TransferStopped: The end was asked for; what arrived is in the file.
        OSError: The file cannot be written.
    """
    failures = 0
    while (before := _size(path)) != size_bytes:
        if before > size_bytes:
            path.unlink()
            continue
        try:
            _attempt(url, path, size_bytes, progress, patience, stop)
        except _TryAgain as error:
            stop.check()
            if isinstance(error, _StartOverError):
                path.unlink(missing_ok=True)
            gained = _size(path) - before
            failures = 1 if gained * 100 >= size_bytes else failures + 1
            if failures >= patience.attempts:
                raise TransferError(str(error)) from error
            progress(_size(path))
            stop.pause(patience.pause_s * 2 ** (failures - 1))
        finally:
            stop.release()
    progress(size_bytes)


def _attempt(
    url: str,
    path: Path,
    size_bytes: int,
    progress: Callable[[int], None],
    patience: Patience,
    stop: TransferStop,
) -> None:
    start = _size(path)
    headers = {"User-Agent": _AGENT, "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    host = urlsplit(url).hostname or url
    request = urllib.request.Request(url, headers=headers)
    with _open(request, host, patience.timeout_s, stop) as response:
        continues = response.status == 206
        if continues and not _starts_at(response.headers, start):
            raise _StartOverError(f"{host} sent another part of the file than was asked for")
        if not continues:
            start = 0
        if response.length is not None and response.length != size_bytes - start:
            offered = f"{(start + response.length) / 1e6:,.1f} MB"
            raise TransferError(
                f"{host} offers a file of {offered} instead of {size_bytes / 1e6:,.1f} MB"
            )
        with path.open("r+b" if continues else "wb") as file:
            file.seek(start)
            file.truncate()
            watch = _Watch(patience)
            while start < size_bytes:
                chunk = _read(response, host, size_bytes - start, start, size_bytes)
                file.write(chunk)
                start += len(chunk)
                progress(start)
                stop.check()
                watch.heard(len(chunk), host)


def _connections(kind: Callable[..., _Connection], stop: TransferStop) -> Callable[..., Any]:
    """Returns a maker of connections that a stop can end."""

    def make(host: str, **options: Any) -> _Connection:
        connection = kind(host, **options)
        connection._create_connection = stop.connect  # type: ignore[attr-defined]
        return connection

    return make


class _Http(urllib.request.HTTPHandler):
    def __init__(self, stop: TransferStop) -> None:
        super().__init__()
        self._stop = stop

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_connections(http.client.HTTPConnection, self._stop), req)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, stop: TransferStop) -> None:
        super().__init__()
        self._stop = stop

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_connections(http.client.HTTPSConnection, self._stop), req)


def _open(
    request: urllib.request.Request, host: str, timeout_s: float, stop: TransferStop
) -> http.client.HTTPResponse:
    opener = urllib.request.OpenerDirector()
    for handler in (  # no file:// and no ftp://, wherever a redirection leads
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        _Http(stop),
        _Https(stop),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    try:
        response: http.client.HTTPResponse = opener.open(request, timeout=timeout_s)
    except urllib.error.HTTPError as error:
        error.close()
        sentence = f"{host} answered {error.code} ({error.reason or 'no reason given'})"
        if error.code == 416:
            raise _StartOverError(sentence) from error
        if error.code in _WORTH_WAITING:
            raise _TryAgain(sentence) from error
        raise TransferError(sentence) from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, socket.gaierror | ssl.SSLCertVerificationError):
            raise TransferError(f"{host} {_why(error.reason)}") from error
        raise _TryAgain(f"{host} {_why(error.reason)}") from error
    except (OSError, http.client.HTTPException) as error:
        raise _TryAgain(f"{host} {_why(error)}") from error
    return response


def _read(
    response: http.client.HTTPResponse, host: str, missing: int, have: int, size_bytes: int
) -> bytes:
    try:
        chunk = response.read1(min(_CHUNK, missing))
    except (OSError, http.client.HTTPException) as error:
        raise _TryAgain(f"{host} {_why(error)} after {_share(have, size_bytes)}") from error
    if not chunk:
        raise _TryAgain(f"{host} broke off after {_share(have, size_bytes)}")
    return chunk


def _share(have: int, size_bytes: int) -> str:
    return f"{have / 1e6:,.1f} of {size_bytes / 1e6:,.1f} MB"


def _why(reason: object) -> str:
    if isinstance(reason, TimeoutError):
        return "fell silent"
    if isinstance(reason, ConnectionRefusedError):
        return "refused the connection"
    if isinstance(reason, OSError):
        return f"cannot be reached ({reason.strerror or reason})"
    if isinstance(reason, http.client.HTTPException):
        return f"gave no proper answer ({type(reason).__name__})"
    return f"cannot be reached ({reason})"


def _starts_at(headers: Message, start: int) -> bool:
    found = re.match(r"bytes (\d+)-", headers.get("Content-Range", ""))
    return found is not None and int(found[1]) == start


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


class _Watch:
    """Notices a server that sends, but so little that it would never end."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._since = time.monotonic()
        self._bytes = 0

    def heard(self, count: int, host: str) -> None:
        self._bytes += count
        now = time.monotonic()
        waited_s = now - self._since
        if waited_s < self._patience.timeout_s:
            return
        if self._bytes < self._patience.least_bytes_per_s * waited_s:
            raise _TryAgain(f"{host} sends almost nothing")
        self._since, self._bytes = now, 0

"""A download is ended from another thread at once, whatever the server keeps it waiting for."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.data.download import Archive, Source, download
from core.data.transfer import Patience
from core.data.transfer_stop import TransferStop, TransferStopped

CONTENT = bytes(100_000)
PATIENT = Patience(timeout_s=30.0, attempts=3, pause_s=30.0)
AT_ONCE_S = 0.5
HEAD = f"HTTP/1.1 200 OK\r\nContent-Length: {len(CONTENT)}\r\n\r\n".encode()


class Mute:
    """Accepts connections, sends each the same beginning of an answer, and says nothing more."""

    def __init__(self, beginning: bytes, *, hangs_up: bool = False) -> None:
        self._beginning, self._hangs_up = beginning, hangs_up
        self._taken: list[socket.socket] = []
        self.heard = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                taken, _ = self._listener.accept()
            except OSError:
                return
            self._taken.append(taken)
            taken.recv(4096)
            taken.sendall(self._beginning)
            if self._hangs_up:
                taken.close()
            self.heard.set()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for taken in self._taken:
            taken.close()


@pytest.fixture
def mute() -> Iterator[Callable[..., Mute]]:
    made: list[Mute] = []

    def make(beginning: bytes, *, hangs_up: bool = False) -> Mute:
        made.append(Mute(beginning, hangs_up=hangs_up))
        return made[-1]

    yield make
    for each in made:
        each.close()


def source(url: str) -> Source:
    archive = Archive("set.tar", (url, url), len(CONTENT), hashlib.md5(CONTENT).hexdigest(), "")
    return Source("A set", "its page", (archive,), "data", 2_000_000)


def stopped_after_s(url: str, folder: Path, is_waiting: Callable[[], object]) -> float:
    """Returns how long a download that waits takes to end once it is asked to."""
    stop = TransferStop()
    caught: list[BaseException] = []

    def work() -> None:
        try:
            download(source(url), folder, patience=PATIENT, stop=stop)
        except BaseException as error:  # noqa: BLE001 - looked at below
            caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    end = time.monotonic() + 10
    while not is_waiting():
        assert time.monotonic() < end
        time.sleep(0.01)
    time.sleep(0.2)  # it has come to wait
    assert thread.is_alive()
    since = time.monotonic()
    stop.ask()
    thread.join()
    assert [type(error) for error in caught] == [TransferStopped]
    return time.monotonic() - since


@pytest.mark.parametrize("beginning", [b"", HEAD, HEAD + CONTENT[:50_000]])
def test_a_server_that_falls_silent(
    mute: Callable[..., Mute], tmp_path: Path, beginning: bytes
) -> None:
    server = mute(beginning)
    url = f"http://127.0.0.1:{server.port}/set.tar"
    assert stopped_after_s(url, tmp_path, server.heard.is_set) < AT_ONCE_S
    arrived = tmp_path / ".akin-download" / "set.tar.part"
    assert (arrived.stat().st_size if arrived.exists() else 0) == max(
        len(beginning[len(HEAD) :]), 0
    )


def test_a_server_that_does_not_finish_the_tls_handshake(
    mute: Callable[..., Mute], tmp_path: Path
) -> None:
    server = mute(b"")
    url = f"https://127.0.0.1:{server.port}/set.tar"
    assert stopped_after_s(url, tmp_path, server.heard.is_set) < AT_ONCE_S


def test_the_pause_before_another_attempt(mute: Callable[..., Mute], tmp_path: Path) -> None:
    server = mute(HEAD + CONTENT[:10], hangs_up=True)
    url = f"http://127.0.0.1:{server.port}/set.tar"
    assert stopped_after_s(url, tmp_path, server.heard.is_set) < AT_ONCE_S


def test_a_host_that_does_not_answer_at_all(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(8)]
        for filler in fillers:  # a full queue: further connections wait
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/set.tar"
        work = tmp_path / ".akin-download"
        assert stopped_after_s(url, tmp_path, work.exists) < AT_ONCE_S
        for filler in fillers:
            filler.close()


def test_asked_before_it_began(tmp_path: Path) -> None:
    stop = TransferStop()
    stop.ask()
    with pytest.raises(TransferStopped):
        download(source("http://127.0.0.1:9/set.tar"), tmp_path, patience=PATIENT, stop=stop)

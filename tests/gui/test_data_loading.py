"""Data sets that are downloaded from the window, from a server on this machine."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog

from core.data.download import SOURCES, Archive, Source
from gui.messages import Message
from gui.pages.data_page import DataPage
from gui.session import Session

Wait = Callable[..., None]
PADDING_BYTES = 16_000_000
AT_ONCE_S = 0.5


class Shop:
    """Serves one archive; after half of it, it waits until it is told to go on."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.go_on = threading.Event()
        self.ranges: list[str] = []
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                wanted = self.headers.get("Range", "")
                shop.ranges.append(wanted)
                start = int(wanted[6:-1]) if wanted else 0
                body = shop.content[start:]
                self.send_response(206 if start else 200)
                if start:
                    last = len(shop.content) - 1
                    self.send_header("Content-Range", f"bytes {start}-{last}/*")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body[: len(body) // 2])
                    shop.go_on.wait(20)
                    self.wfile.write(body[len(body) // 2 :])
                except OSError:
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:
                """Keeps quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def source(self) -> Source:
        """Returns the archive as a data set to download."""
        archive = Archive(
            "tiny.tar",
            (f"http://127.0.0.1:{self.server.server_port}/tiny.tar",),
            len(self.content),
            hashlib.md5(self.content).hexdigest(),
            "",
        )
        return Source("Tiny", "its page", (archive,), "VOCdevkit/VOC2007", 1 << 30)

    def close(self) -> None:
        self.go_on.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def shop(tiny_voc: Path) -> Iterator[Shop]:
    (folder,) = [path for path in tiny_voc.rglob("VOC2007") if path.is_dir()]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add(folder, "VOCdevkit/VOC2007")
        padding = tarfile.TarInfo("padding")
        padding.size = PADDING_BYTES
        archive.addfile(padding, io.BytesIO(bytes(PADDING_BYTES)))
    shop = Shop(buffer.getvalue())
    yield shop
    shop.close()


@pytest.fixture
def messages(session: Session) -> list[Message]:
    found: list[Message] = []
    session.message_posted.connect(found.append)
    return found


def test_what_is_downloaded_is_opened(
    session: Session, shop: Shop, tmp_path: Path, wait_until: Wait
) -> None:
    told: list[str] = []
    session.dataset_loading.connect(lambda what, _done, _total: told.append(what))
    shop.go_on.set()
    session.download_data(shop.source(), tmp_path / "data")
    wait_until(lambda: session.loading.is_idle)
    assert session.dataset is not None
    assert session.dataset.folder.is_relative_to(tmp_path / "data")
    assert told[0] == "Downloading Tiny"
    assert {"Downloading tiny.tar (MB)", "Checking tiny.tar (MB)"} <= {*told}
    assert told[-1] == ""


def test_a_stopped_download_is_told_and_goes_on_where_it_stopped(
    session: Session, shop: Shop, messages: list[Message], tmp_path: Path, wait_until: Wait
) -> None:
    page = DataPage(session)
    page.show()
    assert not page.stop.isVisible()
    session.download_data(shop.source(), tmp_path / "data")
    wait_until(lambda: page.progress.maximum() > 0 and page.progress.value() > 0)
    assert page.stop.isVisible()
    assert not page.download.isEnabled()
    page.stop.click()  # the server is silent
    wait_until(lambda: session.loading.is_idle, timeout_s=AT_ONCE_S)
    shop.go_on.set()
    assert session.dataset is None
    assert [message.level for message in messages] == ["info"]
    assert "stopped" in messages[0].text
    assert not page.stop.isVisible()
    assert not (tmp_path / "data" / "VOCdevkit").exists()

    session.download_data(shop.source(), tmp_path / "data")
    wait_until(lambda: session.dataset is not None and session.loading.is_idle)
    assert any(wanted.startswith("bytes=") and wanted != "bytes=0-" for wanted in shop.ranges)
    page.shut_down()
    page.close()
    page.deleteLater()


def test_a_stalled_download_does_not_hold_the_window_that_closes(
    session: Session, shop: Shop, tmp_path: Path, wait_until: Wait
) -> None:
    told: list[int] = []
    session.dataset_loading.connect(lambda _what, done, _total: told.append(done))
    session.download_data(shop.source(), tmp_path / "data")
    wait_until(lambda: told and told[-1] > 0)
    since = time.monotonic()
    assert session.close(20.0)
    assert time.monotonic() - since < AT_ONCE_S


def test_a_damaged_archive_is_an_error_and_nothing_is_left(
    session: Session, shop: Shop, messages: list[Message], tmp_path: Path, wait_until: Wait
) -> None:
    source = shop.source()
    shop.content = bytes([shop.content[0] ^ 1]) + shop.content[1:]
    shop.go_on.set()
    session.download_data(source, tmp_path / "data")
    wait_until(lambda: session.loading.is_idle)
    assert [message.level for message in messages] == ["error"]
    assert "checksum" in messages[0].text
    assert not (tmp_path / "data" / "VOCdevkit").exists()


def test_every_known_data_set_asks_for_a_folder_without_blocking(session: Session) -> None:
    page = DataPage(session)
    page.show()
    actions = page.download.menu().actions()
    assert [action.data() for action in actions] == list(SOURCES)
    actions[0].trigger()
    (dialog,) = page.findChildren(QFileDialog)
    assert SOURCES["voc2007"].title in dialog.windowTitle()
    dialog.close()
    page.shut_down()
    page.close()
    page.deleteLater()

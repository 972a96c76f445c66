"""Downloads from a server on this machine that does everything a server can do wrong."""

from __future__ import annotations

import hashlib
import io
import itertools
import tarfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from core.data.download import SOURCES, Archive, Source, download, find_source
from core.data.transfer import Patience
from core.errors import DataError

PATIENT = Patience(timeout_s=0.4, attempts=3, pause_s=0.01)
CONTENT = bytes(range(256)) * 1200
NAME = "set.tar"


@dataclass
class Server:
    """Answers each request as the next of its behaviours says, the last one for ever.

    Attributes:
        content: What it serves, whatever the path.
        behaviours: "serve", "no ranges", "cut", "stall", "corrupt", "shift", "longer", a status
            code, or "to ADDRESS".
        asked: The Range header of each request, or "".
    """

    content: bytes
    behaviours: Sequence[str] = ("serve",)
    asked: list[str] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)
    url: str = ""


def answer(server: Server, handler: BaseHTTPRequestHandler) -> None:
    number = len(server.asked)
    behaviour = server.behaviours[min(number, len(server.behaviours) - 1)]
    wanted = handler.headers.get("Range", "")
    server.asked.append(wanted)
    if behaviour.isdigit():
        handler.send_error(int(behaviour))
        return
    if behaviour.startswith("to "):
        handler.send_response(302)
        handler.send_header("Location", behaviour[3:])
        handler.end_headers()
        return
    start = int(wanted[6:-1]) if wanted and behaviour != "no ranges" else 0
    body = server.content[start:]
    handler.send_response(206 if start else 200)
    if start:
        shown = start + (behaviour == "shift")
        handler.send_header("Content-Range", f"bytes {shown}-{len(server.content) - 1}/*")
    handler.send_header("Content-Length", str(len(body) + (behaviour == "longer")))
    handler.end_headers()
    if behaviour == "corrupt":
        body = bytes([body[0] ^ 1]) + body[1:]
    half = len(body) // 2
    handler.wfile.write(body[:half] if behaviour in ("cut", "stall") else body)
    if behaviour == "stall":
        server.release.wait(5)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server(archive({"data/a/one.bin": CONTENT, "data/two.txt": b"2", "else/x": b"no"}))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(server, self)

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = False
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    server.url = f"http://127.0.0.1:{http.server_port}/{NAME}"
    yield server
    server.release.set()
    http.shutdown()
    http.server_close()
    thread.join()


def archive(files: dict[str, bytes], *extra: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for info in extra:
            tar.addfile(info)
    return buffer.getvalue()


def source(server: Server, *urls: str) -> Source:
    content = server.content
    found = Archive(
        NAME,
        urls or (server.url,),
        len(content),
        hashlib.md5(content).hexdigest(),
        hashlib.sha256(content).hexdigest(),
    )
    return Source("A set", "its page", (found,), "data", 2_000_000)


def fetch(server: Server, folder: Path, *urls: str) -> None:
    found = download(source(server, *urls), folder, patience=PATIENT)
    assert found.folder == folder / "data"
    assert (folder / "data" / "a" / "one.bin").read_bytes() == CONTENT
    assert sorted(path.name for path in folder.iterdir()) == ["data"], "something was left behind"


def fail(server: Server, folder: Path, match: str) -> DataError:
    with pytest.raises(DataError, match=match) as caught:
        download(source(server), folder, patience=PATIENT)
    assert caught.value.hint
    assert not (folder / "data").exists(), "a data set that is not complete looks as if it were"
    return caught.value


def test_what_is_downloaded_is_unpacked_and_nothing_else(server: Server, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    download(source(server), tmp_path, progress=lambda *args: told.append(args), patience=PATIENT)
    assert [what for what, _ in itertools.groupby(told, key=lambda t: t[0])] == [
        f"downloading {NAME}", f"checking {NAME}", f"unpacking {NAME}",
    ]  # fmt: skip
    for _, steps in itertools.groupby(told, key=lambda t: t[0]):
        done = [step[1] for step in steps]
        assert done == sorted(done)
        assert 0 < done[-1] <= len(server.content)
    again = download(source(server), tmp_path)
    assert again.was_there
    assert len(server.asked) == 1
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["a", "two.txt"]


@pytest.mark.parametrize(
    ("behaviours", "requests"),
    [
        (("cut", "cut", "serve"), 3),
        (("stall", "serve"), 2),
        (("503", "429", "serve"), 3),
        (("cut", "no ranges"), 2),
        (("cut", "416", "serve"), 3),
        (("cut", "shift", "serve"), 3),
    ],
)
def test_it_goes_on_where_it_stopped(
    server: Server, tmp_path: Path, behaviours: Sequence[str], requests: int
) -> None:
    server.behaviours = behaviours
    fetch(server, tmp_path)
    assert len(server.asked) == requests
    if behaviours[0] in ("cut", "stall"):
        assert server.asked[1] == f"bytes={len(server.content) // 2}-"
    if behaviours[1] in ("416", "shift", "429"):
        assert server.asked[-1] == ""


def test_a_server_that_always_stalls_is_given_up(server: Server, tmp_path: Path) -> None:
    server.content = b"x" * 10
    server.behaviours = ["stall"]
    error = fail(server, tmp_path, "could not be downloaded: 127.0.0.1 fell silent after")
    assert "goes on where it stopped" in error.hint
    assert len(server.asked) >= PATIENT.attempts


@pytest.mark.parametrize(
    ("behaviour", "match"),
    [
        ("404", "127.0.0.1 answered 404"),
        ("longer", "offers a file of"),
        ("to file:///etc/passwd", "127.0.0.1 "),
    ],
)
def test_what_does_not_pass_is_not_tried_again(
    server: Server, tmp_path: Path, behaviour: str, match: str
) -> None:
    server.behaviours = [behaviour]
    fail(server, tmp_path, match)
    assert len(server.asked) == 1


def test_the_next_address_is_tried(server: Server, tmp_path: Path) -> None:
    server.behaviours = ["404", "serve"]
    fetch(server, tmp_path, server.url, server.url + "?mirror")
    assert len(server.asked) == 2


def test_nobody_answers(tmp_path: Path) -> None:
    server = Server(b"x", url=f"http://127.0.0.1:1/{NAME}")
    fail(server, tmp_path, r"could not be downloaded: 127\.0\.0\.1 refused the connection")


def test_a_corrupt_file_is_not_unpacked_and_not_kept(server: Server, tmp_path: Path) -> None:
    server.behaviours = ["corrupt", "serve"]
    error = fail(server, tmp_path, "arrived damaged: its checksum is not the official one")
    assert "its page" in error.hint
    fetch(server, tmp_path)
    assert server.asked == ["", ""]


def test_a_beginning_that_was_corrupt_costs_one_more_download(
    server: Server, tmp_path: Path
) -> None:
    work = tmp_path / ".akin-download"
    work.mkdir()
    (work / f"{NAME}.part").write_bytes(b"y" * 1000)
    fetch(server, tmp_path)
    assert server.asked == ["bytes=1000-", ""]


def test_interrupted_at_any_point_it_goes_on(server: Server, tmp_path: Path) -> None:
    for stage in ("downloading", "checking", "unpacking"):

        def interrupt(what: str, _done: int, _total: int, stage: str = stage) -> None:
            if what.startswith(stage):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            download(source(server), tmp_path, progress=interrupt, patience=PATIENT)
        assert not (tmp_path / "data").exists()
    fetch(server, tmp_path)


def link(kind: bytes, name: str, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (archive({"data/../../evil": b"x"}), "which leads out of the folder"),
        (archive({"/tmp/evil": b"x"}), "which leads out of the folder"),
        (archive({"data\\evil": b"x"}), "which leads out of the folder"),
        (archive({}, link(tarfile.SYMTYPE, "data/l", "/etc")), "which is a link"),
        (archive({}, link(tarfile.LNKTYPE, "data/l", "/etc/passwd")), "which is a link"),
        (archive({}, link(tarfile.CHRTYPE, "data/null")), "neither a file nor a folder"),
        (archive({"data/big": bytes(3_000_000)}), "holds more than it should"),
        (archive({"data/a": b"x", "data/a/b": b"y"}), "is no intact archive"),
        (b"no tar" * 500, "is no intact archive"),
        (archive({"other/a": b"x"}), "hold no folder data"),
    ],
)
def test_an_archive_made_to_do_harm_is_refused(
    server: Server, tmp_path: Path, content: bytes, match: str
) -> None:
    server.content = content
    inside = tmp_path / "in"
    fail(server, inside, match)
    left = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")]
    assert [path for path in left if not path.startswith("in/.akin-download")] == ["in"]
    assert not any("evil" in path for path in left)


def test_a_disk_that_is_too_small(server: Server, tmp_path: Path) -> None:
    huge = replace(source(server), unpacked_bytes=10**18)
    with pytest.raises(DataError, match=r"A set needs 1000000000\.0 GB in"):
        download(huge, tmp_path)
    assert server.asked == []


def test_a_folder_that_cannot_be_made(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        download(source(server), tmp_path / "file" / "in")


def test_names() -> None:
    assert find_source("voc2007") is SOURCES["voc2007"]
    with pytest.raises(DataError, match="no data set 'voc07'") as caught:
        find_source("voc07")
    assert "voc2007" in caught.value.hint
    for known in SOURCES.values():
        for found in known.archives:
            assert len(found.sha256) == 64
            assert all(url.endswith(found.name) for url in found.urls)

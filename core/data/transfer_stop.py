"""Ending a download from another thread at once, whatever it waits for."""

from __future__ import annotations

import contextlib
import socket
import threading


class TransferStopped(Exception):
    """Somebody asked for the end; what arrived is kept."""


class TransferStop:
    """Asked to by one thread, ends what another waits for: a connection, bytes, a pause."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    def ask(self) -> None:
        """Ends the transfer; from any thread, at any time."""
        with self._lock:
            self._asked.set()
            self._break()

    def check(self) -> None:
        """Raises TransferStopped if the end was asked for."""
        if self._asked.is_set():
            raise TransferStopped

    def pause(self, seconds: float) -> None:
        """Waits, but no longer than until the end is asked for, which it raises."""
        self._asked.wait(seconds)
        self.check()

    def connect(
        self,
        address: tuple[str, int],
        timeout_s: float | None = None,
        source_address: tuple[str, int] | None = None,
    ) -> socket.socket:
        """Does what `socket.create_connection` does; `ask` ends it, and what is read from it."""
        host, port = address
        failure = OSError(f"{host} has no address")
        for family, kind, protocol, _, target in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        ):
            self.check()
            made = socket.socket(family, kind, protocol)
            try:
                made.settimeout(timeout_s)
                if source_address:
                    made.bind(source_address)
                self._watch(made)
                made.connect(target)
            except OSError as error:
                made.close()
                failure = error
            else:
                return made
        self.check()
        raise failure

    def release(self) -> None:
        """Lets go of the last connection."""
        with self._lock:
            if self._socket is not None:
                self._socket.close()
            self._socket = None

    def _watch(self, made: socket.socket) -> None:
        self.release()
        with self._lock:
            self._socket = made.dup()  # stays valid when TLS takes the other one over
            if self._asked.is_set():
                self._break()

    def _break(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it may not be connected any more
                self._socket.shutdown(socket.SHUT_RDWR)

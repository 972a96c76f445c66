"""Checks for the system libraries that Qt needs, before Qt is loaded.

Without it a missing library ends in a loader error or an abort that names no package.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterable, Mapping

ALWAYS = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
}
X11_ONLY = {
    "libX11.so.6": "libx11-6",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
}


def missing_packages(environment: Mapping[str, str]) -> list[str]:
    """Returns the Debian packages of the libraries that cannot be loaded, in order."""
    wanted = dict(ALWAYS)
    if platform_name(environment) == "xcb":
        wanted |= X11_ONLY
    return [package for library, package in wanted.items() if not _loads(library)]


def platform_name(environment: Mapping[str, str]) -> str:
    """Returns the Qt platform that will be used: xcb, wayland, offscreen, ... or "" for none."""
    if given := environment.get("QT_QPA_PLATFORM"):
        return given.split(":")[0]
    if environment.get("WAYLAND_DISPLAY"):
        return "wayland"
    return "xcb" if environment.get("DISPLAY") else ""


def problem(environment: Mapping[str, str]) -> str:
    """Returns what keeps a window from opening, with its remedy; empty if nothing does."""
    if not sys.platform.startswith("linux"):
        return ""
    if packages := missing_packages(environment):
        return (
            "error: Qt's system libraries are not all installed.\n"
            f"hint: sudo apt-get install -y {' '.join(packages)}"
        )
    if not platform_name(environment):
        return (
            "error: There is no screen to open a window on.\n"
            "hint: Start it from a desktop session, or train without a window: "
            "akin train --recipe demo"
        )
    return ""


def require_libraries(arguments: Iterable[str] = ()) -> None:
    """Ends the process with the remedy if a window cannot open."""
    if "--help" in arguments:
        return
    if text := problem(os.environ):
        sys.stderr.write(text + "\n")
        raise SystemExit(2)


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True

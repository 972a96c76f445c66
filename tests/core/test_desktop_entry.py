"""The entry in the application menu: read back as a desktop would, and started."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from core.desktop_entry import ENTRY, ICON, command, desktop_entry, install, remove

REQUIRED = {"Type", "Name", "Exec", "Icon"}


def read(text: str) -> dict[str, str]:
    """Reads an entry as a desktop does."""
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    assert parser.sections() == ["Desktop Entry"]
    return dict(parser["Desktop Entry"])


def words_of(entry: dict[str, str]) -> list[str]:
    """Unescapes the string, then its quotes, then the field codes, as the specification says."""
    text = entry["Exec"].replace("\\\\", "\\")
    found = re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', text)
    words = [re.sub(r"\\(.)", r"\1", quoted) or plain for quoted, plain in found]
    return [word.replace("%%", "%") for word in words]


@pytest.mark.parametrize(
    "words",
    [
        ("/usr/bin/akin",),
        ("/home/a b/100% $mine/`x`/akin", "-m", "core.cli"),
        ('/opt/"quoted"/back\\slash/akin',),
    ],
)
def test_the_command_is_read_back_as_it_is(words: tuple[str, ...]) -> None:
    entry = read(desktop_entry(words))
    assert set(entry) >= REQUIRED
    assert words_of(entry) == list(words)
    assert entry["Type"] == "Application"
    assert entry["Categories"].endswith(";")


def test_it_is_installed_and_removed(tmp_path: Path) -> None:
    entry, icon = install(tmp_path, command())
    assert (entry, icon) == (tmp_path / ENTRY, tmp_path / ICON)
    assert Path(words_of(read(entry.read_text()))[0]).is_file()
    root = ElementTree.fromstring(icon.read_text())
    assert root.tag.endswith("svg")
    assert remove(tmp_path) == (entry, icon)
    assert remove(tmp_path) == ()
    assert not entry.exists()


def test_the_validator_is_content(tmp_path: Path) -> None:
    validator = shutil.which("desktop-file-validate")
    if validator is None:
        pytest.skip("desktop-file-validate is not installed")
    entry, _ = install(tmp_path, command())
    done = subprocess.run([validator, str(entry)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_command_line_installs_prints_and_removes(tmp_path: Path) -> None:
    environment = os.environ | {"XDG_DATA_HOME": str(tmp_path)}

    def akin(*words: str) -> str:
        arguments = [sys.executable, "-m", "core.cli", "desktop", *words]
        done = subprocess.run(
            arguments, env=environment, capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout

    assert read(akin("--print")) == read(desktop_entry(command()))
    assert not (tmp_path / ENTRY).exists()
    assert f"wrote {tmp_path / ENTRY}" in akin()
    assert (tmp_path / ICON).is_file()
    assert f"removed {tmp_path / ENTRY}" in akin("--remove")
    assert "nothing" in akin("--remove")

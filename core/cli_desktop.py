"""`akin desktop`: the window in the application menu."""

from __future__ import annotations

from typing import Annotated

import typer

from core.desktop_entry import command, data_home, desktop_entry, install, remove


def desktop(
    take_out: Annotated[bool, typer.Option("--remove", help="Take it out again.")] = False,
    shown: Annotated[bool, typer.Option("--print", help="Only print the entry.")] = False,
) -> None:
    """Puts Akin into the application menu of a Linux desktop, for this user."""
    if shown:
        print(desktop_entry(command()), end="")
    elif take_out:
        for path in remove(data_home()) or ("nothing: there is no entry",):
            print(f"removed {path}")
    else:
        for path in install(data_home(), command()):
            print(f"wrote {path}")

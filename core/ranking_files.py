"""Ranking files and the built-in rankings (format: DESIGN.md section 5)."""

from __future__ import annotations

import reprlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TypeGuard

from core.errors import RankingError
from core.plain_yaml import YamlError, read_yaml
from core.ranking import Ranking, Tier, nearest
from core.ranking_controls import ControlSource, parse_source

KEYS = ("name", "description", "classes", "similar")
TIER_KEYS = ("classes", "similarity")
PRESET_FOLDER = Path(__file__).parent.parent / "resources" / "rankings"
_short = reprlib.Repr()
_short.maxlevel = 2  # aliases unfold to millions


def load_ranking(
    source: str | Path, classes: Sequence[str] = (), withheld: Collection[str] = ()
) -> Ranking:
    """Loads a ranking from a preset's name or a YAML file, or makes a control of one.

    Args:
        source: A preset, a file, or `SOURCE:CONTROL[:NUMBER]` (see ranking_controls).
        classes: The data's classes, from which a control draws; empty: those the ranking names.
        withheld: Classes that no control draws or keeps; without a control they stay.

    Raises:
        RankingError: If there is no such preset, file or control, or it cannot be read.
    """
    control = _control(source)
    if control is not None:
        base = load_ranking(control.base, classes, withheld).without_classes(withheld)
        return control.of(base, [name for name in classes if name not in withheld])
    path = source_file(source)
    if path.is_dir():
        raise RankingError(f"'{source}' is a folder, not a ranking.", "Give a YAML file in it.")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        hint = "If it is a ranking, save it as UTF-8; else choose another file."
        raise RankingError(f"{path} is not UTF-8 text.", hint) from error
    except FileNotFoundError as error:
        raise RankingError(
            f"There is no ranking '{source}'.",
            "Give a YAML file or a preset: " + ", ".join(preset_names()) + ".",
        ) from error
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise RankingError(f"{path} cannot be read: {why}.", "Look at who owns it.") from error
    return ranking_from_yaml(text, path.name, name=path.stem)


def source_file(source: str | Path) -> Path:
    """Returns the file that a ranking is read from: a preset's, a control's base or its own."""
    control = _control(source)
    if control is not None:
        return source_file(control.base)
    return PRESET_FOLDER / f"{source}.yaml" if str(source) in preset_names() else Path(source)


def preset_names() -> tuple[str, ...]:
    """Returns the names of the built-in rankings."""
    return tuple(sorted(path.stem for path in PRESET_FOLDER.glob("*.yaml")))


def ranking_from_yaml(text: str, source: str = "the ranking", *, name: str = "untitled") -> Ranking:
    """Reads YAML text.

    Args:
        text: The text of a ranking file.
        source: What to call it in messages.
        name: Of a ranking that says none.

    Raises:
        RankingError: If it is not a ranking. Unknown, duplicate and self-ranked classes are
            read as they are; `problems` names them.
    """
    try:
        data = read_yaml(text)
    except YamlError as error:
        raise RankingError(
            f"{source} {error}.", "Correct the file, or save the ranking anew."
        ) from error
    example = "Write, for example:  similar: {aeroplane: [bird, boat]}"
    if not isinstance(data, dict) or not isinstance(data.get("similar", {}), dict):
        raise RankingError(f"{source} has no 'similar' mapping of classes.", example)
    _require_known(data, KEYS, f"{source} has an unknown key")
    similar = {
        str(anchor): _read_ladder(entries, str(anchor), source)
        for anchor, entries in (data.get("similar") or {}).items()
    }
    classes = data.get("classes") or []
    if not isinstance(classes, list):
        raise RankingError(f"{source}: 'classes' is not a list.", example)
    return Ranking(similar, str(data.get("name") or name), tuple(str(c) for c in classes))


def _control(source: str | Path) -> ControlSource | None:
    return None if Path(source).is_file() else parse_source(str(source))


def _require_known(data: Mapping[object, object], known: Sequence[str], what: str) -> None:
    for key in map(str, data):
        if key not in known:
            raise RankingError(f"{what} '{key}'.", nearest(key, known, "Remove it"))


def _read_ladder(entries: object, anchor: str, source: str) -> tuple[Tier, ...]:
    if entries is None:
        return ()
    if not isinstance(entries, list):
        raise RankingError(
            f"{source}: what is ranked for '{anchor}' is not a list.",
            f"Write, for example:  {anchor}: [bird, boat]",
        )
    tiers = tuple(_read_tier(entry, anchor, source) for entry in entries)
    if len({tier.similarity is None for tier in tiers}) > 1:
        raise RankingError(
            f"{source}: some tiers of '{anchor}' have a similarity and some have none.",
            "Give every tier of that class one, or none of them.",
        )
    return tiers


def _read_tier(entry: object, anchor: str, source: str) -> Tier:
    """Reads `bird`, `[bird, boat]` (a tie) or `{classes: [bird, boat], similarity: 0.75}`."""
    names, similarity = entry, None
    if isinstance(entry, dict):
        what = f"{source}: a tier of '{anchor}' has an unknown key"
        _require_known(entry, TIER_KEYS, what)
        names, similarity = entry.get("classes"), entry.get("similarity")
    elif not isinstance(entry, list):
        names = [entry]
    if names == []:
        raise RankingError(
            f"{source} has a tier without classes for '{anchor}'.",
            "Put classes into it, or remove it.",
        )
    if similarity is not None and not _is_number(similarity):
        raise RankingError(
            f"{source}: {_short.repr(similarity)}, a similarity of '{anchor}', is not a number.",
            "Write a number above 0 and below 1, such as 0.75.",
        )
    if isinstance(names, list) and all(isinstance(n, str) or _is_number(n) for n in names):
        return Tier(tuple(map(str, names)), None if similarity is None else float(similarity))
    raise RankingError(
        f"{source}: {_short.repr(entry)}, ranked for '{anchor}', is neither a class nor a tier.",
        "A tier is written bird, [bird, boat] or {classes: [bird], similarity: 0.75}.",
    )


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)

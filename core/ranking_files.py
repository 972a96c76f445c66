"""Ranking files and the built-in rankings (format: DESIGN.md section 5)."""

from __future__ import annotations

import reprlib
from collections.abc import Collection, Sequence
from pathlib import Path

from core.errors import RankingError
from core.plain_yaml import YamlError, read_yaml
from core.ranking import Ranking, Tier
from core.ranking_controls import ControlSource, parse_source

PRESET_FOLDER = Path(__file__).parent.parent / "resources" / "rankings"


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
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RankingError(f"{path} is not UTF-8 text.", "Choose a ranking file.") from error
    except OSError as error:
        raise RankingError(
            f"There is no ranking '{source}'.",
            "Give a YAML file or a preset: " + ", ".join(preset_names()) + ".",
        ) from error
    return ranking_from_yaml(text, path.name)


def source_file(source: str | Path) -> Path:
    """Returns the file that a ranking is read from: a preset's, a control's base or its own."""
    control = _control(source)
    if control is not None:
        return source_file(control.base)
    return PRESET_FOLDER / f"{source}.yaml" if str(source) in preset_names() else Path(source)


def preset_names() -> tuple[str, ...]:
    """Returns the names of the built-in rankings."""
    return tuple(sorted(path.stem for path in PRESET_FOLDER.glob("*.yaml")))


def ranking_from_yaml(text: str, source: str = "the ranking") -> Ranking:
    """Reads YAML text.

    Args:
        text: The text of a ranking file.
        source: What to call it in messages.

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
    if unknown := set(map(str, data)) - {"name", "classes", "similar", "description"}:
        raise RankingError(
            f"{source} has an unknown key '{sorted(unknown)[0]}'.",
            "The keys are name, description, classes and similar.",
        )
    similar = {
        str(anchor): tuple(_read_tier(entry, str(anchor), source) for entry in entries or [])
        for anchor, entries in (data.get("similar") or {}).items()
        if _is_list(entries, str(anchor), source)
    }
    classes = data.get("classes") or []
    if not isinstance(classes, list):
        raise RankingError(f"{source}: 'classes' is not a list.", example)
    name = str(data.get("name") or "untitled")
    return Ranking(similar, name, tuple(str(c) for c in classes))


def _control(source: str | Path) -> ControlSource | None:
    return None if Path(source).is_file() else parse_source(str(source))


def _is_list(entries: object, anchor: str, source: str) -> bool:
    if entries is not None and not isinstance(entries, list):
        raise RankingError(
            f"{source}: what is ranked for '{anchor}' is not a list.",
            f"Write, for example:  {anchor}: [bird, boat]",
        )
    return True


def _read_tier(entry: object, anchor: str, source: str) -> Tier:
    if isinstance(entry, str | int | float) and not isinstance(entry, bool):
        return Tier((str(entry),))
    if isinstance(entry, dict) and isinstance(entry.get("classes"), list):
        similarity = entry.get("similarity")
        if not entry["classes"]:
            raise RankingError(
                f"{source} has a tier without classes for '{anchor}'.",
                "Put classes into it, or remove it.",
            )
        if similarity is None:
            return Tier(tuple(str(c) for c in entry["classes"]))
        if isinstance(similarity, int | float) and not isinstance(similarity, bool):
            return Tier(tuple(str(c) for c in entry["classes"]), float(similarity))
    raise RankingError(
        f"{source}: {reprlib.repr(entry)}, ranked for '{anchor}', is neither a class nor a tier.",
        "A tier is written {classes: [bird], similarity: 0.75}.",
    )

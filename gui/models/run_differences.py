"""In what two runs, or a run and what is set now, differ."""

from __future__ import annotations

from dataclasses import dataclass

from core.config import ExperimentConfig, config_keys
from core.config_text import as_text
from core.ranking import Ranking
from core.ranking_edits import differences


@dataclass(frozen=True)
class Setting:
    """A key of the configuration whose values differ.

    Attributes:
        key: Dotted.
        title: What people call it.
        before: Its value on one side, as text.
        after: On the other.
    """

    key: str
    title: str
    before: str
    after: str


@dataclass(frozen=True)
class Side:
    """One of two things compared.

    Attributes:
        name: What people call it.
        config: Its settings.
        ranking: Its ranking.
    """

    name: str
    config: ExperimentConfig
    ranking: Ranking


def changed_settings(before: ExperimentConfig, after: ExperimentConfig) -> tuple[Setting, ...]:
    """Returns the keys whose values differ, in the order of the tree."""
    found = []
    for key, field in config_keys():
        a, b = before.value(key), after.value(key)
        if a != b:
            section = key.split(".")[0].capitalize() if "." in key else ""
            title = field.title or key
            found.append(
                Setting(
                    key, title if not section else f"{section}: {title}", as_text(a), as_text(b)
                )
            )
    return tuple(found)


def changed_ranking(before: Ranking, after: Ranking) -> tuple[str, ...]:
    """Returns one sentence for each class that is ranked differently."""
    return differences(before, after)

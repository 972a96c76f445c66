"""The drawings of the built-in demo: glyphs of the icon fonts that qtawesome ships.

The fonts are read as files, with Pillow; qtawesome itself, which needs Qt, is never imported.
Every glyph was chosen by eye: it shows its class, and classes that are alike look alike.

Shape suffixes: H height, W width.
"""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from core.errors import DataError

_FONTS = {
    "ei": "elusiveicons-webfont",
    "fa5s": "fontawesome5-solid-webfont",
    "fa6s": "fontawesome6-solid-webfont",
    "mdi6": "materialdesignicons6-webfont",
    "ph": "phosphor",
    "ri": "remixicon",
}
_EM_PX = 96
_HINT = "Install the dependencies again with: make run."

# Class -> drawings that training sees, drawings kept out of train and val.
DRAWINGS: dict[str, tuple[str, str]] = {
    "aeroplane": (
        "fa5s.plane fa6s.plane-up mdi6.airplane ph.airplane-fill ph.airplane-bold "
        "ph.airplane-tilt-fill ri.plane-fill ei.plane",
        "fa6s.jet-fighter-up ph.airplane-tilt",
    ),
    "bicycle": (
        "fa5s.bicycle mdi6.bicycle mdi6.bicycle-basket ph.bicycle ph.bicycle-bold ph.bicycle-fill",
        "fa6s.bicycle ri.bike-line",
    ),
    "bird": (
        "fa5s.crow fa5s.dove mdi6.bird mdi6.duck ph.bird ph.bird-fill ph.bird-bold",
        "fa5s.kiwi-bird mdi6.turkey",
    ),
    "boat": (
        "fa5s.ship fa6s.sailboat mdi6.ferry mdi6.sail-boat ri.sailboat-fill ri.ship-2-fill "
        "ri.ship-fill ri.ship-line",
        "ph.boat-bold ri.sailboat-line",
    ),
    "bottle": (
        "fa5s.wine-bottle fa6s.bottle-droplet mdi6.bottle-soda mdi6.bottle-soda-outline "
        "mdi6.bottle-soda-classic mdi6.bottle-tonic mdi6.bottle-tonic-outline mdi6.bottle-wine",
        "fa6s.bottle-water mdi6.bottle-soda-classic-outline",
    ),
    "bus": (
        "fa5s.bus fa6s.bus-simple mdi6.bus mdi6.bus-side mdi6.bus-school ph.bus-fill ph.bus-bold "
        "ri.bus-2-fill ri.bus-2-line",
        "mdi6.bus-double-decker ri.bus-fill",
    ),
    "car": (
        "fa5s.car fa5s.car-side mdi6.car mdi6.car-side mdi6.car-hatchback mdi6.car-pickup "
        "ph.car-fill ph.car-bold ri.car-fill ri.car-line",
        "fa6s.car mdi6.car-estate",
    ),
    "cat": ("fa5s.cat mdi6.cat ph.cat ph.cat-fill", "fa6s.cat ph.cat-bold"),
    "chair": (
        "fa5s.chair mdi6.chair-rolling mdi6.seat mdi6.seat-outline ph.armchair ph.armchair-fill",
        "mdi6.chair-school ph.armchair-bold",
    ),
    "cow": ("fa6s.cow mdi6.cow", ""),
    "diningtable": ("mdi6.table-furniture mdi6.table-picnic mdi6.table-chair", "mdi6.desk"),
    "dog": ("fa5s.dog mdi6.dog mdi6.dog-side ph.dog ph.dog-fill", "fa6s.dog ph.dog-bold"),
    "horse": (
        "fa5s.horse fa5s.horse-head mdi6.horse mdi6.horse-variant ph.horse ph.horse-fill",
        "fa6s.horse ph.horse-bold",
    ),
    "motorbike": (
        "fa5s.motorcycle mdi6.motorbike mdi6.moped mdi6.moped-outline ri.motorbike-fill",
        "fa6s.motorcycle ri.motorbike-line",
    ),
    "person": (
        "fa5s.male fa5s.female fa5s.walking fa5s.running fa6s.person mdi6.human mdi6.human-male "
        "mdi6.human-female mdi6.walk ph.person-fill ri.run-fill",
        "fa5s.child mdi6.human-handsup ri.walk-fill",
    ),
    "pottedplant": (
        "mdi6.cactus mdi6.flower mdi6.flower-tulip mdi6.sprout ri.cactus-line ri.plant-fill "
        "ri.plant-line",
        "mdi6.sprout-outline ri.cactus-fill",
    ),
    "sheep": ("mdi6.sheep", ""),
    "sofa": (
        "fa5s.couch mdi6.sofa mdi6.sofa-outline mdi6.sofa-single",
        "fa6s.couch mdi6.sofa-single-outline",
    ),
    "train": (
        "fa5s.subway fa5s.train mdi6.train mdi6.train-variant mdi6.train-car-passenger mdi6.tram "
        "ph.train-fill ph.train-bold ri.subway-fill ri.train-fill ri.train-line",
        "fa6s.train ph.train-regional-fill ri.subway-line",
    ),
    "tvmonitor": (
        "fa5s.desktop fa5s.tv mdi6.monitor mdi6.television-classic ph.desktop ph.monitor-bold "
        "ph.television ri.computer-fill ri.tv-2-line ri.tv-line",
        "fa6s.display ph.television-simple ri.tv-fill",
    ),
}


@dataclass(frozen=True)
class Drawing:
    """One glyph.

    Attributes:
        name: Font prefix and glyph, such as "mdi6.airplane".
        unseen: Whether training never sees it.
        mask: How much of each pixel it covers (mode L), cut to what is drawn.
    """

    name: str
    unseen: bool
    mask: Image.Image


class DrawingBook:
    """The drawings of all classes, rendered once.

    Raises:
        DataError: The fonts are missing, or a class has no drawing left in them.
    """

    def __init__(self) -> None:
        self._fonts = {prefix: _Font(_font_folder(), stem) for prefix, stem in _FONTS.items()}
        self._seen = {name: self._render(seen, False) for name, (seen, _) in DRAWINGS.items()}
        self._unseen = {name: self._render(kept, True) for name, (_, kept) in DRAWINGS.items()}
        for name, drawings in self._seen.items():
            if not drawings:
                raise DataError(f"The icon fonts hold no drawing of {name}.", _HINT)

    def of_class(self, name: str, *, unseen: bool) -> tuple[Drawing, ...]:
        """Returns a class's drawings; those kept out of training may be none."""
        return self._unseen[name] if unseen else self._seen[name]

    def _render(self, names: str, unseen: bool) -> tuple[Drawing, ...]:
        drawings = []
        for name in names.split():
            prefix, glyph = name.split(".", 1)
            mask = self._fonts[prefix].render(glyph)
            if mask is not None:
                drawings.append(Drawing(name, unseen, mask))
        return tuple(drawings)


def _font_folder() -> Path:
    spec = importlib.util.find_spec("qtawesome")
    if spec is None or not spec.submodule_search_locations:
        raise DataError("The icon fonts (of the package qtawesome) are not installed.", _HINT)
    return Path(spec.submodule_search_locations[0]) / "fonts"


class _Font:
    def __init__(self, folder: Path, stem: str) -> None:
        self._folder = folder
        self._stem = stem

    @cached_property
    def _codepoints(self) -> dict[str, str]:
        path = self._find(f"{self._stem}-charmap*.json")
        codepoints: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        return codepoints

    @cached_property
    def _face(self) -> ImageFont.FreeTypeFont:
        path = str(self._find(f"{self._stem}*.ttf"))
        return ImageFont.truetype(path, _EM_PX, layout_engine=ImageFont.Layout.BASIC)

    def render(self, glyph: str) -> Image.Image | None:
        """Returns a glyph's mask, or None if this version of the font lacks it."""
        code = self._codepoints.get(glyph)
        if code is None:
            return None
        canvas = Image.new("L", (3 * _EM_PX, 3 * _EM_PX))
        centre = (canvas.width // 2, canvas.height // 2)
        ImageDraw.Draw(canvas).text(
            centre, chr(int(code, 16)), font=self._face, fill=255, anchor="mm"
        )
        drawn = canvas.getbbox()
        if drawn is None or np.asarray(canvas).mean() < 1:
            return None
        return canvas.crop(drawn)

    def _find(self, pattern: str) -> Path:
        found = sorted(self._folder.glob(pattern))
        if not found:
            raise DataError(f"The icon font {pattern} is missing in {self._folder}.", _HINT)
        return found[-1]

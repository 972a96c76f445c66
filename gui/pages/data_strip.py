"""A handful of random objects, cut out."""

from __future__ import annotations

import random

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtWidgets import QListView, QPushButton, QWidget

from core.data.index import DatasetIndex
from gui.models.image_model import ImageModel
from gui.pages.data_cards import Card
from gui.theme import SPACING
from gui.thumbnails import ThumbnailLoader
from gui.widgets.thumbnail_grid import CAPTION_PX, ThumbnailGrid

CROP_PX = 72
HANDFUL = 24


class CropStrip(Card):
    """Random objects in one row; Enter or a double click asks to see one in its image.

    Args:
        loader: Cuts them out.
        seed: Of the first handful; None: different each time.
        parent: Owner.
    """

    object_opened = Signal(int)  # object index

    def __init__(
        self, loader: ThumbnailLoader, seed: int | None = None, parent: QWidget | None = None
    ) -> None:
        self.grid = ThumbnailGrid("Random objects", QSize(CROP_PX, CROP_PX))
        self.another = QPushButton("Another handful")
        self.another.setAccessibleName("Show another handful of random objects")
        super().__init__("Objects at random", self.grid, (self.another,), parent)
        self._random = random.Random(seed)
        self._index: DatasetIndex | None = None
        self.model = ImageModel(loader, self)
        self.grid.setModel(self.model)
        self.grid.setWrapping(False)
        self.grid.setFlow(QListView.Flow.LeftToRight)
        self.grid.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.grid.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.grid.setFrameShape(QListView.Shape.NoFrame)
        self.grid.setStyleSheet("QListView { border: 0; }")
        self.grid.setFixedHeight(CROP_PX + CAPTION_PX + SPACING)
        self.grid.pictures_wanted.connect(loader.want)
        self.grid.opened.connect(self._on_opened)
        self.another.clicked.connect(self.deal)

    def show_data(self, index: DatasetIndex) -> None:
        self._index = index
        self.deal()

    @Slot()
    def deal(self) -> None:
        """Shows another handful."""
        if self._index is None:
            return
        count = len(self._index.label_N)
        chosen = self._random.sample(range(count), min(HANDFUL, count))
        self.model.show_items(self._index, chosen, "object")
        self.grid.scrollToTop()

    @Slot(int)
    def _on_opened(self, row: int) -> None:
        self.object_opened.emit(self.model.items[row])

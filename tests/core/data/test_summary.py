"""The numbers that describe a data set."""

from __future__ import annotations

from core.data import open_dataset, summarize


def test_counts(voc):
    voc.add("000003", [("cow", (1, 1, 32, 32)), ("cow", (1, 1, 10, 10))], size=(40, 40))
    voc.annotate("000004", "")
    voc.split("test", "000002", "000003")
    summary = summarize(open_dataset(voc.root))
    assert summary.name == "VOC 2007 (3-image split)"
    assert (summary.images, summary.objects, summary.problems) == (3, 5, 1)
    assert summary.classes == ("cat", "cow", "dog")
    assert summary.split_images == {"train": 1, "test": 2}
    assert summary.split_objects == {"train": 2, "test": 3}
    assert {key: value.tolist() for key, value in summary.class_objects.items()} == {
        "all": [2, 2, 1],
        "train": [1, 0, 1],
        "test": [1, 2, 0],
    }
    assert {key: value.tolist() for key, value in summary.class_images.items()} == {
        "all": [2, 1, 1],
        "train": [1, 0, 1],
        "test": [1, 1, 0],
    }


def test_histogram_holds_every_box_once(voc):
    voc.add("000003", [("cow", (1, 1, 16, 16)), ("cow", (1, 1, 600, 600))], size=(700, 650))
    summary = summarize(open_dataset(voc.root))
    edges = summary.box_size_edges_px.tolist()
    assert edges[-1] == 600
    assert len(edges) == len(summary.box_size_counts) + 1
    assert summary.box_size_counts.sum() == summary.objects == 5
    assert summary.box_size_counts[edges.index(16)] == 2  # 16 x 16 and 20 x 20
    assert summary.box_size_counts[-1] == 1

import numpy as np
from sklearn.metrics import confusion_matrix

from core.evaluation.confusion import cell_counts, cluster_order, ranking_clusters
from core.ranking_files import load_ranking


def test_cells_count_as_scikit_learn_does():
    rng = np.random.default_rng(0)
    row_N, column_N = rng.integers(0, 4, 200), rng.integers(0, 4, 200)
    expected = confusion_matrix(row_N, column_N)
    np.testing.assert_array_equal(cell_counts(row_N, column_N, 4, 4), expected)


def test_objects_without_a_cell_are_left_out():
    counts = cell_counts(np.array([0, -1, 1]), np.array([2, 0, -1]), 2, 3)
    np.testing.assert_array_equal(counts, [[0, 0, 1], [0, 0, 0]])


def test_confused_classes_stand_together():
    counts = np.diag([9, 9, 9, 9, 9])
    for a, b in ((0, 3), (1, 4)):
        counts[a, b] = counts[b, a] = 8
    order = cluster_order(counts).tolist()
    assert sorted(order) == [0, 1, 2, 3, 4]
    for a, b in ((0, 3), (1, 4)):
        assert abs(order.index(a) - order.index(b)) == 1


def test_orders_of_no_class_and_of_one():
    assert cluster_order(np.zeros((0, 0), np.int64)).tolist() == []
    assert cluster_order(np.ones((1, 1), np.int64)).tolist() == [0]
    assert ranking_clusters(np.eye(2)) == ((0,), (1,))


def test_clusters_are_the_connected_classes_of_the_ranking():
    similarity = np.eye(6)
    similarity[0, 4] = 0.5
    similarity[4, 2] = 0.7
    similarity[5, 1] = 0.2
    clusters = ranking_clusters(similarity)
    assert [set(cluster) for cluster in clusters] == [{0, 2, 4}, {1, 5}, {3}]
    assert clusters[0].index(4) == 1, "4 is like both others"


def test_the_papers_ranking_keeps_animals_from_furniture():
    ranking = load_ranking("voc2007-paper")
    names = tuple(sorted({n for a in ranking.similar for n in (a, *ranking.ranked(a))} | {"cow"}))
    clusters = ranking_clusters(ranking.similarity_matrix(names))
    found = [{names[label] for label in cluster} for cluster in clusters]
    assert {"cat", "dog", "horse", "sheep"} in found
    assert {"chair", "diningtable", "sofa"} in found
    assert {"cow"} in found
    assert sorted(label for cluster in clusters for label in cluster) == list(range(len(names)))

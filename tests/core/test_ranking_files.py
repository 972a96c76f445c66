"""Ranking files: what is written is read, faults are named, and the presets are the paper's."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
import yaml

from core.errors import RankingError
from core.ranking import Ranking, Tier
from core.ranking_files import load_ranking, preset_names, ranking_from_yaml

# DESIGN section 1, word for word.
PAPER = """bird: aeroplane; cat: dog, sheep; dog: cat; horse: dog, cat; aeroplane: bird, boat;
bicycle: motorbike; boat: car, bus; bus: car, boat; car: bus;
motorbike: bicycle, car; train: car; bottle: pottedplant; chair: sofa, diningtable;
diningtable: chair, sofa; pottedplant: bottle; sofa: chair, diningtable; tvmonitor: bottle"""
SUPER_CATEGORIES = """person | bird cat cow dog horse sheep |
aeroplane bicycle boat bus car motorbike train |
bottle chair diningtable pottedplant sofa tvmonitor"""
VOC_CLASSES = tuple(sorted(SUPER_CATEGORIES.replace("|", " ").split()))


def paper_ranking() -> dict[str, list[str]]:
    parts = (part.split(":") for part in PAPER.replace("\n", " ").split(";"))
    return {anchor.strip(): [n.strip() for n in names.split(",")] for anchor, names in parts}


def test_the_preset_is_the_papers_text() -> None:
    ranking = load_ranking("voc2007-paper")
    assert {a: list(ranking.ranked(a)) for a in ranking.similar} == paper_ranking()
    assert all(len(t.classes) == 1 for a in ranking.similar for t in ranking.tiers(a))
    assert all(t.similarity is None for a in ranking.similar for t in ranking.tiers(a))
    assert set(VOC_CLASSES) - set(ranking.similar) == {"person", "cow", "sheep"}


def test_the_papers_code_has_one_tier_at_three_quarters() -> None:
    ranking = load_ranking("voc2007-paper-code")
    found = {a: ranking.tiers(a) for a in ranking.similar}
    assert found == {a: (Tier(tuple(n), 0.75),) for a, n in paper_ranking().items()}


def test_rince_is_the_super_categories() -> None:
    ranking = load_ranking("voc-supercategories")
    clusters = [set(part.split()) for part in SUPER_CATEGORIES.split("|")]
    assert sum(map(len, clusters)) == 20
    for cluster in clusters:
        for anchor in cluster:
            others = cluster - {anchor}
            if not others:
                assert ranking.tiers(anchor) == ()
                continue
            (tier,) = ranking.tiers(anchor)
            assert set(tier.classes) == others
            assert tier.similarity == 0.75


def test_none_is_supcon() -> None:
    assert load_ranking("none").similar == {}


@pytest.mark.parametrize("name", preset_names())
def test_presets_survive_a_round_trip(name: str) -> None:
    ranking = load_ranking(name)
    assert ranking.name == name
    assert ranking_from_yaml(ranking.to_yaml()) == ranking


@pytest.mark.parametrize("name", [n for n in preset_names() if n.startswith(("voc", "none"))])
def test_presets_fit_voc(name: str) -> None:
    assert load_ranking(name).problems(VOC_CLASSES) == ()


def test_the_cifar_preset_fits_cifar() -> None:
    ranking = load_ranking("cifar10-paper")
    classes = tuple(ranking.similar)
    assert ranking.problems(classes) == ()
    assert " ".join(classes) == "airplane automobile bird cat deer dog frog horse ship truck"
    assert all(len(ranking.ranked(anchor)) == 4 for anchor in classes)


@pytest.mark.parametrize("seed", range(25))
def test_random_rankings_survive_a_round_trip(seed: int) -> None:
    random_ = random.Random(seed)
    names = ["cat", "dog", "7", "null", "yes", "a: b", "é 猫", "- x", "{y}", "007", "1e3", ""]
    similar = {}
    for anchor in random_.sample(names, 6):
        others = random_.sample([n for n in names if n != anchor], 6)
        cut = sorted(random_.sample(range(1, 6), random_.randint(0, 4)))
        groups = [others[a:b] for a, b in zip([0, *cut], [*cut, 6], strict=True)]
        values = sorted((random_.uniform(0.01, 0.99) for _ in groups), reverse=True)
        given = random_.random() < 0.5
        similar[anchor] = tuple(
            Tier(tuple(g), v if given else None) for g, v in zip(groups, values, strict=True)
        )
    ranking = Ranking(similar, f"seed {seed}: #1", tuple(names))
    assert ranking_from_yaml(ranking.to_yaml()) == ranking


def test_the_text_is_the_short_form_where_it_can_be() -> None:
    text = Ranking({"cat": (Tier(("dog",)), Tier(("horse",)))}, "mine").to_yaml()
    assert yaml.safe_load(text) == {"name": "mine", "similar": {"cat": ["dog", "horse"]}}


def test_both_forms_of_a_tier_are_read(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "name: mine\nclasses: [aeroplane, bird, boat, train]\nsimilar:\n"
        "  bird: [aeroplane, {classes: [boat, train]}]\n  boat:\n  aeroplane:\n"
        "  - {classes: [bird], similarity: 0.75}\n  - {classes: [boat, train], similarity: 0.5}\n",
        encoding="utf-8",
    )
    ranking = load_ranking(file)
    assert ranking.tiers("aeroplane") == (Tier(("bird",), 0.75), Tier(("boat", "train"), 0.5))
    assert ranking.tiers("bird") == (Tier(("aeroplane",)), Tier(("boat", "train")))
    assert ranking.tiers("boat") == ()
    assert ranking.classes == ("aeroplane", "bird", "boat", "train")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("similar: {cat: [dog", r"mine\.yaml is not valid YAML at line 1, column \d+\.$"),
        ("similar:\n\tcat: [dog]", r"is not valid YAML at line 2, column 1\.$"),
        ("name: 2020-99-99\nsimilar: {}", r"is not valid YAML\.$"),
        ("similar: " + "[" * 5000, r"is not valid YAML"),
        ("similar: {cat: [dog], cat: [horse]}", r"has the key 'cat' twice, again at line 1\.$"),
        ("- cat\n- dog\n", r"has no 'similar' mapping of classes\.$"),
        ("", r"has no 'similar' mapping of classes\.$"),
        ("similar: [cat, dog]", r"has no 'similar' mapping of classes\.$"),
        ("simlar: {cat: [dog]}", r"has an unknown key 'simlar'\.$"),
        ("similar: {cat: dog}", r"what is ranked for 'cat' is not a list\.$"),
        ("similar: {cat: [[[dog]]]}", r"ranked for 'cat', is neither a class nor a tier\.$"),
        ("similar: {cat: [{classes: dog}]}", r"is neither a class nor a tier\.$"),
        ("similar: {cat: [{classes: [dog], similarity: much}]}", r"'much', a similarity of 'cat'"),
        ("similar: {cat: [{classes: [dog], similarity: true}]}", r"is not a number"),
        ("similar: {cat: [{classes: [dog, {cow: 1}]}]}", r"is neither a class nor a tier"),
        ("similar: {cat: [{classes: [dog, null]}]}", r"is neither a class nor a tier"),
        ("similar: {cat: [[]]}", r"has a tier without classes for 'cat'"),
        ("similar: {cat: [{classes: [dog], similarity: 0.5}, cow]}", r"some have none"),
        (
            "similar: {cat: [{classes: [dog], similarty: 0.2}]}",
            r"a tier of 'cat' has an unknown key 'similarty'",
        ),
        ("similar: {cat: [true]}", r"is neither a class nor a tier\.$"),
        ("similar: {}\nclasses: cat", r"'classes' is not a list\.$"),
        ("similar: !!python/object:os.system {}", r"is not valid YAML"),
    ],
)
def test_broken_files_are_named_with_a_hint(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(RankingError) as raised:
        load_ranking(file)
    assert re.search(message, raised.value.message)
    assert raised.value.message.startswith("mine.yaml")
    assert raised.value.hint


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("simlar: {cat: [dog]}", "Did you mean 'similar'?"),
        ("similar: {cat: [{clases: [dog]}]}", "Did you mean 'classes'?"),
        ("similar: {cat: [{classes: [dog], similarty: 0.2}]}", "Did you mean 'similarity'?"),
        ("similar: {cat: [{classes: [dog], x: 0.2}]}", "Remove it; known: classes, similarity."),
    ],
)
def test_a_misspelt_key_is_told_what_it_may_mean(text: str, hint: str) -> None:
    with pytest.raises(RankingError) as raised:
        ranking_from_yaml(text)
    assert raised.value.hint == hint


def test_the_example_of_the_help_page_is_a_ranking() -> None:
    page = Path(__file__).parents[2] / "resources" / "help" / "ranking.md"
    lines = page.read_text(encoding="utf-8").splitlines()
    ranking = ranking_from_yaml("\n".join(line[4:] for line in lines if line.startswith("    ")))
    assert ranking.name == "Anna's"
    assert ranking.problems(ranking.classes) == ()
    assert ranking.tiers("cat") == (Tier(("dog",)), Tier(("sheep", "cow")))
    assert ranking.similarities("cow") == (0.8, 0.3)


def test_a_list_in_a_list_is_a_tie(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("similar: {cat: [dog, [sheep, cow], 7]}", encoding="utf-8")
    assert load_ranking(file).tiers("cat") == (Tier(("dog",)), Tier(("sheep", "cow")), Tier(("7",)))


def test_a_file_that_says_no_name_is_called_as_the_file_is(tmp_path: Path) -> None:
    for text, name in (("similar: {cat: [dog]}", "anna"), ("name: Anna B\nsimilar: {}", "Anna B")):
        (tmp_path / "anna.yaml").write_text(text, encoding="utf-8")
        assert load_ranking(tmp_path / "anna.yaml").name == name
    assert load_ranking(f"{tmp_path / 'anna.yaml'}:reversed").name.endswith("anna.yaml:reversed:0")


def test_aliases_that_unfold_to_millions_are_answered_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    text = "similar: {cat: [*a11]}\n"
    with pytest.raises(RankingError) as raised:
        ranking_from_yaml("\n".join([*lines, text]))
    assert len(raised.value.message) < 300
    unfolding = "\n  ".join(["description:", *lines]) + "\nsimilar: {cat: [{classes: *a11}]}"
    with pytest.raises(RankingError, match="is neither a class nor a tier") as raised:
        ranking_from_yaml(unfolding)
    assert len(raised.value.message) < 300
    with pytest.raises(RankingError, match="is neither a class nor a tier") as raised:
        ranking_from_yaml(
            "classes: &a0 [x, x]\nsimilar:\n  cat:\n  - &a1 [*a0, *a0, *a0, *a0, *a0, *a0, *a0]\n"
        )
    assert len(raised.value.message) < 300


def test_wrong_names_are_read_as_they_are_and_left_to_problems(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("similar: {cat: [dgo, cat, dog, dog]}", encoding="utf-8")
    ranking = load_ranking(file)
    assert ranking.ranked("cat") == ("dgo", "cat", "dog", "dog")
    messages = [p.message for p in ranking.problems(("cat", "dog"))]
    assert messages == [
        "'dgo', ranked for 'cat', is no class of the data.",
        "'cat' is ranked as similar to itself.",
        "'dog' is ranked twice for 'cat'.",
    ]


def test_a_file_that_is_not_there_and_one_that_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(RankingError, match="There is no ranking 'voc2007-papr'") as raised:
        load_ranking("voc2007-papr")
    assert "voc2007-paper" in raised.value.hint
    with pytest.raises(RankingError, match="is a folder, not a ranking"):
        load_ranking(tmp_path)
    binary = tmp_path / "image.yaml"
    binary.write_bytes(b"\xff\xd8\xff\xe0\x80\x81")
    with pytest.raises(RankingError, match="is not UTF-8 text") as raised:
        load_ranking(binary)
    assert "save it as UTF-8" in raised.value.hint

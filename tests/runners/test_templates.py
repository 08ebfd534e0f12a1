"""What a template's file says of the members of its family, and the families there are without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from runners.corpora import CORPORA
from runners.templates import ASPECT, FAMILY, default_template, load_template
from scalelaw.errors import DataError


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "base.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_field_but_the_size_is_the_files(tmp_path: Path) -> None:
    path = written(tmp_path, '[base]\ncorpus = "docs"\nwidth = 96\nn_tokens = "1M"\ndepth = 3\nlr = 0.5\nseed = 7\n')
    found = load_template(path)
    assert (found.spec.corpus, found.spec.depth, found.spec.lr, found.spec.seed) == ("docs", 3, 0.5, 7)
    assert found.aspect is None
    assert found.batch(1e9) is None
    assert found.notes == ()


def test_depth_follows_a_rule_or_the_usual_aspect(tmp_path: Path) -> None:
    assert load_template(written(tmp_path, '[base]\ncorpus = "docs"\ndepth = { aspect = 24 }\n')).aspect == 24
    found = load_template(written(tmp_path, '[base]\ncorpus = "docs"\n'))
    assert found.aspect == ASPECT
    assert any("has no depth" in note for note in found.notes)
    assert any("a default that nobody tuned" in note for note in found.notes)


def test_a_corpus_can_be_named_in_the_templates_place(tmp_path: Path) -> None:
    path = written(tmp_path, '[base]\ncorpus = "docs"\ndepth = 2\n')
    assert load_template(path, "python").spec.corpus == "python"


def test_a_trunk_is_kept(tmp_path: Path) -> None:
    text = '[base]\ncorpus = "docs"\ndepth = 2\nschedule = "wsd"\ntrunk_tokens = "8M"\nwarmup_tokens = 2048\n'
    assert load_template(written(tmp_path, text)).spec.trunk_tokens == 8_000_000


@pytest.mark.parametrize("path", sorted(Path("data").glob("*/sweep.toml")), ids=lambda path: path.parent.name)
def test_every_shipped_ladder_is_a_template(path: Path) -> None:
    assert load_template(path, corpus="docs").spec.corpus == "docs"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a template is a sweep's file with a [base]"),
        ("base = 3", "a template is a sweep's file with a [base]"),
        ("[base", "not a TOML file"),
        ("[base]\ndepth = 2", "a template names a corpus"),
        ('[base]\ncorpus = "docs"\nlr = [0.1, 0.2]', "one value of lr"),
        ('[base]\ncorpus = "docs"\nlr = { from = 0.1, to = 0.2, ratio = 2 }', "one value of lr"),
        ('[base]\ncorpus = "docs"\ndepth = { form = 2 }', "depth has no such rule"),
        ('[base]\ncorpus = "docs"\ndepht = 2', "did you mean depth?"),
        ('[base]\ncorpus = "docs"\nlr = -1', "lr must be positive"),
    ],
)
def test_what_is_no_template_is_refused_by_its_file(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError) as refused:
        load_template(written(tmp_path, text))
    assert message in str(refused.value)
    assert "base.toml" in str(refused.value)


def test_a_missing_template_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.toml: the template cannot be read"):
        load_template(tmp_path / "none.toml")


def test_the_default_families_are_counted_with_the_vocabulary_their_placeholder_says() -> None:
    for row in FAMILY:
        found = default_template(row.least)
        assert found.spec.corpus == row.corpus
        assert CORPORA[row.corpus].outputs == (50304 if "shards" in row.corpus else 256)
        assert found.spec.width % found.spec.head_dim == 0
        assert any("placeholder" in note for note in found.notes)
    assert not any("placeholder" in note for note in default_template(1e6, "docs").notes)


def test_without_a_template_batches_follow_the_tokens() -> None:
    batch = default_template(1e9).batch(1e11)
    assert batch is not None
    assert batch.value == pytest.approx(0.58 * 1e11**0.571)

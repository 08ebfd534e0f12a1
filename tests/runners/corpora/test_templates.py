"""Every corpus keeps the contract of a source, and names with an argument say how they are written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runners.corpora import CORPORA, Examples, Generated, Source, Template
from runners.spec import TrainSpec
from scalelaw.errors import UsageError
from tests.runners.corpora.conftest import everything, write_documents

MADE = ("arithmetic", "chain", "chain:order=1|vocab=5", "markov", "pcfg", "random_features", "random_features:d=8")
FOUND = ("python", "files:documents", "digits", "digits_classes")
CONTEXT = 8


@pytest.fixture(params=[*MADE, *FOUND])
def source(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    if request.param.startswith("digits"):
        pytest.importorskip("sklearn")
    if request.param == "files:documents":
        monkeypatch.chdir(tmp_path)
        write_documents(tmp_path / "documents")
        CORPORA._made.pop("files:documents", None)
    return CORPORA[request.param]


def context_of(source: Source) -> int:
    return CONTEXT if source.kind == "tokens" else 1


def test_inputs_and_targets_have_the_shapes_of_their_kind(source: Source) -> None:
    context = context_of(source)
    inputs, targets = everything(source.training(context, 20, 0))
    shape = (context,) if source.kind == "tokens" else source.input_shape
    assert inputs.shape == (20, *shape)
    assert targets.shape == ((20, context) if source.kind == "tokens" else (20,))
    if source.loss == "cross_entropy":
        assert int(targets.max()) < source.outputs
        assert np.issubdtype(targets.dtype, np.integer)


def test_examples_are_the_seed_s_and_can_be_taken_in_any_order(source: Source) -> None:
    context = context_of(source)
    inputs, targets = everything(source.training(context, 40, 3))
    again = source.training(context, 40, 3)
    index = np.random.default_rng(0).permutation(40)
    for part, expected in zip(again.take(index), (inputs, targets), strict=True):
        np.testing.assert_array_equal(part, expected[index])
    assert not np.array_equal(inputs, everything(source.training(context, 40, 4))[0])


def test_no_validation_example_is_a_training_example(source: Source) -> None:
    """At a context long enough for chance to repeat nothing."""
    context = 32 if source.kind == "tokens" else 1

    def seen(examples: Examples) -> set[bytes]:
        inputs, _ = everything(examples)
        return {row.tobytes() for row in inputs}

    training = seen(source.training(context, 50, 0))
    others = [source.validation(context, 30), source.held_out(context, 30)]
    assert all(training.isdisjoint(seen(examples)) for examples in others if examples is not None)


def test_validation_and_held_out_examples_stay_and_differ(source: Source) -> None:
    context = context_of(source)
    first, second = (everything(source.validation(context, 10))[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    held_out = source.held_out(context, 10)
    if held_out is not None:
        assert not np.array_equal(first, everything(held_out)[0][: len(first)])


def test_the_truth_is_a_distribution_no_worse_than_any_other(source: Source) -> None:
    inputs, _ = everything(source.validation(context_of(source), 20))
    truth = source.truth(inputs)
    if truth is not None:
        assert truth.shape == (*inputs.shape, source.outputs)
        np.testing.assert_allclose(truth.sum(axis=-1), 1.0, atol=1e-5)
        assert (truth >= 0).all()
        assert source.entropy(context_of(source)) is not None


def test_facts_say_source_licence_version_and_hash(source: Source) -> None:
    facts = source.facts()
    assert all(facts[key] for key in ("source", "licence", "version"))
    assert len(str(facts["sha256"])) == 64
    assert facts == source.facts()


@pytest.mark.parametrize("name", CORPORA.names())
def test_every_kind_has_a_name_and_a_template_says_how_it_is_written(name: str) -> None:
    (kind,) = (kind for kind in CORPORA if kind.name == name)
    assert name in CORPORA
    if isinstance(kind, Template):
        assert kind.usage.startswith(name)
        assert all(f"{option}=" in kind.usage for option in kind.options)
    else:
        assert CORPORA[name] is kind


def test_a_name_is_made_once() -> None:
    assert CORPORA["chain:vocab=6"] is CORPORA["chain:vocab=6"]
    assert "chain:vocab=6" in CORPORA


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("c4", r"'c4'. Known: arithmetic, chain, digits"),
        ("markov:order=3", "markov takes no argument"),
        ("chain:odrer=3", r"part 'odrer=3'|chain is written"),
        ("chain:order=3|voacb=3", r"part 'voacb=3', which is none of chain\[:order=3"),
        ("chain:order=two", "part 'order=two'"),
        ("chain:order=0", "part 'order=0'"),
        ("chain:zipf=nan", "part 'zipf=nan'"),
        ("random_features:alpha=inf", "part 'alpha=inf'"),
        ("pcfg:here", "is written pcfg"),
        ("shards:", "needs a folder"),
    ],
)
def test_a_name_that_means_nothing_is_answered_with_what_would(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        CORPORA[name]


def test_a_run_s_folder_has_a_safe_name_whatever_its_corpus_is_called() -> None:
    spec = TrainSpec("files:/data/my texts|bpe=4096", 16, 1, n_tokens=2**12)
    other = TrainSpec("files:/data/my/texts|bpe=4096", 16, 1, n_tokens=2**12)
    assert spec.run_id.startswith("files-data-my-texts-bpe-4096-mup-d16-L1-s0-")
    assert spec.run_id != other.run_id
    assert TrainSpec("markov", 16, 1, n_tokens=2**12).run_id.startswith("markov-mup-d16")
    assert len(TrainSpec("files:" + "long/" * 100, 16, 1, n_tokens=2**12).run_id) < 100


def test_blocks_are_made_when_they_are_met_and_again_after_they_are_forgotten() -> None:
    made: list[int] = []

    def block(number: int) -> tuple[np.ndarray, np.ndarray]:
        made.append(number)
        rows = np.arange(10 * number, 10 * number + 10)
        return rows[:, None], rows

    examples = Generated(1000, block, block=10, kept_bytes=400)  # two blocks
    inputs, targets = examples.take(np.array([25, 3, 27]))
    assert (inputs[:, 0].tolist(), targets.tolist()) == ([25, 3, 27], [25, 3, 27])
    assert made == [0, 2]
    examples.take(np.array([1, 21]))
    assert made == [0, 2]
    examples.take(np.array([31]))
    assert examples.take(np.array([5]))[1].tolist() == [5]
    assert made == [0, 2, 3, 0]

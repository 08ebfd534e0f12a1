"""A checkpoint is whole or not used; what is damaged is named, and nothing in it is ever run."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from runners import checkpoints as module
from runners.checkpoints import FILES, MANIFEST, Checkpoint, Checkpoints, Position
from runners.corpora import CORPORA
from runners.models import FAMILIES
from runners.optimizers import build_optimizer
from runners.spec import TrainSpec
from scalelaw.errors import DataError, ScalelawError

ROOT = Path(__file__).resolve().parents[2]
BAD_INPUTS = ROOT.parent / "shared" / "bad_inputs" / "make_bad_inputs.py"
MARKER = Path("/tmp/scalelaw_payload_ran")
SPEC = TrainSpec("markov", width=16, depth=1, n_tokens=4096, context=16, batch_size=4, dropout=0.1)


def trained(spec: TrainSpec = SPEC, steps: int = 3) -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    """A model and an optimizer that has taken steps."""
    torch.manual_seed(0)
    model = FAMILIES[spec.model].build(spec, CORPORA[spec.corpus])
    optimizer = build_optimizer(model, spec)
    for step in range(steps):
        inputs = torch.arange(16)[None] + step
        model(inputs).float().square().mean().backward()
        optimizer.step()
    return model, optimizer


def saved(folder: Path, *steps: int) -> Checkpoints:
    model, optimizer = trained()
    store = Checkpoints(folder / "checkpoints", "run")
    for step in steps:
        store.save(model, optimizer, Position(step, step, 2.5, 0.1, {"loss": 2.0}, log_bytes=10))
    return store


def newest(store: Checkpoints) -> Checkpoint | None:
    return next(store.sound(log_bytes=10), None)


@pytest.mark.parametrize(
    "spec",
    [
        SPEC,
        replace(SPEC, tied=True),
        replace(SPEC, parametrization="standard", optimizer="sgd"),
        replace(SPEC, parametrization="standard", optimizer="sgd", momentum=0.0),
    ],
    ids=["adamw", "tied", "sgd", "sgd without momentum"],
)
def test_what_is_restored_is_what_was_saved(tmp_path: Path, spec: TrainSpec) -> None:
    """Parameters, the optimizer's state and the random numbers to come, to the bit."""
    model, optimizer = trained(spec)
    store = Checkpoints(tmp_path / "checkpoints", "run")
    at = Position(7, 6, 2.5, 0.125, {"loss": 1 / 3}, 42, 1.5, 1.25)
    store.save(model, optimizer, at)
    drawn = torch.rand(5)
    other, other_optimizer = trained(spec, steps=1)
    found = next(store.sound(log_bytes=42))
    assert found.position == at
    found.restore(other, other_optimizer)
    assert torch.equal(torch.rand(5), drawn)
    for ours, theirs in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    ours, theirs = optimizer.state_dict()["state"], other_optimizer.state_dict()["state"]
    assert ours.keys() == theirs.keys()
    for place, state in ours.items():
        assert state.keys() == theirs[place].keys()
        assert all(
            torch.equal(torch.as_tensor(v), torch.as_tensor(theirs[place][k]))
            for k, v in state.items()
            if v is not None
        )


def test_the_newest_two_and_the_kept_remain(tmp_path: Path) -> None:
    store = saved(tmp_path, 1, 2)
    store.save(*trained(), Position(3, 3), keep=True)
    store.save(*trained(), Position(4, 4))
    store.save(*trained(), Position(5, 5))
    assert sorted(os.listdir(store.folder)) == ["step-000000000003.kept", "step-000000000004", "step-000000000005"]
    kept = store.kept(3)
    assert kept is not None
    assert kept.position.step == 3
    assert store.kept(4) is None
    store.clear()
    assert os.listdir(store.folder) == ["step-000000000003.kept"]


def test_a_folder_without_kept_checkpoints_is_removed_whole(tmp_path: Path) -> None:
    store = saved(tmp_path, 1)
    store.clear()
    assert not store.folder.exists()
    assert newest(store) is None


def truncated(file: Path, share: float) -> None:
    os.truncate(file, int(share * file.stat().st_size))


def flipped(file: Path, share: float) -> None:
    content = bytearray(file.read_bytes())
    place = int(share * 8 * len(content))
    content[place // 8] ^= 1 << place % 8
    file.write_bytes(content)


@pytest.mark.parametrize("damage", [truncated, flipped])
def test_any_damage_is_found_and_named_and_the_one_before_is_used(
    tmp_path: Path, damage: Callable[[Path, float], None]
) -> None:
    """Fifty cuts and as many flipped bits, over every byte range of the four files."""
    store = saved(tmp_path, 1, 2)
    last, sound = store.folder / "step-000000000002", tmp_path / "sound"
    shutil.copytree(last, sound)
    names = (*FILES, MANIFEST)
    for number, share in enumerate(np.random.default_rng(0).uniform(0, 1, 50)):
        name = names[number % len(names)]
        damage(last / name, float(share))
        with pytest.warns(RuntimeWarning, match=rf"step-000000000002/{re.escape(name)}: .*\[E_CHECKPOINT\]"):
            found = newest(store)
        assert found is not None
        assert found.position.step == 1
        shutil.copy(sound / name, last / name)
    found = newest(store)
    assert found is not None
    assert found.position.step == 2


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
def test_a_file_that_is_absent_is_named(tmp_path: Path, name: str) -> None:
    store = saved(tmp_path, 1, 2)
    (store.folder / "step-000000000002" / name).unlink()
    with pytest.warns(RuntimeWarning, match=re.escape(name)):
        found = newest(store)
    assert found is not None
    assert found.position.step == 1


def test_what_is_half_written_or_half_removed_is_taken_for_nothing(tmp_path: Path) -> None:
    """And the next save tidies it away."""
    store = saved(tmp_path, 1)
    shutil.copytree(store.folder / "step-000000000001", store.folder / "tmp-step-000000000002")
    shutil.copytree(store.folder / "step-000000000001", store.folder / "tmp-old-step-000000000000")
    found = newest(store)
    assert found is not None
    assert found.position.step == 1
    store.save(*trained(), Position(3, 3))
    assert sorted(os.listdir(store.folder)) == ["step-000000000001", "step-000000000003"]


def test_a_checkpoint_whose_log_lines_are_lost_is_passed_over(tmp_path: Path) -> None:
    store = saved(tmp_path, 1)
    with pytest.warns(RuntimeWarning, match="the log has 9 bytes and had 10"):
        assert next(store.sound(log_bytes=9), None) is None


def test_a_checkpoint_of_another_run_is_passed_over(tmp_path: Path) -> None:
    store = saved(tmp_path, 1)
    with pytest.warns(RuntimeWarning, match="it belongs to the run run"):
        assert newest(Checkpoints(store.folder, "another")) is None


def test_a_model_of_another_shape_is_refused(tmp_path: Path) -> None:
    found = newest(saved(tmp_path, 1))
    assert found is not None
    with pytest.raises(DataError, match="other tensors now"):
        found.restore(*trained(replace(SPEC, width=32)))


@pytest.mark.parametrize("failing", ["write_durably", "sync_folder"])
def test_a_save_that_fails_leaves_the_one_before_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    store = saved(tmp_path, 1)

    def fail(*args: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(module, failing, fail)
    with pytest.raises(ScalelawError, match=r"step-000000000002: the checkpoint could not be written \(Input/output"):
        store.save(*trained(), Position(2, 2))
    assert os.listdir(store.folder) == ["step-000000000001"]
    assert newest(store) is not None


@pytest.fixture(scope="module")
def malicious(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoints that run code when they are unpickled; they leave a marker."""
    if not BAD_INPUTS.is_file():
        pytest.skip("the bad inputs are not beside this checkout (../shared/bad_inputs)")
    folder = tmp_path_factory.mktemp("bad")
    subprocess.run([sys.executable, str(BAD_INPUTS), str(folder)], check=True, capture_output=True)
    return folder


@pytest.mark.parametrize(
    "name", ["s_checkpoint.pt", "s_checkpoint_legacy.pt", "s_dcp", "s_bad_safetensors.safetensors"]
)
@pytest.mark.parametrize("manifest", ["ours", "theirs"])
def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path, malicious: Path, name: str, manifest: str) -> None:
    """Put in the place of ours, with our manifest or one that fits it."""
    assert not MARKER.exists()
    store = saved(tmp_path, 1)
    folder = store.folder / "step-000000000001"
    payload = malicious / name / ".metadata" if name == "s_dcp" else malicious / name
    for file in FILES:
        shutil.copy(payload, folder / file)
    if name == "s_dcp":
        shutil.copy(payload, folder / ".metadata")
    if manifest == "theirs":
        content = payload.read_bytes()
        facts = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        (folder / MANIFEST).write_bytes(module._manifest(dict.fromkeys(FILES, facts)))
    with pytest.warns(RuntimeWarning, match="E_CHECKPOINT"):
        assert newest(store) is None
    assert not MARKER.exists()


def test_a_state_that_nests_without_end_is_refused(tmp_path: Path) -> None:
    store = saved(tmp_path, 1)
    folder = store.folder / "step-000000000001"
    state = b'{"a":' * 50_000 + b"1" + b"}" * 50_000
    files = json.loads((folder / MANIFEST).read_bytes())["files"]
    files["state.json"] = {"bytes": len(state), "sha256": hashlib.sha256(state).hexdigest()}
    (folder / "state.json").write_bytes(state)
    (folder / MANIFEST).write_bytes(module._manifest(files))
    with pytest.warns(RuntimeWarning, match=r"state\.json: not a state"):
        assert newest(store) is None


def test_nothing_in_runners_is_ever_unpickled() -> None:
    """`torch.load` only with `weights_only=True`, numpy never with pickles, and no pickling package at all."""
    for path in (ROOT / "runners").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\b(import|from) +(pickle|dill|cloudpickle|shelve|marshal|joblib)\b", text), path
        assert not re.search(r"allow_pickle *= *True|distributed\.checkpoint|weights_only *= *False", text), path
        for call in re.findall(r"torch\.load\(([^)]*)", text):
            assert "weights_only=True" in call, path

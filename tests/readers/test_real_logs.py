"""Other people's logs, read in place: each is read, or refused for the right reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from scalelaw.errors import DataError
from scalelaw.readers import read_runs

LOGS = Path(__file__).resolve().parents[3] / "shared" / "data" / "training-logs"


@dataclass(frozen=True)
class Read:
    """What must be told, and what comes out: rows of the default curve, of all points, and the least final loss."""

    told: Mapping[str, Any]
    rows: int
    points: int
    loss: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refused:
    """The code of the error and words that its message must hold."""

    code: str
    words: tuple[str, ...]
    told: Mapping[str, Any] = field(default_factory=dict)


CHART = "wandb-chart-export/"
OLMO = CHART + "olmo7b_twitterAEE_multi-run_restart-segments.csv"
OLMO_TOLD = {
    "loss": "eval/twitterAEE-validation/CrossEntropyLoss", "n_tokens": "Step*4194304", "given": {"n_params": "6.9B"}
}  # fmt: skip
"""OLMo-7B: 6.9B parameters and batches of 2,048 x 2,048 tokens (Groeneveld et al. 2024, arXiv 2402.00838)."""
MARIN_TOLD = {
    "loss": "eval/paloma/macro_loss", "n_params": "parameter_count", "n_tokens": "throughput/total_tokens",
    "flops": "throughput/total_gflops*1e9",
}  # fmt: skip
GSHARD = "wandb-runs-table-export/misfitting_gshard_failed-and-finished.csv"
GSHARD_TOLD = {"loss": "train/avg_loss_AVG", "n_tokens": "optim/n_tokens", "given": {"n_params": "12M"}}
"""The runs' names say `model-12m`."""
TRAINER_TOLD = {"loss": "eval_g0_loss", "n_tokens": "step*512", "given": {"n_params": "124M"}, "drop_invalid": True}
"""The batch's tokens and the model are unknown; these stand in. Evaluated before the first step too, at D = 0."""
GZIP = "jsonl/gzip_scaling_results_new.jsonl"
T5_JSON = "jsonl/t5_pile_base_inference_metrics.jsonl"

OUTCOMES: list[tuple[str, Read | Refused]] = [
    (CHART + "amber_eval.csv", Refused("E_MISSING_COLUMN", ("no column for loss", "medical"))),
    (CHART + "k2_eval_arc_easy.csv", Refused("E_MISSING_COLUMN", ("no column for loss", "arc_easy@5"))),
    (OLMO, Refused("E_MISSING_COLUMN", ("no column for loss", "CrossEntropyLoss"))),
    (OLMO, Read(OLMO_TOLD, 10, 117, 3.3248, ("I_WANDB",))),
    (OLMO, Read(OLMO_TOLD | {"join_runs": r"-run-\d+"}, 1, 117, 3.3248, ("I_WANDB", "I_JOINED"))),
    ("wandb-runs-table-export/marin_isoflop-comma.csv", Refused("E_MISSING_COLUMN", ("parameter_count",))),
    ("wandb-runs-table-export/marin_isoflop-comma.csv", Read(MARIN_TOLD, 92, 92, 3.1097, ("W_FLOPS",))),
    (GSHARD, Refused("E_METRIC", ("eval/ppl", "perplexity"))),
    (GSHARD, Refused("E_NO_ROWS", ("67 runs", "crashed, failed"), GSHARD_TOLD)),
    (GSHARD, Read(GSHARD_TOLD | {"keep_unfinished": True}, 67, 67, 2.7927)),
    ("hf-trainer/trainer_state.json", Refused("E_MISSING_COLUMN", ("n_params, n_tokens",))),
    ("hf-trainer/trainer_state.json", Read(TRAINER_TOLD, 1, 30, 2.7487)),
    (GZIP, Refused("E_AMBIGUOUS_COLUMN", ("train_loss, valid_loss",))),
    (GZIP, Refused("E_NOT_A_NUMBER", ("list is not a number",), {"loss": "valid_loss"})),
    (T5_JSON, Refused("E_METRIC", ("perplexity",))),
]


def place(name: str) -> Path:
    """The file; the test is skipped where it is not at hand."""
    if not LOGS.is_dir():
        pytest.skip("others' logs are not beside this checkout (../shared/data/training-logs)")
    return LOGS / name


@pytest.mark.parametrize(("name", "refused"), [item for item in OUTCOMES if isinstance(item[1], Refused)])
def test_a_log_that_cannot_be_used_as_it_is_is_refused_with_the_reason(name: str, refused: Refused) -> None:
    with pytest.raises(DataError) as caught:
        read_runs(place(name), **refused.told)
    assert caught.value.code == refused.code
    for word in refused.words:
        assert word in str(caught.value)


@pytest.mark.parametrize(("name", "read"), [item for item in OUTCOMES if isinstance(item[1], Read)])
def test_a_log_is_read_when_what_it_lacks_is_told(name: str, read: Read) -> None:
    table = read_runs(place(name), **read.told)
    assert len(table) == read.rows
    assert table.loss.min() == pytest.approx(read.loss, abs=5e-5)
    assert set(read.notes) <= {note.code for note in table.notes}
    assert len(read_runs(place(name), curve="all", **read.told)) == read.points


def test_every_log_at_hand_has_its_outcome() -> None:
    files = {str(path.relative_to(LOGS)) for path in place(".").rglob("*") if path.is_file()}
    told = {name for name, _ in OUTCOMES}
    known = {name for name in files if name in told or any(name.startswith(folder + "/") for folder in told)}
    assert files - known == {"PROVENANCE.txt"}

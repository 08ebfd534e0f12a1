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
TRAINER_TOLD = {"loss": "eval_g0_loss", "n_tokens": "step*512", "given": {"n_params": "124M"}}
"""The batch's tokens and the model are unknown; these stand in. Evaluated before the first step too, at D = 0."""
GZIP = "jsonl/gzip_scaling_results_new.jsonl"
T5_JSON = "jsonl/t5_pile_base_inference_metrics.jsonl"
T5_TRAIN, T5_EVAL = "tensorboard/t5_pile_base_train", "tensorboard/t5_pile_base_eval"
T5_TOLD = {"n_tokens": "step*2048*512", "given": {"n_params": "248M"}}
"""T5 v1.1 base; batches of 2,048 sequences of 512 tokens, as the log's `effective_batch_size` and `config` say."""
T5_MEAN = {"loss": "loss_per_all_target_tokens"}
MEGATRON = "text-logs/megatron-deepspeed_blowup-1-1793404.out"
LLM_C, MODDED = "text-logs/modded-nanogpt_AdamW_f66d43d7.log", "text-logs/modded-nanogpt_with_source_header.txt"
GPT2 = {"loss": "val_loss", "given": {"n_params": "124M"}}
MODDED_TOLD = GPT2 | {"n_tokens": "step*batch_size*sequence_length"}
TITAN = "text-logs/torchtitan_llama3_cuda_losses.txt"
TITAN_TOLD = {"n_tokens": "step*16384", "given": {"n_params": "6.1M"}}
"""The batch and the model of its own test are not in the file; these stand in."""

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
    # The loss is a sum over the batch, 2e5; the mean that is there too overflowed 32 bits in training and is negative.
    (T5_TRAIN, Refused("E_AMBIGUOUS_COLUMN", ("loss, loss_per_all_target_tokens",))),
    (T5_TRAIN, Refused("E_NOT_POSITIVE", ("'-1.136247158050537'",), T5_TOLD | T5_MEAN)),
    (T5_TRAIN, Read(T5_TOLD | {"loss": "loss"}, 1, 100, 222732.5469, ("W_DIVERGED",))),
    (
        T5_TRAIN + "/events.out.tfevents.1699275937.t1v-n-4cb1f8b8-w-8.54794.0.v2",
        Refused("E_MISSING_COLUMN", ("no column for loss", "timing/evaluate_seconds")),
    ),
    (T5_EVAL, Refused("E_AMBIGUOUS_COLUMN", ("loss, loss_per_all_target_tokens",))),
    (T5_EVAL, Read(T5_TOLD | T5_MEAN, 1, 1, 0.9226)),
    (MEGATRON, Refused("E_AMBIGUOUS_COLUMN", ("val_loss, train_loss",))),
    (MEGATRON, Refused("E_MISSING_VALUE", ("line 664", "tokens is missing"), {"loss": "val_loss"})),
    (MEGATRON, Read({"loss": "train_loss"}, 1, 1, 8.8636, ("I_ROUNDED",))),
    (MEGATRON, Read({"loss": "val_loss", "n_tokens": "step*128*seq_length"}, 1, 3, 7.6285)),
    (LLM_C, Refused("E_AMBIGUOUS_COLUMN", ("val_loss, train_loss",))),
    (LLM_C, Read(GPT2 | {"n_tokens": "step*512*1024"}, 1, 72, 3.2760)),
    (MODDED, Refused("E_AMBIGUOUS_COLUMN", ("val_loss, train_loss",))),
    (MODDED, Read(MODDED_TOLD, 1, 41, 3.2747)),
    (TITAN, Refused("E_MISSING_COLUMN", ("n_params, n_tokens",))),
    (TITAN, Read(TITAN_TOLD, 1, 100, 2.7465, ("I_FORMAT",))),
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

"""Logs of text: each program's lines are known from all others', wherever they begin."""

from __future__ import annotations

import gzip
import time
from pathlib import Path
from typing import Any

import pytest

from scalelaw.readers import read_runs
from scalelaw.readers.base import READERS, Manner
from scalelaw.readers.finding import pick_reader
from scalelaw.readers.logs import Log, LogReader
from scalelaw.runs import Note

LLM_C = (
    "s:0 tel:10.9688\ns:0 trl:10.9655 lr:0.000300 norm:15.20\ns:1 trl:10.8140 lr:0.000600 norm:12.10\ns:2 tel:9.5000\n"
)
MODDED = """\
import torch
    batch_size : int = 8*64 # in sequences
    sequence_length : int = 1024
    learning_rate : float = 0.0036
    name : str = "step:1/2 val_loss:1.0"
print0(f"step:{step+1}/{args.num_iterations} train_loss:{loss:.4f}")
====================
step:0/5100 val_loss:10.8210 train_time:286ms step_avg:nanms
step:1/5100 train_loss:10.7000 train_time:60444ms step_avg:153.84ms
step:1/5100 val_loss:10.6000 train_time:60500ms step_avg:153.84ms
"""
NANOGPT = """\
tokens per iteration will be: 491,520
number of parameters: 29.94M
num decayed parameter tensors: 26, with 30,031,872 parameters
num non-decayed parameter tensors: 13, with 4,992 parameters
step 0: train loss 10.9876, val loss 10.9801
iter 0: loss 10.9870, time 5000.12ms, mfu -100.00%
iter 10: loss 9.1234, time 300.10ms, mfu 12.30%
step 250: train loss 6.1000, val loss 6.2000
"""
MEGATRON = """\
using world size: 8, data-parallel-size: 8
------------------------ arguments ------------------------
  num_layers ...................................... 24
  seq_length ...................................... 2048
  lr_warmup_samples ............................... None
  tensor_model_parallel_size ...................... 1
  pipeline_model_parallel_size .................... 1
  vocab_file ...................................... gpt2-vocab.json
-------------------- end of arguments ---------------------
 > padded vocab (size: 50257) with 47 dummy tokens (new size: 50304)
 > number of parameters on (tensor, pipeline) model parallel rank (0, 0): 354871296
 [2024-05-08 12:13:47] iteration      100/    2000 | consumed samples:        12800 | \
elapsed time per iteration (ms): 368.0 | learning rate: 3.000000E-06 | global batch size:   128 | \
lm loss: 8.863574E+00 | loss scale: 1.0 | grad norm: 4.036 | number of nan iterations:   0 |
 validation loss at iteration 100 | lm loss value: 8.798237E+00 | lm loss PPL: 6.622557E+03 |
 validation loss at iteration 100 on test set | lm loss value: 8.900000E+00 | lm loss PPL: 7.3E+03 |
"""
TITAN = """\
[rank0]:[titan] 2025-06-04 08:51:40,000 - root - INFO - \x1b[34mModel llama3 8B \
\x1b[31msize: 8,030,261,248 total parameters\x1b[39m
[rank0]:[titan] 2025-06-04 08:51:41,000 - root - INFO - Training starts at step 1, with local batch size 1, \
global batch size 8, sequence length 2048, total steps 1000 (warmup 200)
[rank0]:[titan] 2025-06-04 08:51:48,074 - root - INFO - \x1b[31mstep:  1  \x1b[32mloss: 12.2254  \
\x1b[38;2;180;60;0mgrad_norm:  3.5000  \x1b[38;2;54;234;195mmemory: 27.34GiB(28.78%)  \x1b[34mtps: 7,034  \
\x1b[36mtflops: 21.73  \x1b[35mmfu: 2.20%\x1b[39m
[rank1]:[titan] 2025-06-04 08:51:48,080 - root - INFO - step:  1  loss: 12.2254  memory: 27.34GiB(28.78%)  tps: 7,034
[rank0]:[titan] 2025-06-04 08:51:49,000 - root - INFO - validate step:  1  loss: 12.1000  memory: 20.00GiB(20.00%)
[rank0]:2025-04-01 00:25:47,084 - root - INFO - step: 640/644 = 99.3789%  loss:  6.2116  memory: 87.04GiB  tps: 52,142
"""
PAIRS = "1 8.049097\n2 7.751836\n3 7.032886\n4 6.154908\n"
TEXTS = {
    "llm_c": LLM_C, "modded_nanogpt": MODDED, "nanogpt": NANOGPT, "megatron": MEGATRON, "torchtitan": TITAN
}  # fmt: skip


def read(folder: Path, text: str, name: str = "run.log") -> tuple[Log, tuple[Note, ...]]:
    """The run of a text, by the reader that its first bytes choose, and the notes."""
    path = folder / name
    path.write_text(text)
    reader: Any = pick_reader(path)
    logs = reader.logs(path, Manner())
    return logs.runs[0], logs.notes


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_of_every_system_are_read(end: str, tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    path.write_bytes(f"step 0: train loss 4.2, val loss 4.3{end}step 10: train loss 4.0, val loss 4.1{end}".encode())
    reader: Any = pick_reader(path)
    assert [point["val_loss"] for point in reader.logs(path, Manner()).runs[0].points] == [4.3, 4.1]


def test_a_line_that_a_progress_bar_wrote_over_is_what_came_last(tmp_path: Path) -> None:
    bars = "".join(f"{i}%|##\r" for i in range(2000))
    log, _ = read(tmp_path, f"step 5: train loss 4.2, val loss 4.3\n{bars}step 10: train loss 4.0, val loss 4.1\n")
    assert [point["step"] for point in log.points] == [5, 10]


def test_a_long_line_that_begins_a_thousand_times_as_a_log_does_is_told_apart_at_once(tmp_path: Path) -> None:
    path = tmp_path / "run.txt"
    path.write_text("iteration 1/ 1 | " * 60_000)
    began = time.process_time()
    assert pick_reader(path).name == "csv"
    assert time.process_time() - began < 2


def test_llm_c(tmp_path: Path) -> None:
    log, _ = read(tmp_path, LLM_C, "main.log")
    assert log.name == "main"
    assert list(log.points) == [
        {"step": 0, "val_loss": 10.9688, "train_loss": 10.9655, "lr": 0.0003, "grad_norm": 15.2},
        {"step": 1, "train_loss": 10.814, "lr": 0.0006, "grad_norm": 12.1},
        {"step": 2, "val_loss": 9.5},
    ]
    assert list(log.lines) == [1, 3, 4]


def test_modded_nanogpt_and_its_settings(tmp_path: Path) -> None:
    log, _ = read(tmp_path, MODDED, "f66d43d7.txt")
    assert log.config == {"batch_size": 512, "sequence_length": 1024, "learning_rate": 0.0036}
    assert [dict(point) for point in log.points[1:]] == [
        {"step": 1, "train_time_ms": 60444, "step_avg_ms": 153.84, "train_loss": 10.7, "val_loss": 10.6}
    ]
    assert log.points[0]["val_loss"] == 10.821


def test_modded_nanogpt_tells_its_tokens(tmp_path: Path) -> None:
    table = read_runs_of(tmp_path, MODDED, loss="val_loss", n_tokens="step*batch_size*sequence_length")
    assert table.loss.tolist() == [10.6]
    assert table.n_tokens.tolist() == [512 * 1024]


def read_runs_of(folder: Path, text: str, **told: Any) -> Any:
    """A text as a table, of a model whose size is told."""
    path = folder / "run.log"
    path.write_text(text)
    return read_runs(path, given={"n_params": "124M"}, **told)


def test_nanogpt_with_its_exact_number_of_parameters(tmp_path: Path) -> None:
    log, _ = read(tmp_path, NANOGPT, "train.out")
    assert log.config == {"tokens_per_iter": 491_520, "n_params": 30_036_864}
    assert list(log.points) == [
        {
            "step": 0,
            "train_loss": 10.9876,
            "val_loss": 10.9801,
            "batch_loss": 10.987,
            "time_ms": 5000.12,
            "mfu_percent": -100.0,
        },
        {"step": 10, "batch_loss": 9.1234, "time_ms": 300.1, "mfu_percent": 12.3},
        {"step": 250, "train_loss": 6.1, "val_loss": 6.2},
    ]


def test_nanogpt_needs_nothing_told_but_which_loss(tmp_path: Path) -> None:
    path = tmp_path / "train.out"
    path.write_text(NANOGPT)
    table = read_runs(path, loss="val_loss")
    assert (table.n_params[0], table.n_tokens[0], table.loss[0]) == (30_036_864, 250 * 491_520, 6.2)


def test_megatron_with_its_arguments_and_tokens_from_samples(tmp_path: Path) -> None:
    log, notes = read(tmp_path, MEGATRON, "slurm-1.out")
    assert log.config["n_params"] == 354_871_296
    assert (log.config["num_layers"], log.config["padded_vocab_size"]) == ("24", 50304)
    assert not {"lr_warmup_samples", "vocab_file"} & log.config.keys()
    (point,) = log.points
    assert (point["step"], point["tokens"]) == (100, 12_800 * 2048)
    assert (point["train_loss"], point["val_loss"], point["test_loss"]) == (8.863574, 8.798237, 8.9)
    assert point["elapsed_time_per_iteration_ms"] == 368.0
    assert [note.code for note in notes] == ["I_TOKENS"]


def test_megatron_counts_no_parameters_that_are_spread_over_ranks(tmp_path: Path) -> None:
    spread = MEGATRON.replace("tensor_model_parallel_size ...................... 1", "tensor_model_parallel_size ... 2")
    assert "n_params" not in read(tmp_path, spread)[0].config
    other = MEGATRON.replace("(0, 0): 354871296", "(0, 0): 354871296\n > number of parameters on (tensor, pipeline) "
                             "model parallel rank (1, 0): 354871296")  # fmt: skip
    assert "n_params" not in read(tmp_path, other)[0].config


def test_torchtitan_through_its_colours_and_from_one_rank(tmp_path: Path) -> None:
    log, _ = read(tmp_path, TITAN, "stdout")
    assert log.name == "stdout"
    assert log.config == {
        "n_params": 8_030_261_248, "global_batch_size": 8, "seq_len": 2048, "total_steps": 1000,
        "tokens_per_step": 16_384,
    }  # fmt: skip
    assert [dict(point) for point in log.points] == [
        {"step": 1, "train_loss": 12.2254, "grad_norm": 3.5, "memory": 27.34, "tps": 7034, "tflops": 21.73,
         "mfu_percent": 2.2, "val_loss": 12.1},
        {"step": 640, "train_loss": 6.2116, "memory": 87.04, "tps": 52_142},
    ]  # fmt: skip


def test_pairs_of_numbers_are_read_as_torchtitan_keeps_them_and_that_is_said(tmp_path: Path) -> None:
    log, notes = read(tmp_path, PAIRS, "losses.txt")
    assert [tuple(point.values()) for point in log.points] == [
        (1, 8.049097),
        (2, 7.751836),
        (3, 7.032886),
        (4, 6.154908),
    ]
    assert [note.code for note in notes] == ["I_FORMAT"]


@pytest.mark.parametrize("name", TEXTS)
def test_a_log_goes_to_its_own_reader_alone(name: str, tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    path.write_text(TEXTS[name])
    trackers = [reader for reader in READERS if isinstance(reader, LogReader)]
    assert [reader.name for reader in trackers if reader.claims(path, path.read_bytes()[:4096])] == [name]
    assert pick_reader(path).name == name


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("ending", [".txt", ".log", ".out", "", ".log.gz"])
def test_a_log_is_known_behind_a_hundred_kilobytes_of_source_code(name: str, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"run{ending}"
    content = ("import os  # a line of source code\n" * 4000 + TEXTS[name]).encode()
    path.write_bytes(gzip.compress(content) if ending.endswith("gz") else content)
    assert pick_reader(path).name == name


@pytest.mark.parametrize("name", TEXTS)
def test_a_line_without_its_end_is_not_read_and_that_is_said(name: str, tmp_path: Path) -> None:
    whole, _ = read(tmp_path, TEXTS[name])
    cut, notes = read(tmp_path, TEXTS[name][:-3])
    assert "W_TRUNCATED" in {note.code for note in notes}
    assert [value for point in cut.points for value in point.values()] != [
        v for point in whole.points for v in point.values()
    ]
    assert len(cut.points) <= len(whole.points)


def test_json_lines_that_quote_a_log_are_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    path.write_text('{"message": "step:  1  loss: 12.2254", "loss": 3.0}\n')
    assert pick_reader(path).name == "jsonl"


def test_a_loss_that_is_not_finite_stays_so(tmp_path: Path) -> None:
    log, _ = read(tmp_path, LLM_C + "s:3 trl:nan\n")
    assert str(log.points[-1]["train_loss"]) == "nan"


@pytest.mark.parametrize(
    "text", ["step: " + "1" * 300_000, "step:" + "1," * 200_000, "iteration " + " " * 400_000, "9" * 500_000 + " 1"]
)
def test_no_line_takes_long_to_be_seen_through(text: str, tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    path.write_text(text + "\n" + LLM_C)
    began = time.process_time()
    assert len(read(tmp_path, text + "\n" + LLM_C)[0].points) == 3
    assert time.process_time() - began < 2

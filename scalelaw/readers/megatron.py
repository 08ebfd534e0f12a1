"""What Megatron-LM and Megatron-DeepSpeed print: iterations and validations in cells between bars, arguments before."""

from __future__ import annotations

import re

from scalelaw.readers._text_logs import NUMBER, Draft, TextLogReader, number
from scalelaw.runs import Note

ITERATION = re.compile(r"iteration\s+(\d+)/\s*\d+ \|(.*)")
VALIDATED = re.compile(
    rf"(?:validation|valid|test) loss at iteration (\d+)(?: on (\w+) set)? \| lm loss value: ({NUMBER}) \|"
)
CELL = re.compile(rf"\s*(\w[\w ()/-]*?):\s+({NUMBER})\s*")
ARGUMENT = re.compile(r"(?:\S+:)?\s*(\w+) \.{3,} (\S+)\s*")
PADDED = re.compile(r"padded vocab .*\(new size: (\d+)\)")
COUNTED = re.compile(r"number of parameters on \(tensor, pipeline\) model parallel rank \((\d+), (\d+)\): (\d+)")
ROUNDED = re.compile(r"\[(\d+)-(\d+)\] ([\d.]+)B / ([\d.]+)B\s*$")

NAMES = {"lm loss": "train_loss", "consumed tokens": "tokens", "learning rate": "lr", "grad norm": "grad_norm"}
KEPT = (
    *("num_layers", "hidden_size", "ffn_hidden_size", "num_attention_heads", "seq_length", "padded_vocab_size"),
    *("micro_batch_size", "train_iters", "train_samples", "train_tokens", "lr_decay_style"),
    *("min_lr", "lr_warmup_samples", "lr_warmup_iters", "weight_decay", "adam_beta1", "adam_beta2", "clip_grad"),
    *("optimizer", "params_dtype", "seed", "tensor_model_parallel_size", "pipeline_model_parallel_size"),
)
"""Arguments that say what was trained and how; some two hundred others say where."""


class MegatronReader(TextLogReader):
    """Cells of an iteration, `train_loss` the mean since the last one printed, and `val_loss` of validations.

    Tokens are those consumed where printed, else samples times the sequence length. Parameters are counted where one
    rank holds all of them.
    """

    name = "megatron"
    mark = re.compile(r"^(?:.*[\s:\]])?iteration\s+\d+/\s*\d+ \|.*\| (?:lm )?loss|^.*lm loss value: ", re.MULTILINE)

    def take(self, line: str, number_: int, draft: Draft) -> None:
        """An iteration, a validation, an argument or a count."""
        if found := ITERATION.search(line):
            cells = filter(None, map(CELL.fullmatch, found[2].split("|")))
            values = {NAMES.get(cell[1], re.sub(r"\W+", "_", cell[1]).strip("_")): number(cell[2]) for cell in cells}
            draft.points.add(int(found[1]), values, number_)
        elif found := VALIDATED.search(line):
            kind = "test_loss" if "test" in (found[2] or found[0][:4]) else "val_loss"
            draft.points.add(int(found[1]), {kind: number(found[3])}, number_)
        elif (found := ARGUMENT.fullmatch(line)) and found[1] in KEPT and found[2] != "None":
            draft.config[found[1]] = found[2]
        elif found := PADDED.search(line):
            draft.config["padded_vocab_size"] = int(found[1])
        elif (found := COUNTED.search(line)) or (found := ROUNDED.search(line)):
            _count(draft, found, number_)

    def finish(self, draft: Draft) -> None:
        """Tokens from samples."""
        length = str(draft.config.get("seq_length", ""))
        rows = [row for row in draft.points.rows if "consumed_samples" in row and "tokens" not in row]
        if rows and length.isdecimal():
            for row in rows:
                row["tokens"] = row["consumed_samples"] * int(length)
            said = f"tokens = consumed samples x seq_length {length}, for no consumed tokens were printed"
            draft.notes.append(Note("I_TOKENS", said))


def _count(draft: Draft, found: re.Match[str], line: int) -> None:
    """Parameters of a rank: those of the model where tensors and layers are not spread over ranks."""
    degrees = [str(draft.config.get(f"{axis}_model_parallel_size", "1")) for axis in ("tensor", "pipeline")]
    if degrees != ["1", "1"] or (int(found[1]), int(found[2])) != (0, 0):
        draft.config.pop("n_params", None)
    elif found.re is COUNTED:
        draft.config["n_params"] = int(found[3])
    elif "n_params" not in draft.config:
        draft.config["n_params"] = f"{found[3]}B"
        draft.config["n_params_non_embedding"] = f"{found[4]}B"
        said = f"line {line}: n_params {found[3]}B and {found[4]}B without embeddings are rounded as they were printed"
        draft.notes.append(Note("I_ROUNDED", said, (line,)))


KIND = MegatronReader()

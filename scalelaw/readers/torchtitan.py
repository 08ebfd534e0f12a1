"""What torchtitan prints, `step: 10  loss: 10.7069  memory: 30.99GiB(32.62%)`, and its files `<step> <loss>`."""

from __future__ import annotations

import re

from scalelaw.readers._text_logs import NUMBER, Draft, TextLogReader, number, numbers
from scalelaw.runs import Note

STEP = re.compile(rf"(validate )?step:\s*(\d+)(?:/\d+ = [\d.]+%)?\s+loss:\s*({NUMBER})(.*)")
CELL = re.compile(rf"(grad_norm|memory|tps|wps|tflops|mfu):\s*({NUMBER})(GiB|%)?")
RANK = re.compile(r"\[rank(\d+)\]")
SIZE = re.compile(r"size: ([\d,]+) total parameters")
STARTS = re.compile(
    r"Training starts at step \d+, .*global batch size (\d+),(?: sequence length (\d+),)? total steps (\d+)"
)
PAIR = re.compile(rf"(\d+) ({NUMBER})")


class TorchtitanReader(TextLogReader):
    """`train_loss` and `val_loss` of steps done, `n_params` with embeddings, and `tokens_per_step` where printed.

    Of several ranks the first that says a step is read. A file of pairs of numbers is steps and training losses, as
    torchtitan's own tests keep them; that this was assumed is noted.
    """

    name = "torchtitan"
    mark = re.compile(
        r"^.*step:\s*\d+(?:/\d+ = [\d.]+%)?\s+loss:|\A(?:\d+ \d+\.\d+(?:[eE][-+]?\d+)?\r?\n){3}", re.MULTILINE
    )

    def take(self, line: str, number_: int, draft: Draft) -> None:
        """A step, a validation, a pair of numbers, or a count printed before them."""
        if found := STEP.search(line):
            rank = RANK.search(line)
            if rank and draft.config.setdefault("rank", rank[1]) != rank[1]:
                return
            cells = {f"{name}{'_percent' if unit == '%' else ''}": text for name, text, unit in CELL.findall(found[4])}
            loss = {"val_loss" if found[1] else "train_loss": number(found[3])}
            own = {} if found[1] else numbers(cells)  # a validation has a speed and a memory of its own
            draft.points.add(int(found[2]), loss | own, number_)
        elif found := PAIR.fullmatch(line):
            if not draft.points.rows:
                said = "two numbers a line were taken for a step and its training loss"
                draft.notes.append(Note("I_FORMAT", f"line {number_}: {said}", (number_,)))
            draft.points.add(int(found[1]), {"train_loss": number(found[2])}, number_)
        elif found := SIZE.search(line):
            draft.config["n_params"] = number(found[1])
        elif found := STARTS.search(line):
            draft.config |= numbers({"global_batch_size": found[1], "seq_len": found[2], "total_steps": found[3]})

    def finish(self, draft: Draft) -> None:
        """Tokens a step, where batch and length were printed."""
        draft.config.pop("rank", None)
        if "seq_len" in draft.config:
            draft.config["tokens_per_step"] = draft.config["global_batch_size"] * draft.config["seq_len"]


KIND = TorchtitanReader()

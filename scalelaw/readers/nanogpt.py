"""What nanoGPT prints: `step 2000: train loss 2.1234, val loss 2.3456`, `iter 10: loss 3.9012, time 30.10ms`."""

from __future__ import annotations

import re

from scalelaw.readers._text_logs import NUMBER, Draft, TextLogReader, number, numbers

EVALUATED = re.compile(rf"step (\d+): train loss (?P<train_loss>{NUMBER}), val loss (?P<val_loss>{NUMBER})\s*")
TRAINED = re.compile(
    rf"iter (\d+): loss (?P<batch_loss>{NUMBER}), time (?P<time_ms>{NUMBER})ms(?:, mfu (?P<mfu_percent>{NUMBER})%)?\s*"
)
TOKENS = re.compile(r"tokens per iteration will be: ([\d,]+)\s*")
COUNTED = re.compile(r"num (?:non-)?decayed parameter tensors: \d+, with ([\d,]+) parameters\s*")


class NanogptReader(TextLogReader):
    """`train_loss` and `val_loss` are means over evaluation batches, `batch_loss` is that of one batch.

    `n_params` is the sum of decayed and other parameters, exact, with embeddings; `tokens_per_iter` is as printed.
    """

    name = "nanogpt"
    mark = re.compile(r"^(?:step \d+: train loss .*, val loss|iter \d+: loss .*, time )", re.MULTILINE)

    def take(self, line: str, number_: int, draft: Draft) -> None:
        """An evaluation, an iteration, or a count printed before them."""
        if found := EVALUATED.fullmatch(line) or TRAINED.fullmatch(line):
            draft.points.add(int(found[1]), numbers(found.groupdict()), number_)
        elif found := TOKENS.fullmatch(line):
            draft.config["tokens_per_iter"] = number(found[1])
        elif found := COUNTED.fullmatch(line):
            counted = draft.config.setdefault("n_params", 0)
            draft.config["n_params"] = counted + number(found[1])


KIND = NanogptReader()

"""Logs of llm.c and of the first modded-nanogpt: `s:128 tel:6.0344`, `s:128 trl:6.0012 lr:0.000600 norm:0.91`."""

from __future__ import annotations

import re

from scalelaw.readers._text_logs import NUMBER, Draft, TextLogReader, numbers

LINE = re.compile(rf"s:(?P<step>\d+)((?: (?:tel|trl|eval|lr|norm):{NUMBER})+)\s*")
NAMES = {"tel": "val_loss", "trl": "train_loss", "eval": "accuracy_hellaswag", "lr": "lr", "norm": "grad_norm"}


class LlmCReader(TextLogReader):
    """`val_loss` (`tel`) is that of the model after `step` steps, `train_loss` (`trl`) that of the next batch."""

    name = "llm_c"
    mark = re.compile(r"^s:\d+ (?:tel|trl):", re.MULTILINE)

    def take(self, line: str, number: int, draft: Draft) -> None:
        """One line, one step."""
        if found := LINE.fullmatch(line):
            said = (pair.split(":") for pair in found[2].split())
            draft.points.add(int(found["step"]), numbers({NAMES[name]: text for name, text in said}), number)


KIND = LlmCReader()

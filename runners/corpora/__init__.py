"""What models are trained on: text, tokens, images and synthetic sources, one to a file."""

from __future__ import annotations

from runners.corpora._templates import Corpora, Template
from runners.corpora.base import Array, Corpus, Examples, Generated, Index, Repeated, Rows, Source, Windows

CORPORA = Corpora("runners.corpora", "corpus")

__all__ = [
    "CORPORA", "Array", "Corpora", "Corpus", "Examples", "Generated", "Index", "Repeated", "Rows", "Source", "Template",
    "Windows",
]  # fmt: skip

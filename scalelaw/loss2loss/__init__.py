"""Loss-to-loss laws: pairs of losses are related, resampled, and a law is carried over to another data set."""

from scalelaw.loss2loss.downstream import Downstream, downstream
from scalelaw.loss2loss.pairing import Pairs, pair_runs
from scalelaw.loss2loss.predictability import Predictability, predictable
from scalelaw.loss2loss.relating import Relation, relate
from scalelaw.loss2loss.resampling import Replicates, resample
from scalelaw.loss2loss.translating import Translation, extrapolate, translate

__all__ = [
    "Downstream",
    "Pairs",
    "Predictability",
    "Relation",
    "Replicates",
    "Translation",
    "downstream",
    "extrapolate",
    "pair_runs",
    "predictable",
    "relate",
    "resample",
    "translate",
]

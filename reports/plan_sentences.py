"""A plan as a reader would say it, with intervals."""

from __future__ import annotations

import re

from reports.wording import ends, number, percent, power, with_interval
from scalelaw.planning import Plan
from scalelaw.results import Interval, Unavailable


def plan_sentence(plan: Plan) -> str:
    """The answer, what it should reach, and how far beyond the runs that is."""
    if not (isinstance(plan.n_params, Interval) and isinstance(plan.n_tokens, Interval)):
        return f"These runs do not determine the answer ({question(plan)}): {_why(plan)}."
    return f"{answer_sentence(plan)}{_loss_sentence(plan)} {distance(plan)}"


def answer_sentence(plan: Plan) -> str:
    """Which model to train on how many tokens."""
    sizes = f"{with_interval(plan.n_params)} on {with_interval(plan.n_tokens)}"
    asked = question(plan)
    return f"{asked[:1].upper()}{asked[1:]}: train {sizes}."


def question(plan: Plan) -> str:
    """What was asked, its numbers as a page writes them."""
    return typeset(plan.goal.sentence)


def typeset(text: str) -> str:
    """A plain text as a page writes it: powers of ten raised, 6ND without spaces.

    >>> typeset("the least loss for 5.252e+23 FLOP")
    'the least loss for 5.252×10²³ FLOP'
    """
    text = text.replace("6 N D", "6ND")
    return re.sub(r"\b(\d+(?:\.\d+)?)e([+-]?\d+)\b", lambda found: power(found[1], int(found[2])), text)


def _why(plan: Plan) -> str:
    return next(answer.reason for answer in (plan.n_params, plan.n_tokens) if isinstance(answer, Unavailable))


def _loss_sentence(plan: Plan) -> str:
    if not (isinstance(plan.loss, Interval) and isinstance(plan.new_run, Interval)):
        return ""
    new_run = f"one new run should land in {ends(plan.new_run)} ({percent(plan.new_run.level)} prediction interval)"
    if isinstance(plan.extrapolated, Interval) and (drifting := ends(plan.extrapolated)) != ends(plan.new_run):
        new_run += f", or {drifting} if the law drifts on as it did beyond runs held out"
    if plan.loss.low == plan.loss.high:  # it was asked for
        return f" {new_run[0].upper()}{new_run[1:]}."
    return f" The law expects a loss of {with_interval(plan.loss)} there; {new_run}."


def distance(plan: Plan) -> str:
    """How far beyond the runs the plan lies."""
    decades = plan.reach.farthest
    if decades < 0.05:
        return "That is within the range of the runs."
    return f"That is {decades:.1f} decades (a factor of {number(10**decades, 2)}) beyond the runs."

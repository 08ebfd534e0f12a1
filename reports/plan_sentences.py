"""A plan as a reader would say it, with intervals."""

from __future__ import annotations

from reports.sentences import ends, with_interval
from reports.wording import number
from scalelaw.planning import Plan
from scalelaw.results import Interval, Unavailable


def plan_sentence(plan: Plan) -> str:
    """The answer, what it should reach, and how far beyond the runs that is."""
    if not (isinstance(plan.n_params, Interval) and isinstance(plan.n_tokens, Interval)):
        return f"These runs do not determine the answer ({plan.goal.sentence}): {_why(plan)}."
    return f"{answer_sentence(plan)}{_loss_sentence(plan)} {distance(plan)}"


def answer_sentence(plan: Plan) -> str:
    """Which model to train on how many tokens."""
    sizes = f"{with_interval(plan.n_params)} on {with_interval(plan.n_tokens)}"
    question = plan.goal.sentence
    return f"{question[:1].upper()}{question[1:]}: train {sizes}."


def _why(plan: Plan) -> str:
    return next(answer.reason for answer in (plan.n_params, plan.n_tokens) if isinstance(answer, Unavailable))


def _loss_sentence(plan: Plan) -> str:
    if not (isinstance(plan.loss, Interval) and isinstance(plan.new_run, Interval)):
        return ""
    new_run = f"one new run should land in {ends(plan.new_run)} ({plan.new_run.level:.0%} prediction interval)"
    return f" The law expects a loss of {with_interval(plan.loss)} there; {new_run}."


def distance(plan: Plan) -> str:
    """How far beyond the runs the plan lies."""
    decades = plan.reach.farthest
    if decades <= 0:
        return "That is within the range of the runs."
    return f"That is {decades:.1f} decades (a factor of {number(10**decades, 2)}) beyond the runs."

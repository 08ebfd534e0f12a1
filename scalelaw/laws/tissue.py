"""The law of learning-rate annealing: the area under the schedule, and the area of its decay."""

from __future__ import annotations

from scalelaw.laws._formula import FormulaLaw
from scalelaw.laws._schedules import annealing_areas
from scalelaw.laws.base import Param


class Tissue(FormulaLaw):
    """L = L_0 + A S1^-alpha - C_2 S2, with columns S1 and S2 as `annealing_areas` makes them from a schedule.

    S2 is 0 where the learning rate has not fallen yet.

    Source: Tissue et al. 2024, arXiv 2408.11029; C_2 is their C.
    """

    def __init__(self) -> None:
        super().__init__(
            "L_0 + A / column(S1)^alpha - C_2 * column(S2)",
            (
                Param("L_0", "nats/token", "irreducible loss: what remains of an endless run"),
                Param("A", "nats/token x S1^alpha", "size of the term that falls as the run goes on"),
                Param("alpha", "", "how fast that term falls", high=5.0),
                Param("C_2", "nats/token per S2", "what annealing brings"),
            ),
            name="tissue",
            source="Tissue et al. 2024, arXiv 2408.11029",
            shown="L_0 + A / S1^alpha - C_2 S2",
            identifiability=(
                "C_2 needs runs that anneal and runs that do not (or points before and after), alpha points over a "
                "decade of steps. S1 and S2 come from the schedule: `scalelaw.laws.tissue.annealing_areas`."
            ),
        )

    @property
    def continuous(self) -> tuple[str, ...]:
        """S1; S2 is 0 for runs that do not anneal."""
        return ("S1",)


KIND = Tissue()

__all__ = ["KIND", "Tissue", "annealing_areas"]

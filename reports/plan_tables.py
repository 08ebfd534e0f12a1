def plan_table(plan: Plan) -> Table:
    """Every number of a plan, with its unit, interval and method."""
    intervals = (
        ("parameters N*", plan.n_params),
        ("tokens D*", plan.n_tokens),
        ("tokens per parameter D*/N*", plan.tokens_per_param),
        ("loss of the law there", plan.loss),
        ("loss of a new run there", plan.new_run),
        ("the same, with model discrepancy", plan.extrapolated),
    )
    notes = {interval.note for _, interval in intervals if isinstance(interval, Interval)}
    common = notes.pop() if len(notes) == 1 else ""
    rows = [_plan_row(label, interval, common) for label, interval in intervals]
    bands = [_band_row(100 * b.excess, b.n_params_low, b.n_params_high) for b in plan.bands]
    reach = plan.reach
    beyond = (("C", reach.flops), ("N", reach.n_params), ("D", reach.n_tokens))
    decades = [(f"{x} beyond the largest run", Quantity(v), None, "decades", "log10 of the ratio") for x, v in beyond]
    budget = ("budget C = 6ND", Quantity(plan.flops), None, "FLOP", "given")
    columns = ("quantity", "value", "interval", "unit", "how")
    methods = list(dict.fromkeys(i.method for _, i in intervals if isinstance(i, Interval)))
    # The last one extends the first by the discrepancy; the shared beginning is said once.
    told = [method.removeprefix(f"{methods[0]}; ") if i else method for i, method in enumerate(methods)]
    caption = f"Intervals: {'; '.join(filter(None, (*told, common))) or 'none'}."
    return Table("plan", "Plan", columns, (budget, *rows, *bands, *decades), caption)


def _plan_row(label: str, interval: Interval | Unavailable, said: str) -> tuple[Cell, ...]:
    if isinstance(interval, Unavailable):
        return label, "not available", None, interval.unit, interval.reason
    how = f"{interval.level:.0%} {interval.kind} interval"
    notes = f"{how}; {interval.note}" if interval.note and interval.note != said else how
    return label, Quantity(interval.estimate, interval.unit), _ends(interval), interval.unit, notes


def _band_row(excess: float, low: float, high: float) -> tuple[Cell, ...]:
    label = f"sizes within {excess:g}% of the best loss"
    return label, None, Range(low, high, "parameters"), "parameters", "the law at the estimate, D = C/(6N)"



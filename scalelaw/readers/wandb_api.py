"""Runs on a W&B server: `wandb:entity/project`, `wandb:entity/project/RUN`, `wandb:entity/project?tag=ladder`."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from scalelaw.errors import DataError, MissingExtraError, UsageError
from scalelaw.readers.base import Manner
from scalelaw.readers.logs import Log, LogReader, Logs
from scalelaw.readers.wandb_offline import facts_of, plain
from scalelaw.runs import Source

PAGE = 1000
"""Points asked for at a time."""
WAITS = (1.0, 4.0, 16.0)
"""Seconds before each further try, where the server fails or cannot be reached."""
REFUSALS = ("UsageError", "AuthenticationError")
"""Errors of the package that another try would meet again."""
FILTERS = {"tag": "tags", "group": "group", "state": "state", "name": "display_name", "sweep": "sweep"}
"""What may be asked of runs, and what the server calls it."""

_log = logging.getLogger(__name__)
Result = TypeVar("Result")


class WandbApiReader(LogReader):
    """Every point of every run, by `scan_history`: `history` gives a sample that differs from call to call.

    How far it is goes to the log `scalelaw.readers.wandb_api`, at level INFO, with the counts `done` and `total` after
    each run. The digest is that of what was received. Raises `DataError` E_NETWORK where the server fails four times,
    `MissingExtraError` without the package wandb.
    """

    name = "wandb_api"
    scheme = "wandb"

    def logs(self, path: Path, manner: Manner) -> Logs:
        """The runs of an address, oldest first."""
        address = str(path)
        project, run, wanted = _parsed(address)
        api = _patiently(address, _api)
        found = _patiently(address, lambda: [api.run(f"{project}/{run}")] if run else _listed(api, project, wanted))
        runs: list[Log] = []
        for number, item in enumerate(found, start=1):
            runs.append(_patiently(address, partial(_read, project, item)))
            said = f"{address}: {number} of {len(found)} runs, {runs[-1].name} with {len(runs[-1].points)} points"
            _log.info(said, extra={"done": number, "total": len(found)})
        told = [[log.id, log.name, log.state, log.config, log.points] for log in runs]
        digest = hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()
        return Logs(runs, (Source(address, digest),))


def _parsed(address: str) -> tuple[str, str, dict[str, str]]:
    """ENTITY/PROJECT, the id of a run or nothing, and filters as the server names them."""
    names, _, query = address.partition(":")[2].strip("/").partition("?")
    asked = dict(parse_qsl(query, keep_blank_values=True))
    parts = names.replace("/runs/", "/").split("/")  # as W&B's pages are addressed
    unknown = [name for name in asked if name not in FILTERS]
    if len(parts) not in (2, 3) or not all(parts) or unknown or (asked and len(parts) == 3):
        known = ", ".join(f"{name}=" for name in FILTERS)
        raise UsageError(
            f"{address} is no address on W&B. Expected wandb:entity/project, wandb:entity/project/RUN, or "
            f"wandb:entity/project? with {known} joined by &."
        )
    return "/".join(parts[:2]), "".join(parts[2:]), {FILTERS[name]: value for name, value in asked.items()}


def _api() -> Any:
    try:
        import wandb
    except ImportError:
        raise MissingExtraError("Reading from W&B", "wandb") from None
    return wandb.Api()


def _listed(api: Any, project: str, wanted: dict[str, str]) -> list[Any]:
    return list(api.runs(project, filters=wanted, order="+created_at"))


def _patiently(address: str, ask: Callable[[], Result]) -> Result:
    """What a call gives, tried again after a while where it fails; a history of which a part came is read afresh.

    What W&B refuses, an unknown project or a missing login, it would refuse again: that is told at once.
    """
    waits = list(WAITS)
    while True:
        try:
            return ask()
        except MissingExtraError:
            raise
        except Exception as error:  # the package raises its own, those of requests and of the system
            if not waits or _refused(error):
                raise _no_answer(address, error) from None
            _log.info("%s: %s; trying again in %g s", address, error, waits[0])
            time.sleep(waits.pop(0))


def _refused(error: Exception) -> bool:
    """By the package, or by the server with a status of 4xx; 408 and 429 ask to come again."""
    answer = getattr(getattr(error, "exc", None) or error, "response", None)
    status = getattr(answer, "status_code", 0)
    forbidden = 400 <= status < 500 and status not in (408, 429)
    return forbidden or type(error) is ValueError or type(error).__name__ in REFUSALS


def _no_answer(address: str, error: Exception) -> DataError:
    said = "W&B refused" if _refused(error) else f"W&B did not answer in {len(WAITS) + 1} tries"
    remedy = "check the address, the network and `wandb login`, or read the run's .wandb file"
    problem = f"{said}: {type(error).__name__}: {str(error).rstrip('.')}"
    return DataError("E_NETWORK", problem, file=address, remedy=remedy)


def _read(project: str, run: Any) -> Log:
    # Without `keys`: with them the server leaves out every point that lacks one of them.
    points = [plain(point) for point in run.scan_history(page_size=PAGE)]
    summary: Mapping[str, Any] = dict(getattr(run.summary, "_json_dict", run.summary))
    facts = {"project": run.project} | ({"tags": ", ".join(run.tags)} if run.tags else {})
    return Log(
        name=run.name or run.id,
        config=facts | facts_of(run.config, summary, points),
        points=points or [point for point in [plain(summary)] if point],
        file=f"wandb:{project}/{run.id}",
        state=str(run.state or "").lower(),
        id=run.id,
    )


KIND = WandbApiReader()

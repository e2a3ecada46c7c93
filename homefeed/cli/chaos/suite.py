"""Faults one after the other, each in a platform of its own: one row is one fault and what became of it."""

import shutil
import traceback
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from homefeed.cli.chaos.controls import CONTROLS
from homefeed.cli.chaos.fault import Fault
from homefeed.cli.chaos.faults import FAULTS
from homefeed.cli.chaos.platform import ChaosError, Platform, Told, copy_of
from homefeed.cli.chaos.rollout_faults import write_past
from homefeed.cli.chaos.traffic import Traffic
from homefeed.cli.headless import quiet

#: Viewers and visits a day of the site that rollouts meet: as many exposures as finding 3 % takes.
NUM_VIEWERS, VISITS_PER_DAY = 70_000, 3.0
#: Hours of theirs that lie behind: what they watched then tells much of what they would watch.
PAST_HOURS = 24


def chosen(names: Iterable[str]) -> list[Fault]:
    """The faults and controls of these names, all when there are none.

    Raises:
      ChaosError: there is no such fault.
    """
    known = {fault.name: fault for fault in (*FAULTS, *CONTROLS)}
    if unknown := [name for name in names if name not in known]:
        raise ChaosError(f"there is no fault {', '.join(unknown)}; faults are {', '.join(known)}")
    return [known[name] for name in names] or [*known.values()]


def run_faults(
    platform: Platform,
    faults: Iterable[Fault],
    home: Path,
    told: Told,
    num_viewers: int = NUM_VIEWERS,
    past_hours: int = PAST_HOURS,
) -> list[dict[str, Any]]:
    """Seed each fault in a copy of `platform` under `home`; one that cannot be seeded counts as not stopped."""

    @cache
    def viewers() -> Traffic:
        return Traffic(platform.settings, platform.now, num_viewers, VISITS_PER_DAY, platform.settings.seed)

    @cache
    def with_past() -> Platform:
        folder = home / "runs" / "past"
        shutil.rmtree(folder, ignore_errors=True)
        past = copy_of(platform, folder)
        write_past(past, viewers(), past_hours)
        return past

    rows = []
    for fault in faults:
        told(fault.name)
        folder = home / "runs" / fault.name
        shutil.rmtree(folder, ignore_errors=True)
        row: dict[str, Any] = {"fault": fault.name, "what": fault.what, "at": fault.at, "gate": fault.gate}
        try:
            with quiet(home / "chaos.log"):
                begin = with_past() if fault.at == "rollout" else platform
                outcome = fault.run(copy_of(begin, folder), viewers)
            row |= {"stopped": fault.is_stopped(outcome), "error": ""} | outcome.to_dict()
        except Exception as error:  # the others are seeded all the same, and this one is told as what it is
            with (home / "chaos.log").open("a") as log:
                traceback.print_exc(file=log)
            row |= {"stopped": False, "error": f"{type(error).__name__}: {error}"}
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        # Each at once: a suite takes long, and what it found so far must not depend on its end.
        with (home / "faults.jsonl").open("ab") as file:
            file.write(orjson.dumps(row, option=orjson.OPT_SERIALIZE_NUMPY) + b"\n")
        rows.append(row)
    shutil.rmtree(home / "runs", ignore_errors=True)
    return rows

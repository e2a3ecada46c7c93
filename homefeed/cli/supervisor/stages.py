"""The way from an empty `var/` to the first live release: which stage runs and how long is left."""

import time
from collections.abc import Sequence

from rich.console import Console

#: Stage -> (what people read, its usual seconds on 2 cores with the default world). The two trainings run side by side.
STAGES: dict[str, tuple[str, float]] = {
    "history": ("two days of synthetic history", 25),
    "start": ("Airflow and the service start", 40),
    "bootstrap": ("ingest the history", 20),
    "build_features": ("exposures and features", 40),
    "train_retrieval": ("train the retriever", 60),
    "train_ranking": ("train the ranker", 90),
    "build_index": ("index and bundle", 20),
    "deploy_release": ("gates", 20),
    "serve": ("the service takes the release", 10),
}
#: Stages of a start after the first release.
RESUMED = {"start", "serve"}


class Stages:
    """Says each change of stage, with the time left by what the stages usually take."""

    def __init__(self, console: Console) -> None:
        self._console, self._began = console, time.monotonic()
        self._since: dict[str, float] = {}
        self._done: set[str] = set()

    def begin(self, stage: str) -> None:
        """A stage runs now; saying so again changes nothing."""
        if stage in STAGES and stage not in self._since:
            self._since[stage] = time.monotonic()
            self._say(f"{STAGES[stage][0]} ...")

    def end(self, stage: str) -> None:
        """A stage is done; saying so again changes nothing."""
        if stage in STAGES and stage not in self._done:
            self.begin(stage)
            self._done.add(stage)
            self._say(f"{STAGES[stage][0]}: done in {time.monotonic() - self._since[stage]:.0f} s")

    def resume(self) -> None:
        """A release was live before: only what every start does is left."""
        self._done |= STAGES.keys() - RESUMED

    def left_s(self) -> float:
        """Seconds left: what each unfinished stage usually takes, less what it has taken already."""
        now = time.monotonic()
        spent = {stage: now - since for stage, since in self._since.items()}
        return sum(
            max(0.0, usual - spent.get(stage, 0.0)) for stage, (_, usual) in STAGES.items() if stage not in self._done
        )

    def follow(self, runs: Sequence[tuple[str, str]]) -> None:
        """Take over the states of DAG runs, given as (DAG id, state)."""
        for dag_id, state in runs:
            if state == "running":
                self.begin(dag_id)
            elif state == "success":
                self.end(dag_id)

    def _say(self, text: str) -> None:
        elapsed, left = time.monotonic() - self._began, self.left_s()
        remaining = f"about {max(1, round(left / 60))} min left" if left > 45 else f"about {left:.0f} s left"
        self._console.print(f"[dim]{elapsed:4.0f} s[/dim]  {text}  [dim]{remaining}[/dim]", highlight=False)

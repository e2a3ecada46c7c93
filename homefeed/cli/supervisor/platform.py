"""The platform on one machine: Airflow, the service and synthetic viewers, from the first start to Ctrl-C."""

import os
import shutil
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from homefeed import windows
from homefeed.cli.airflow_pools import pools
from homefeed.cli.supervisor import airflow as airflow_process
from homefeed.cli.supervisor import processes
from homefeed.cli.supervisor.preflight import UNFINISHED, check, free_port
from homefeed.cli.supervisor.refused import refused
from homefeed.cli.supervisor.stages import Stages
from homefeed.cli.supervisor.watcher import Watcher
from homefeed.errors import HomefeedError
from homefeed.lake import open_lake
from homefeed.settings import Settings
from monitoring.live import live_release


class PlatformError(HomefeedError):
    """A part ended, or the first release did not go live."""


class StopAsked(Exception):  # noqa: N818 - not an error
    """The user asked to stop."""


class Platform:
    """Everything `homefeed run` has started."""

    def __init__(self, settings: Settings, console: Console, stop: threading.Event) -> None:
        self._settings, self._console, self._stop = settings, console, stop
        self._sessions: list[processes.Session] = []
        self._alive: dict[str, Callable[[], bool]] = {}
        self._stages = Stages(console)

    def run(self) -> None:
        """Start, bring the first release to viewers, and run until `stop` is set. Always ends what it started."""
        check(self._settings)
        try:
            self._run()
        except StopAsked:
            pass
        finally:
            self._console.print("stopping ...")
            processes.stop(self._sessions, self._settings.platform.stop_s)
            processes.forget(self._settings.var)

    def _run(self) -> None:
        from homefeed.registry import open_registry

        registry = open_registry(self._settings.resolved_registry_url)
        is_fresh = registry.live() is None
        if not is_fresh:
            self._stages.resume()
        history = self._history() if is_fresh else None
        self._stages.begin("start")
        airflow = self._start_airflow(paused=is_fresh)
        url = self._start_service()
        watcher = self._start_watcher(url)
        self._wait("airflow", airflow.is_healthy)
        airflow.set_pools(pools(self._settings))
        self._stages.end("start")
        if history is not None:
            self._bootstrap(airflow, registry, *history)
        airflow.unpause(*(dag_id for dag_id, paused in airflow.dags().items() if paused))
        live = registry.live()
        assert live is not None
        _, outdated = live_release(self._settings, registry)
        if outdated:
            self._train_again(airflow, outdated)
        self._await_service(url, "" if outdated else live.id)
        self._start_viewers(url)
        self._greet(airflow, url, live.id)
        while not self._stop.wait(1.0):
            self._check_alive()
            watcher.tend()

    def _history(self) -> tuple[str, str]:
        """First and last arrival window of the event log; a synthetic history is written when it is empty."""
        from homefeed.ingest.event_log import EventLog

        log = EventLog(self._settings.events_path)
        if not log.windows():
            from homefeed.world.history import write_history

            self._stages.begin("history")
            unfinished = self._settings.var / UNFINISHED
            unfinished.touch()
            end = windows.start(windows.window_of(datetime.now(UTC)))
            try:
                write_history(self._settings, end, lambda *_: self._check_stop())
            except BaseException:
                # The log was empty before, so what is in it is only ours.
                shutil.rmtree(self._settings.events_path, ignore_errors=True)
                raise
            finally:
                unfinished.unlink()
        self._stages.end("history")
        found = sorted(log.windows())
        return found[0], found[-1]

    def _start_airflow(self, paused: bool) -> airflow_process.Airflow:
        home = self._settings.var / "airflow"
        port = self._settings.platform.airflow_port or free_port()
        environment = airflow_process.standalone_environment(self._settings, port, paused)
        home.mkdir(parents=True, exist_ok=True)
        child, session = processes.start("airflow", airflow_process.command(), environment, home / "standalone.log")
        self._remember(session, lambda: child.poll() is None)
        return airflow_process.Airflow(f"http://127.0.0.1:{port}", home)

    def _start_service(self) -> str:
        from serving.process import start

        self._service = start(self._settings, wait_s=self._settings.platform.start_s)
        self._remember(processes.session_of("service", self._service.pid), lambda: self._service.process.poll() is None)
        return self._service.url

    def _start_watcher(self, url: str) -> Watcher:
        from monitoring.alerts.rules import load_rules

        # A wrong rule is told here, where somebody looks.
        load_rules(self._settings.alerts.rules_file)
        return Watcher(self._settings, url, self._console, self._remember_session)

    def _bootstrap(self, airflow: airflow_process.Airflow, registry: Any, first: str, last: str) -> None:
        """Drive the first release to LIVE. `ingest_events` waits, since it would ingest the same windows."""
        begun = datetime.now(UTC)
        since = begun.isoformat()
        airflow.unpause(*(dag_id for dag_id in airflow.dags() if dag_id != "ingest_events"))
        airflow.trigger("bootstrap", {"first": first, "last": last})
        deadline = time.monotonic() + self._settings.platform.bootstrap_s
        while registry.live() is None:
            runs = airflow.runs(since)
            self._stages.follow([(run.dag_id, run.state) for run in runs])
            if failed := [run for run in runs if run.state == "failed"]:
                where = f"{airflow.url}/dags/{failed[0].dag_id}/runs/{failed[0].run_id}"
                logs = self._settings.var / "airflow" / "logs" / f"dag_id={failed[0].dag_id}"
                raise PlatformError(
                    f"{failed[0].dag_id} failed, so there is no first release; its log is in {logs} ({where})"
                )
            if why := refused(registry, begun):
                raise PlatformError(why)
            if time.monotonic() > deadline:
                raise PlatformError(
                    f"no release went live within {self._settings.platform.bootstrap_s:.0f} s "
                    "(HOMEFEED_PLATFORM__BOOTSTRAP_S); `homefeed status` shows what the gates said"
                )
            self._pause(1.0)
        self._stages.follow([("deploy_release", "success")])

    def _train_again(self, airflow: airflow_process.Airflow, why: str) -> None:
        """Start both trainings on the newest exposures: their release takes the place of one that this version of the
        code cannot compute."""
        newest = max(open_lake(self._settings.lake_path).windows("exposures"))
        for dag_id in ("train_retrieval", "train_ranking"):
            airflow.trigger(dag_id, {"window": newest})
        self._console.print(
            f"{why}. Pages are what is trending until the release of the trainings that begin now is live: "
            "`homefeed status`",
            highlight=False,
        )

    def _await_service(self, url: str, release: str) -> None:
        """Wait for pages of `release`; where it is empty, for any."""
        from homefeed.client import Client, ClientError

        self._stages.begin("serve")

        def serves() -> bool:
            try:
                with Client(url, retries=0) as client:
                    live = client.release()["live"]
                    page = client.recommend(self._viewer(), num=1)
            except ClientError:
                return False
            is_of_it = live is not None and live["release"] == release and page.release is not None
            return is_of_it or not release

        self._wait("service", serves)
        self._stages.end("serve")

    def _start_viewers(self, url: str) -> None:
        """Synthetic viewers come where the history is synthetic; a site's own history has its own viewers."""
        from homefeed.world.site import WorldError
        from homefeed.world.viewers import LiveViewers

        try:
            viewers = LiveViewers(self._settings, url)
        except WorldError as error:
            self._console.print(f"no synthetic viewers: {error}", highlight=False)
            return
        threading.Thread(target=viewers.run, args=(self._stop,), name="viewers", daemon=True).start()

    def _greet(self, airflow: airflow_process.Airflow, url: str, release: str) -> None:
        from homefeed.cli.supervisor.greeting import greeting

        self._console.print(greeting(self._settings, airflow, url, release, self._viewer()))

    def _viewer(self) -> str:
        """Any viewer that the lake knows."""
        rows = open_lake(self._settings.lake_path).read("users", columns=["user_id"])
        return str(rows["user_id"][0].as_py()) if len(rows) else "somebody"

    def _remember(self, session: processes.Session, is_alive: Callable[[], bool]) -> None:
        self._alive[session.name] = is_alive
        self._remember_session(session)

    def _remember_session(self, session: processes.Session) -> None:
        self._sessions = [*(old for old in self._sessions if old.name != session.name), session]
        processes.remember(self._settings.var, processes.session_of("supervisor", os.getpid()), self._sessions)

    def _wait(self, name: str, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + self._settings.platform.start_s
        while not condition():
            self._check_alive()
            if time.monotonic() > deadline:
                raise PlatformError(f"{name} was not ready in time; HOMEFEED_PLATFORM__START_S allows more")
            self._pause(0.5)

    def _check_alive(self) -> None:
        for name, is_alive in self._alive.items():
            if not is_alive():
                logs = self._settings.var / "airflow" / "standalone.log"
                why = f"its log is {logs}" if name == "airflow" else f"it said:\n{self._service.output()}"
                raise PlatformError(f"{name} ended by itself; {why}")

    def _pause(self, seconds: float) -> None:
        self._stop.wait(seconds)
        self._check_stop()

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise StopAsked

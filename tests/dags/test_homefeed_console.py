"""The page Homefeed behind Airflow's own login: who may look, who may give orders, and from where."""

import contextlib
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from homefeed.cli.supervisor.preflight import free_port
from homefeed.clock import set_clock
from homefeed.registry import Registry, Stage, open_registry
from homefeed.settings import load
from tests.monitoring.console.stub_console import NOW, busy
from tests.serving.browser import Browser

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Using `httpx`"),  # Airflow's cadwyn imports the test client of starlette
]
OWN = {"sec-fetch-site": "same-origin"}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server that mounts the plugin as Airflow does, with Airflow's own users and database."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "a secret of this test " * 4)
        patch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", "ann:admin,vic:viewer")
        import uvicorn
        from airflow import settings as airflow_settings
        from airflow.api_fastapi.app import init_auth_manager
        from airflow.models import import_all_models
        from airflow.models.base import Base
        from fastapi import FastAPI

        from dags.plugins import homefeed_console

        airflow_settings.initialize()
        import_all_models()
        Base.metadata.create_all(airflow_settings.engine)
        app = FastAPI()
        init_auth_manager(app)
        app.mount(homefeed_console.PREFIX, homefeed_console.app)
        port = free_port()
        server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", ws="none"))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        thread.join()


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """r2 is live after r1, r3 in canary."""
    monkeypatch.setenv("HOMEFEED_VAR", str(tmp_path / "var"))
    found, now = open_registry(load().resolved_registry_url), datetime.now(UTC)
    for release, stage in (("r1", Stage.LIVE), ("r2", Stage.LIVE), ("r3", Stage.CANARY)):
        found.add_release(release, release, now, {})
        found.move(release, stage, now, [])
    return found


@pytest.fixture
def as_(url: str, registry: Registry) -> Iterator[Any]:
    """`as_("admin", "ann")` is the browser of somebody who is logged in with that role; `as_()` of nobody."""
    with contextlib.ExitStack() as opened:

        def client(role: str = "", name: str = "") -> httpx.Client:
            cookies = {"_token": token(role, name)} if role else {}
            return opened.enter_context(httpx.Client(base_url=url, cookies=cookies, timeout=60))

        yield client


def token(role: str, name: str) -> str:
    """What Airflow's login gives."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    return str(get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=name, role=role, teams=[])))


PAUSE = {"order": "pause", "release": "r3", "stage": "canary", "reason": "we look first"}


@pytest.mark.parametrize(
    "path",
    ["/", "/alerts", "/reports", "/reports/x.html", "/docs/runbook.md", "/releases/r3", "/runs/d/r"],
)
def test_without_a_login_nothing_is_shown(as_: Any, path: str) -> None:
    answer = as_().get(f"/homefeed{path}")
    assert answer.status_code == 401
    assert "/auth/login?next=" in answer.text
    assert "r2" not in answer.text


def test_without_a_login_no_order_is_taken(as_: Any, registry: Registry) -> None:
    assert as_().post("/homefeed/orders", data=PAUSE, headers=OWN).status_code == 401
    assert registry.holds() == []


def test_every_address_asks_for_a_login() -> None:
    from dags.plugins.homefeed_console import app

    asking = {route.path: [d.dependency.__qualname__ for d in route.dependencies] for route in app.routes}
    assert all("requires_access_view.<locals>.inner" in found for found in asking.values()), asking


def test_a_viewer_may_look_but_gives_no_orders(as_: Any, registry: Registry) -> None:
    viewer = as_("viewer", "vic")
    page = viewer.get("/homefeed/")
    assert page.status_code == 200
    assert "answers viewers" in page.text
    assert "<form" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    refused = viewer.post("/homefeed/orders", data=PAUSE, headers=OWN)
    assert refused.status_code == 403
    assert "vic may look but give no orders" in refused.text
    assert registry.holds() == []


def test_an_order_is_done_kept_and_told_once(as_: Any, registry: Registry) -> None:
    admin = as_("admin", "ann")
    answer = admin.post("/homefeed/orders", data=PAUSE, headers=OWN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/homefeed/")
    (hold,) = registry.holds()
    assert (hold.release, hold.who, hold.reason) == ("r3", "ann (Airflow)", "we look first")
    told = "r3 is paused: it stays in canary until it is resumed."
    assert told in admin.get("/homefeed/").text
    assert told not in admin.get("/homefeed/").text


def test_an_order_that_is_refused_says_why_on_the_page(as_: Any, registry: Registry) -> None:
    admin = as_("admin", "ann")
    answer = admin.post("/homefeed/orders", data=PAUSE | {"reason": " "}, headers=OWN)
    assert answer.status_code == 409
    assert "Not done: an order needs a reason" in answer.text
    assert admin.get("/homefeed/orders").headers["location"] == "/homefeed/"
    assert registry.holds() == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "same-origin"}, 303),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "none", "origin": "OWN"}, 403),
        ({"origin": "OWN"}, 303),
        ({"origin": "OWN.evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({}, 403),
        ({"authorization": "Basic YQ=="}, 403),
    ],
)
def test_an_order_comes_from_the_page_itself(
    as_: Any, url: str, registry: Registry, headers: dict[str, str], status: int
) -> None:
    sent = {name: value.replace("OWN", url) for name, value in headers.items()}
    answer = as_("admin", "ann").post("/homefeed/orders", data=PAUSE, headers=sent)
    assert answer.status_code == status
    assert len(registry.holds()) == (status == 303)


def test_a_report_is_kept_away_from_the_page(as_: Any, registry: Registry) -> None:
    folder = load().reports_path
    folder.mkdir(parents=True)
    (folder / "x.html").write_text("<script>alert(1)</script>")
    (folder.parent / "secret").write_text("s")
    admin = as_("admin", "ann")
    answer = admin.get("/homefeed/reports/x.html")
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].startswith("sandbox allow-scripts;")
    for path in ("..%2Fsecret", "%2E%2E/secret", "none.html"):
        assert admin.get(f"/homefeed/reports/{path}").status_code == 404


def test_the_tab_of_a_run_shows_its_report_and_its_releases(as_: Any, registry: Registry) -> None:
    from airflow.models.asset import AssetEvent
    from airflow.models.xcom import XComModel
    from airflow.settings import engine

    run = "asset_triggered__2026-11-24T22:05:00+00:00_x"
    stages, path = {"stages": {"r3": "rolled_back"}}, "monitor/w/index.html"
    ids = {"dag_id": "d", "run_id": run, "dag_run_id": 1, "task_id": "report", "map_index": -1}
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # The rows of the run itself do not matter here.
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.execute(XComModel.__table__.insert().values(key="report", value=path, **ids))
        event = AssetEvent.__table__.insert()
        connection.execute(event.values(asset_id=1, source_dag_id="d", source_run_id=run, extra=stages))
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")
    shown = as_("admin", "ann").get(f"/homefeed/runs/d/{run.replace('+', '%2B')}").text
    assert 'href="/homefeed/releases/r3"' in shown
    assert "rolled back" in shown
    assert 'src="/homefeed/reports/monitor/w/index.html"' in shown
    assert "no report" in as_("viewer", "vic").get("/homefeed/runs/d/another").text


def test_one_release_and_one_that_is_not_there(as_: Any, registry: Registry) -> None:
    viewer = as_("viewer", "vic")
    assert "Looks and moves" in viewer.get("/homefeed/releases/r3").text
    missing = viewer.get("/homefeed/releases/r9")
    assert (missing.status_code, "there is no release r9" in missing.text) == (404, True)


def test_airflow_finds_the_plugin_with_its_place_in_the_navigation_and_beside_runs() -> None:
    from dags.plugins.homefeed_console import HomefeedConsole

    views = {view["destination"]: view["href"] for view in HomefeedConsole.external_views}
    assert views == {"nav": "/homefeed/", "dag_run": "/homefeed/runs/{DAG_ID}/{RUN_ID}"}


def test_in_a_browser_on_a_laptop_and_on_a_phone(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: Any
) -> None:
    monkeypatch.setenv("HOMEFEED_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("HOMEFEED_CLOCK_FILE", str(tmp_path / "clock"))
    set_clock(tmp_path / "clock", NOW)
    registry = busy(load())
    with Browser(program("chromium"), tmp_path / "profile") as browser:
        browser.open(f"{url}/homefeed/")
        assert browser.run("document.querySelector('h1').textContent") == "Unauthorized"
        browser.run(f"document.cookie = '_token={token('admin', 'ann')}; path=/'")
        browser.complaints.clear()
        browser.size(1280, 800)
        browser.open(f"{url}/homefeed/")
        assert browser.run("document.querySelector('h1').textContent") == "Homefeed"
        assert all(browser.names("table"))
        assert all(browser.names("region"))
        # Two firing alerts, six online metrics of two releases, two of drift and calibration.
        assert browser.run("document.querySelectorAll('svg').length") == 10

        # An order with the keyboard alone: open it, say why, send it.
        browser.run("document.querySelector('#rollout ~ article summary').focus()")
        browser.press("Enter", 13)
        browser.wait("document.querySelector('#rollout ~ article details').open")
        assert {"Pause r3", "Promote r3", "Roll back r3"} <= set(browser.names("DisclosureTriangle"))
        assert "Why? It is kept." in browser.names("textbox")
        browser.press("Tab", 9)
        assert browser.run("document.activeElement.name") == "reason"
        browser.run("document.activeElement.value = 'we look first'")
        browser.press("Enter", 13)
        browser.wait("document.querySelector('[role=status]')?.textContent.startsWith('r3 is paused')")
        (hold,) = registry.holds()
        assert (hold.who, hold.reason) == ("ann (Airflow)", "we look first")
        browser.open(f"{url}/homefeed/")
        assert browser.run("document.querySelector('[role=status]')") is None

        browser.media(prefers_color_scheme="dark")
        assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(18, 22, 29)"
        for path in ("", "alerts", "reports", "docs/runbook.md", "releases/r3"):
            browser.size(390, 844, phone=True)
            browser.open(f"{url}/homefeed/{path}")
            assert browser.run("document.documentElement.scrollWidth") <= 390, path
        assert browser.complaints == []

        # A report runs its scripts, but not as a page of this server.
        report = next(iter(load().reports_path.glob("monitor/*/index.html"))).relative_to(load().reports_path)
        browser.open(f"{url}/homefeed/reports/{report}")
        browser.wait("document.title === 'ran'")
        assert browser.run("self.origin") == "null"

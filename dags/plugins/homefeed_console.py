"""Airflow UI: the page Homefeed, its reports, and the tab of a run that shows what the run reported.

An app that a plugin mounts has no authentication of its own, so every route asks Airflow for it. Whoever may see
plugins may look; whoever may change the DAG `deploy_release` may give orders.
"""

from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote, unquote, urlsplit

from airflow.api_fastapi.app import API_ROOT_PATH, get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import get_user, requires_access_dag, requires_access_view
from airflow.models.dag import DagModel
from airflow.plugins_manager import AirflowPlugin
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

#: Whoever may change this DAG may give orders: it is the one that brings releases to viewers.
ORDERS_DAG = "deploy_release"
PREFIX = "/homefeed"
#: What the last order did, for the page that is shown after it: a reload must not give the order again.
_TOLD = "homefeed_told"
#: Nothing of the page runs or loads anything; a report brings scripts of its own, so it is kept away from the page.
_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'self'"
)
_REPORT_POLICY = "sandbox allow-scripts; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

User = Annotated[BaseUser, Depends(get_user)]
app = FastAPI(openapi_url=None, dependencies=[Depends(requires_access_view(AccessView.PLUGINS))])


@app.get("/")
def overview(request: Request, user: User) -> Response:
    """The page Homefeed, with what the last order did."""
    from monitoring.console import page

    told = unquote(request.cookies.get(_TOLD, ""))
    response = _html(page.overview(_desk(request, user), told))
    if told:
        response.delete_cookie(_TOLD, path=request.scope["root_path"])
    return response


@app.get("/orders")
def after_order(request: Request) -> Response:
    """Where a page that says why an order was not done leads when it is loaded again."""
    return RedirectResponse(f"{request.scope['root_path']}/", HTTPStatus.SEE_OTHER)


@app.post("/orders")
async def order(request: Request, user: User) -> Response:
    """Do what a form of the page orders, and show the page again."""
    if not _is_own_form(request):
        raise HTTPException(HTTPStatus.FORBIDDEN, "this form was not sent by the page Homefeed: open it and try again")
    fields = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    return await run_in_threadpool(_give, request, user, fields)


@app.get("/releases/{release_id}")
def release(request: Request, user: User, release_id: str) -> Response:
    """One release, with every look of the gates."""
    from monitoring.console import page

    return _found(page.release_page(_desk(request, user), release_id), f"there is no release {release_id}")


@app.get("/alerts")
def alerts(request: Request, user: User) -> Response:
    """Every alert."""
    from monitoring.console import page

    return _html(page.alerts_page(_desk(request, user)))


@app.get("/docs/{path:path}")
def manual(request: Request, user: User, path: str) -> Response:
    """One page of the documentation, such as the runbook."""
    from monitoring.console import page

    why = f"there is no page {path} here; HOMEFEED_ALERTS__RUNBOOK_URL says where else the runbook is read"
    return _found(page.manual_page(_desk(request, user), path), why)


@app.get("/reports")
def reports(request: Request, user: User) -> Response:
    """The newest reports, a link each."""
    from monitoring.console import page

    return _html(page.reports_page(_desk(request, user)))


@app.get("/reports/{path:path}")
def report(path: str) -> Response:
    """One file of the reports folder."""
    from homefeed.settings import load

    folder = load().reports_path.resolve()
    file = (folder / path).resolve()
    if not file.is_relative_to(folder) or not file.is_file():
        raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no report {path}")
    return FileResponse(file, headers=_headers(_REPORT_POLICY))


@app.get("/runs/{dag_id}/{run_id:path}", dependencies=[Depends(requires_access_dag("GET", DagAccessEntity.XCOM))])
def run(request: Request, user: User, dag_id: str, run_id: str) -> Response:
    """What one run reported: the tab of a DAG run."""
    from airflow.models.asset import AssetEvent
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    from monitoring.console.run import run_page

    pushed = select(XComModel).where(XComModel.dag_id == dag_id, XComModel.run_id == run_id, XComModel.key == "report")
    events = select(AssetEvent.extra).where(AssetEvent.source_dag_id == dag_id, AssetEvent.source_run_id == run_id)
    with create_session() as session:
        paths = {row.task_id: str(XComModel.deserialize_value(row)) for row in session.scalars(pushed)}
        extras = list(session.scalars(events))
    stages = {name: stage for extra in extras for name, stage in (extra or {}).get("stages", {}).items()}
    return _html(run_page(_desk(request, user), paths, stages))


@app.exception_handler(HTTPException)
def refused(request: Request, error: HTTPException) -> Response:
    """A refusal as a page: who is not logged in is told where to do that."""
    from homefeed.report_page import document

    status = HTTPStatus(error.status_code)
    url = get_auth_manager().get_url_login(next_url=str(request.url)) if status == HTTPStatus.UNAUTHORIZED else None
    from monitoring.console.markup import link

    words = link(url, "Log in to Airflow") if url else link(f"{request.scope['root_path']}/", "Homefeed")
    told = link(None, str(error.detail))
    return _html(document(status.phrase, f"<h1>{status.phrase}</h1><p>{told}</p><p>{words}</p>"), status)


def _give(request: Request, user: BaseUser, fields: dict[str, str]) -> Response:
    """The answer to an order: the page as it is afterwards, or the page with why it was not done."""
    from homefeed.errors import HomefeedError
    from monitoring.console import page
    from monitoring.console.orders import give

    if not _may_order(user):
        raise HTTPException(
            HTTPStatus.FORBIDDEN,
            f"{user.get_name()} may look but give no orders: that takes the right to change the DAG {ORDERS_DAG}",
        )
    desk = _desk(request, user)
    try:
        told = give(desk.settings, fields, f"{user.get_name()} (Airflow)", desk.now)
    except HomefeedError as error:
        return _html(page.overview(desk, error=str(error)), HTTPStatus.CONFLICT)
    root = request.scope["root_path"]
    response = RedirectResponse(f"{root}/", HTTPStatus.SEE_OTHER)
    response.set_cookie(_TOLD, quote(told), max_age=60, path=root, httponly=True, samesite="strict")
    return response


def _may_order(user: BaseUser) -> bool:
    details = DagDetails(id=ORDERS_DAG, team_name=DagModel.get_team_name(ORDERS_DAG))
    return get_auth_manager().is_authorized_dag(method="PUT", details=details, user=user)


def _is_own_form(request: Request) -> bool:
    """Whether a browser sent the form from a page of this server: the cookie of a login comes with any form.

    Browsers say so in `Sec-Fetch-Site`, over plain HTTP only in `Origin`. A client that says neither is no browser;
    it has to bring its token in the header, which no foreign page can.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        return site == "same-origin"
    if origin is not None:
        return urlsplit(origin).netloc == request.headers.get("host")
    return request.headers.get("authorization", "").lower().startswith("bearer ")


def _desk(request: Request, user: BaseUser):
    from homefeed.clock import clock
    from homefeed.registry import open_registry
    from homefeed.settings import load
    from monitoring.console.desk import Desk

    settings = load()
    registry, now = open_registry(settings.resolved_registry_url), clock(settings.clock_file)()
    return Desk(settings, registry, now, request.scope["root_path"], _may_order(user))


def _html(body: str, status: int = HTTPStatus.OK) -> HTMLResponse:
    return HTMLResponse(body, status, headers=_headers(_PAGE_POLICY))


def _found(body: str | None, why: str) -> HTMLResponse:
    if body is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, why)
    return _html(body)


def _headers(policy: str) -> dict[str, str]:
    return {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }


class HomefeedConsole(AirflowPlugin):
    """Mounts the app, and puts it into the navigation and beside every run."""

    name = "homefeed_console"
    fastapi_apps = [{"app": app, "url_prefix": PREFIX, "name": "Homefeed"}]  # noqa: RUF012 - Airflow's contract
    external_views = [  # noqa: RUF012 - Airflow's contract
        {
            "name": "Homefeed",
            "href": f"{API_ROOT_PATH.rstrip('/')}{PREFIX}/",
            "destination": "nav",
            "url_route": "homefeed",
        },
        {
            "name": "Homefeed",
            "href": f"{API_ROOT_PATH.rstrip('/')}{PREFIX}/runs/{{DAG_ID}}/{{RUN_ID}}",
            "destination": "dag_run",
            "url_route": "homefeed-run",
        },
    ]

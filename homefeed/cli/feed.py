"""`homefeed feed USER`: a viewer's page in the terminal, with the reason for each video."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer

from homefeed.cli.output import AsJson, OutFile, emit
from homefeed.errors import HomefeedError


class ServiceUnreachableError(HomefeedError):
    """No page came back from the service."""


def feed(
    user: Annotated[str, typer.Argument(help="The viewer; one who was never seen gets a page too.")],
    *,
    num: Annotated[int, typer.Option(help="Videos wanted.", min=1, max=100)] = 100,
    device: Annotated[str, typer.Option(help="phone, tablet, desktop, tv or other.")] = "other",
    exploration: Annotated[
        float | None, typer.Option(help="Share of discovery slots; the service's own by default.", min=0, max=1)
    ] = None,
    url: Annotated[str | None, typer.Option(help="The service; by default the configured host and port.")] = None,
    as_json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Print the page of a viewer: every slot with its video, its source and why it is there.

    Example: homefeed feed viewer-000042 --num 20
    """
    from homefeed.settings import load

    serving = load().serving
    asked = {"user": user, "num": num, "device": device, "exploration": exploration}
    page = fetch(url or f"http://{serving.host}:{serving.port}", asked)
    emit(page, as_json, page_table(page), out)


def fetch(url: str, asked: dict[str, Any]) -> dict[str, Any]:
    """A page from the service at `url`. Raises ServiceUnreachableError that says what came back instead."""
    from homefeed.client import Client, ClientError, UnreachableError

    try:
        with Client(url, timeout_s=30, retries=1) as client:
            return asdict(client.recommend(**asked))
    except UnreachableError as error:
        raise ServiceUnreachableError(f"{error}; start it with `make run`, or name it with --url") from error
    except ClientError as error:
        raise ServiceUnreachableError(str(error)) from error


def page_table(page: dict[str, Any]) -> Any:
    """A page as a table, ready for rich."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    now = datetime.fromisoformat(page["time"])
    title = f"{page['user']} · {page['release'] or 'no release yet'} · {page['latency_ms']:.0f} ms"
    rows = Table(title=Text(title), caption=Text(page["request_id"]), header_style="bold", expand=True)
    rows.add_column("slot", justify="right", no_wrap=True)
    rows.add_column("title", ratio=5, overflow="ellipsis", no_wrap=True)
    rows.add_column("channel", ratio=3, overflow="ellipsis", no_wrap=True)
    rows.add_column("min", justify="right", no_wrap=True)
    rows.add_column("age [h]", justify="right", no_wrap=True)
    rows.add_column("value", justify="right", no_wrap=True)
    rows.add_column("why", ratio=5, overflow="ellipsis", no_wrap=True)
    for video in page["videos"]:
        age_h = (now - datetime.fromisoformat(video["uploaded"])).total_seconds() / 3600
        # Titles are a stranger's text: `Text` keeps rich from reading markup in them.
        rows.add_row(
            str(video["slot"]),
            Text(video["title"]),
            Text(video["channel"]),
            f"{video['duration_s'] / 60:.0f}",
            f"{age_h:.0f}",
            f"{video['score']:.4f}",
            Text(video["why"], style="cyan" if video["explored"] else ""),
        )
    notes = [Text(f"degraded: {', '.join(page['degraded'])}", style="yellow")] if page["degraded"] else []
    return Group(rows, *notes)

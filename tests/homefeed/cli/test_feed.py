"""`homefeed feed`: a page as people read it."""

import io

from rich.console import Console

from homefeed.cli.feed import page_table

PAGE = {
    "user": "viewer-1",
    "release": "r1",
    "latency_ms": 12.0,
    "request_id": "r-7",
    "time": "2026-11-23T22:00:00+00:00",
    "degraded": [],
    "videos": [
        {
            "slot": 0,
            "title": "A very long title of a video that does not fit into its column [bold]",
            "channel": "a-channel-with-a-long-name",
            "duration_s": 600.0,
            "uploaded": "2026-11-22T22:00:00+00:00",
            "score": 0.123,
            "why": "Fits what you watch: gaming",
            "explored": False,
        }
    ],
}


def test_every_column_is_there_on_a_narrow_terminal() -> None:
    out = io.StringIO()
    Console(file=out, width=80).print(page_table(PAGE))
    (row,) = [line for line in out.getvalue().splitlines() if "│" in line]
    slot, title, channel, minutes, age_h, value, why = (cell.strip() for cell in row.strip("│").split("│"))
    assert (slot, minutes, age_h, value) == ("0", "10", "24", "0.1230")
    assert title.startswith("A very long")
    assert channel.startswith("a-chan")
    assert why.startswith("Fits what you")

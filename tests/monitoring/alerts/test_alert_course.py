"""The course of an alert and its picture: what is kept, what is left out, and that it can be looked at anywhere."""

from datetime import timedelta
from xml.etree import ElementTree

import pytest
from stub_desk import NOW, Desk, length

from monitoring.alerts.course import course, picture
from monitoring.alerts.message import text
from monitoring.alerts.reading import Measurement


def test_an_alert_keeps_its_values_from_the_first_look_on(desk: Desk) -> None:
    desk.look(length(11))
    desk.look(length(12), after_s=30)
    desk.look(length(None), after_s=30)
    desk.look(length(13), after_s=30)
    (alert,) = desk.open()
    assert [value for _, value in alert.content["course"]] == [11, 12, 13]
    assert alert.content["course"][0][0] == NOW.isoformat()


def test_what_the_source_knows_of_earlier_looks_comes_before_what_was_kept() -> None:
    history = [(NOW - timedelta(hours=1), 1.0), (NOW, 1.3), (NOW + timedelta(days=1), 9.0)]
    found = course([("2026-11-24T20:00:00+00:00", 5.0)], Measurement("m", {}, 1.3, history=history), 1.3, NOW)
    assert [value for _, value in found] == [1.0, 1.3], "a report of tomorrow is none"


def test_points_after_a_clock_that_was_set_back_are_left_out() -> None:
    kept = [((NOW + timedelta(hours=hours)).isoformat(), 1.0) for hours in (-1, 1)]
    assert [value for _, value in course(kept, Measurement("m", {}, 2.0), 2.0, NOW)] == [1.0, 2.0]


def test_a_long_alert_keeps_its_beginning_and_its_end() -> None:
    points: list[tuple[str, float]] = []
    for number in range(1000):
        points = course(points, Measurement("m", {}, 1.0), float(number), NOW + timedelta(seconds=30 * number))
    assert len(points) <= 144
    assert (points[0][1], points[-1][1]) == (0.0, 999.0)


def test_the_picture_is_whole_alone_and_one_value_has_none() -> None:
    points = [(NOW.isoformat(), 1.0), ((NOW + timedelta(minutes=10)).isoformat(), 1.4)]
    root = ElementTree.fromstring(picture("watched <is> off", points, 1.2, "above"))
    assert root.attrib["aria-label"] == "watched <is> off"
    labels = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert labels == ["1.2", "1.4", "11-24 22:00", "11-24 22:10"]
    assert picture("a", points[:1], 1.2, "above") == ""


@pytest.mark.parametrize("values", [(1.0, 1.0), (0.0, 0.0), (-3.0, 5.0)])
@pytest.mark.parametrize("kind", ["above", "below"])
def test_a_flat_course_can_be_drawn(values: tuple[float, float], kind: str) -> None:
    points = [((NOW + timedelta(minutes=at)).isoformat(), value) for at, value in enumerate(values)]
    assert "nan" not in picture("a", points, values[0], kind)


def test_a_message_links_to_the_picture_when_there_is_a_page(desk: Desk) -> None:
    desk.look(length(11))
    assert "picture" not in text(desk.sinks["stub"].told[0])  # type: ignore[attr-defined]
    alerts = desk.settings.alerts.model_copy(update={"console_url": "https://airflow.example/homefeed/"})
    desk.settings = desk.settings.model_copy(update={"alerts": alerts})
    desk.look(length(11), length(12, "b"), after_s=30)
    said = text(desk.sinks["stub"].told[1])  # type: ignore[attr-defined]
    assert "picture   https://airflow.example/homefeed/#alert-queue_long" in said

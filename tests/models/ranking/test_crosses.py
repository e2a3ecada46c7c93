"""What hour and device say of topics and lengths."""

import numpy as np
import pytest
import tensorflow as tf

from models.ranking.crosses import Crosses

TOPICS, COUNTRIES, DEVICES = 3, 2, 2
#: Sine and cosine of midnight, six in the morning and noon.
MIDNIGHT, SIX, NOON = (0.0, 1.0), (1.0, 0.0), (0.0, -1.0)


@pytest.fixture
def crosses() -> Crosses:
    layer = Crosses(TOPICS, COUNTRIES, DEVICES)
    #: Topic 1 is watched at noon where the viewer is, topic 2 on device 1; long videos are watched on device 0.
    topic = np.zeros((TOPICS, layer.num_contexts, 7), np.float32)
    topic[1, 1, 0], topic[2, 3, 0] = -2, 5
    layer.topic.assign(topic.reshape(TOPICS, -1))
    layer.length.assign(np.array([[10, *[0] * 6], [-10, *[0] * 6]], np.float32))
    # Country 1 is six hours ahead.
    layer.phase.assign([[0.0], [np.pi / 2]])
    return layer


def watched(
    crosses: Crosses, hour: tuple[float, float], topic: int, country: int = 0, device: int = 0, length: float = 0
) -> float:
    """What is added to the log-odds of a watch."""
    codes = {name: tf.constant([code]) for name, code in (("country", country), ("device", device), ("topic", topic))}
    context = crosses.context(tf.constant([hour]), codes["country"], codes["device"])
    return float(crosses(context, codes["topic"], codes["device"], tf.constant([float(length)]))[0, 0])


def test_nothing_is_said_before_it_is_learned() -> None:
    assert watched(Crosses(TOPICS, COUNTRIES, DEVICES), NOON, 1, 1, 1, 3.0) == 0


@pytest.mark.parametrize(("hour", "said"), [(MIDNIGHT, -2), (SIX, 0), (NOON, 2)])
def test_a_topic_has_an_hour(crosses: Crosses, hour: tuple[float, float], said: float) -> None:
    assert watched(crosses, hour, 1) == pytest.approx(said, abs=1e-6)
    assert watched(crosses, hour, 0) == 0


def test_the_hour_is_that_of_the_viewer(crosses: Crosses) -> None:
    # Six in UTC is noon where it is six hours later.
    assert watched(crosses, SIX, 1, country=1) == pytest.approx(2, abs=1e-6)
    assert watched(crosses, NOON, 1, country=1) == pytest.approx(0, abs=1e-6)


def test_a_topic_and_a_length_have_a_device(crosses: Crosses) -> None:
    assert [watched(crosses, SIX, 2, device=device) for device in (0, 1)] == pytest.approx([0, 5], abs=1e-6)
    said = [watched(crosses, SIX, 0, device=device, length=0.5) for device in (0, 1)]
    assert said == pytest.approx([5, -5], abs=1e-6)

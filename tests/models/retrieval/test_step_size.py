"""Step sizes by hand."""

import pytest

from homefeed.settings.retrieval import RetrievalSettings
from models.retrieval.step_size import step_size


def test_without_warmup_and_decay_it_is_the_largest() -> None:
    settings = RetrievalSettings(learning_rate=0.004)
    assert {step_size(settings, step, epoch) for step, epoch in ((0, 0), (1000, 7))} == {0.004}


def test_it_grows_in_proportion_to_the_step() -> None:
    settings = RetrievalSettings(learning_rate=0.004, warmup_steps=3)
    assert [step_size(settings, step, 0) for step in range(5)] == pytest.approx([0.001, 0.002, 0.003, 0.004, 0.004])


def test_it_falls_by_half_a_cosine_to_a_hundredth_and_stays_there() -> None:
    settings = RetrievalSettings(learning_rate=1.0, decay_epochs=4)
    sizes = [step_size(settings, 0, epoch) for epoch in (0, 2, 4, 9)]
    assert sizes == pytest.approx([1.0, 0.505, 0.01, 0.01])

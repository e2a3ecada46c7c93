"""Feast is imported as it is written, and what else typeguard checks stays checked."""

import typeguard

from feature_repo.definitions import FeatureView


@typeguard.typechecked
class Ours:
    """A class of somebody else's."""

    def say(self, word: str) -> str:
        return word


def _is_checked(function) -> bool:
    return "typeguard" in function.__code__.co_names


def test_only_feasts_classes_are_left_alone() -> None:
    assert _is_checked(Ours.say)
    assert not _is_checked(FeatureView.__init__)

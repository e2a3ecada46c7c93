"""Knobs of the online metrics and of experiments."""

from homefeed.settings.group import Group, knob


class OnlineSettings(Group):
    """Online metrics."""

    confidence: float = knob(0.95, "Confidence of the intervals of the online metrics.", gt=0.5, lt=1)
    session_gap_s: float = knob(1_800.0, "A viewer's session ends when nothing was on screen for this long.", "s", gt=0)
    session_max_s: float = knob(7_200.0, "Of a longer session only the end is looked at.", "s", gt=0)
    successful_session_s: float = knob(
        60.0, "A session is successful when its viewer watched this long in all and dismissed nothing.", "s", gt=0
    )
    completed_share: float = knob(0.9, "A watch from this completion on is one to the end.", gt=0, le=1)
    novelty_windows: int = knob(
        1_008, "A topic that a viewer has not watched for so many windows is new to the viewer.", "windows", gt=0
    )
    top_share: float = knob(
        0.01, "Share of the catalogue whose part of the impressions is the concentration.", gt=0, lt=1
    )
    max_countries: int = knob(20, "Countries with most impressions that are slices of their own.", gt=0)


class ExperimentSettings(Group):
    """Experiments."""

    false_alarm: float = knob(
        0.05,
        "Chance that an experiment without effect is ever read as one with an effect, all looks taken.",
        gt=0,
        lt=1,
    )
    expected_effect: float = knob(
        0.05, "Relative difference that the sequential reading is tuned to find soonest.", gt=0, le=1
    )
    expected_preference: float = knob(
        0.1,
        "Preference between two interleaved releases that the sequential reading is tuned to find soonest.",
        gt=0,
        le=1,
    )
    pre_period_windows: int = knob(
        1_008, "Windows before the start whose watch time lowers the variance (CUPED).", "windows", gt=0
    )
    min_viewers: int = knob(100, "With fewer viewers in either arm a difference is not read.", gt=1)
    max_looks: int = knob(60, "Windows at which a result page reads its experiment, evenly over its time.", gt=1)

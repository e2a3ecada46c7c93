"""What the result page says of arms that are compared: what to believe, each effect as a chart, the assignment."""

from html import escape
from typing import Any

from homefeed.report_page import number, tiles
from models.report.section import card, section
from monitoring.experiments.look_chart import look_chart
from monitoring.experiments.reading import METRICS, Effect, Reading


def effects(reading: Reading) -> str:
    """The body of the page."""
    viewers = tiles([(number(arm["viewers"], 0), f"viewers of {arm['name']}") for arm in reading.arms])
    charts = "".join(_effect(effect) for effect in reading.effects)
    return "".join(
        (viewers, _believe(reading), f'<div class="cards">{charts}</div>', _effect_table(reading), _arms(reading))
    )


def summary(reading: Reading) -> dict[str, Any]:
    """What the registry keeps of the page."""
    return {"is_void": reading.is_void, "effects": [_newest(effect) for effect in reading.effects]}


def _believe(reading: Reading) -> str:
    if not reading.effects:
        return "<h2>No exposures yet</h2><p>Nothing was on screen since the start, or it is not published yet.</p>"
    if reading.is_void:
        return (
            '<h2 class="bad">Void: the assignment is broken</h2><p>The arms differ in size or in their past by more '
            "than chance. No effect below may be believed; find the cause, and start anew under another name.</p>"
        )
    decided = [f"{e.arm} is {e.verdict} in {METRICS[e.metric][1]}" for e in reading.effects if e.verdict != "undecided"]
    return f"<h2>Result</h2><p>{escape('; '.join(decided) or 'Undecided so far.')}</p>"


def _effect(effect: Effect) -> str:
    name = METRICS[effect.metric][1]
    heading = f"{effect.arm}: {name}"
    chart = look_chart(effect.windows, effect.relative, effect.low, effect.high, "difference from the control, %")
    if not chart:
        return card(heading, f"{effect.num_viewers:,} viewers in the smaller arm are too few to read.", "")
    low, high = (100 * (bounds[-1] or 0.0) for bounds in (effect.low, effect.high))
    sentence = f"{100 * (effect.relative[-1] or 0.0):+.2f} % ({low:+.2f} to {high:+.2f}), {effect.verdict}."
    return card(heading, sentence, chart)


def _effect_table(reading: Reading) -> str:
    rows = "".join(
        f"<tr><td>{escape(f'{e.arm}: {METRICS[e.metric][1]}')}</td><td>{number(e.control, 4)}</td>"
        f"<td>{number(e.treated, 4)}</td><td>{e.explained:.0%}</td><td>{e.verdict}</td></tr>"
        for e in reading.effects
    )
    head = "<tr><th>arm and metric</th><th>control</th><th>arm's</th><th>variance explained</th><th>result</th></tr>"
    sentence = (
        "As they are, without adjustment. What a viewer watched before the start explains a part of the variance; the "
        "difference above is without that part. The intervals hold at every look, for all arms and metrics together."
    )
    return section("In numbers", sentence, f'<div class="wide"><table>{head}{rows}</table></div>')


def _arms(reading: Reading) -> str:
    def chance(found: dict[str, float], arm: str) -> str:
        return f"{found[arm]:.3g}" if arm in found else "n/a"

    rows = "".join(
        f"<tr><td>{escape(arm['name'])}</td><td>{arm['share']:.1%}</td><td>{number(arm['value'], 3)}</td>"
        f"<td>{arm['viewers']:,}</td><td>{chance(reading.sample_ratio_p, arm['name'])}</td>"
        f"<td>{chance(reading.balance_p, arm['name'])}</td></tr>"
        for arm in reading.arms
    )
    head = (
        f"<tr><th>arm</th><th>share</th><th>{escape(reading.knob or 'value')}</th><th>viewers</th>"
        "<th>split: chance</th><th>past: chance</th></tr>"
    )
    sentence = "Chance of so uneven a split, and of so different a past, if the assignment were right, at any look."
    return section("Assignment", sentence, f'<div class="wide"><table>{head}{rows}</table></div>')


def _newest(effect: Effect) -> dict[str, Any]:
    newest = {name: getattr(effect, name)[-1] for name in ("relative", "low", "high")}
    return newest | {name: getattr(effect, name) for name in ("arm", "metric", "num_viewers", "verdict")}

"""`homefeed evaluate policy`: what a policy is worth, from what another one showed and its logged propensities."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group
from rich.table import Table

from homefeed.cli.evaluate.inputs import ArgumentsError
from homefeed.cli.output import AsJson, OutFile, emit

if TYPE_CHECKING:
    from models.evaluation.policy import Estimate
    from models.evaluation.policy.evaluation import Result

#: Estimate -> what it is called.
_NAMES = {"ips": "IPS", "snips": "SNIPS", "dm": "direct method", "dr": "doubly robust"}
_FORMATS = ("open-bandit",)


def command(
    format_: Annotated[str, typer.Option("--format", help="open-bandit: a folder with one log, such as men.csv.")],
    data: Annotated[Path, typer.Option(metavar="DIR", help="The log that is weighted, by the logging policy.")],
    target_data: Annotated[
        Path, typer.Option(metavar="DIR", help="A log by the target policy: its probabilities, and its true value.")
    ],
    target_from: Annotated[
        str,
        typer.Option(
            help="Action probabilities of the target policy from its log: propensities (the harmonic mean by item and "
            "position) or shares (how often it showed the item)."
        ),
    ] = "propensities",
    max_unsupported: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Share of the target policy without support that is accepted. Default: "
            "HOMEFEED_EVALUATION__MAX_UNSUPPORTED.",
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of the folds. Default: HOMEFEED_SEED.")] = None,
    as_json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Estimate a policy's value from another one's log: IPS, SNIPS, direct method, doubly robust, with intervals.

    The value on the target's own log stands beside them, so that one sees how far each is off.

    Example: homefeed evaluate policy --format open-bandit --data men/random --target-data men/bts
    """
    from homefeed.settings import load
    from models.evaluation.policy.evaluation import evaluate
    from models.evaluation.policy.open_bandit import read
    from models.evaluation.policy.target import WAYS

    began = time.monotonic()
    if format_ not in _FORMATS:
        raise ArgumentsError(f"there is no format {format_!r}; formats are {', '.join(_FORMATS)}")
    if target_from not in WAYS:
        raise ArgumentsError(f"--target-from {target_from!r} is not known; it is {' or '.join(WAYS)}")
    settings = load()
    knobs = settings.evaluation
    if max_unsupported is not None:
        knobs = knobs.model_copy(update={"max_unsupported": max_unsupported})
    seed = settings.seed if seed is None else seed
    result = evaluate(read(data), read(target_data), knobs, way=target_from, seed=seed)
    value = {
        "format": format_,
        "data": str(data),
        "target_data": str(target_data),
        "target_from": target_from,
        "on_policy": {"logging": asdict(result.logging), "target": asdict(result.target)},
        "estimates": {
            name: asdict(estimate) | {"relative_error": result.relative_error(name)}
            for name, estimate in result.estimates.items()
        },
        "support": asdict(result.support),
        "target_sums": result.sums,
        "counts": result.counts,
        "seed": seed,
        "settings": knobs.model_dump(mode="json"),
        "seconds": round(time.monotonic() - began, 2),
    }
    emit(value, as_json, _table(value, result), out)


def _table(value: dict[str, Any], result: "Result") -> Group:
    table = Table(
        "clicks per impression of", "95 % interval", "off by", title=f"{value['format']}, seed {value['seed']}"
    )
    table.add_row("the logging policy, its own log", _cell(result.logging), "")
    table.add_row("the target policy, its own log", _cell(result.target), "")
    for name, estimate in result.estimates.items():
        table.add_row(f"the target policy, {_NAMES[name]}", _cell(estimate), f"{result.relative_error(name):.0%}")
    counts, support = result.counts, result.support
    return Group(
        table,
        f"{counts['rounds']:,} impressions with {counts['clicks']:,} clicks; {counts['items']} items in "
        f"{counts['positions']} positions; {value['seconds']:.1f} s",
        f"- worth {support.effective:,.0f} impressions of the target policy; largest weight {support.largest:.1f}, "
        f"mean {support.mean:.3f}",
        f"- {support.unsupported:.2%} of what the target policy shows is never shown there by the logging policy",
    )


def _cell(estimate: "Estimate") -> str:
    return f"{estimate.value:.5f} ({estimate.low:.5f} to {estimate.high:.5f})"

"""The result of the faults for people: fault, gate, where it was stopped, what it cost until then."""

from typing import Any


def table(value: dict[str, Any]) -> Any:
    """Something rich can print."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    shown = Table("fault", "gate", "stopped in", "by", "exposures", "promised", "to safety", "found in", title="faults")
    for row in value["faults"]:
        if row["error"]:
            shown.add_row(row["fault"], row["gate"], Text("not seeded", style="bold red"), Text(row["error"]))
            continue
        ok = Text(row["stage"], style="" if row["stopped"] else "bold red")
        promised = f"{row['promised']:,.0f}" if row["promised"] else ""
        by = ", ".join(row["checks"]) if len(row["checks"]) < 4 else f"{len(row['checks'])} checks"
        shown.add_row(
            row["fault"],
            row["gate"] or "control",
            ok,
            by,
            f"{row['exposures']:,}",
            promised,
            f"{row['safe_s']:,.0f} s",
            f"{row['took_s']:.0f} s",
        )
    parts: list[Any] = [shown] if value["faults"] else []
    if unchanged := value["unchanged"]:
        parts += [_checks(unchanged), Text(_share(unchanged, "blocked by fixed gates", unchanged["blocked"]))]
    if rollouts := value["rollouts"]:
        parts.append(Text(_share(rollouts, "aborted in a rollout", rollouts["aborted"])))
    parts += [Text(line, style="bold red") for line in value["failures"]]
    return Group(*parts)


def _checks(unchanged: dict[str, Any]) -> Any:
    """What each check made of the unchanged releases."""
    from rich.table import Table

    happened = ", ".join(f"{number:,} {target}" for target, number in unchanged["positives"].items())
    shown = Table(
        "gate", "check", "judged", "blocked", "waited", title=f"unchanged releases, of a window with {happened}"
    )
    for row in unchanged["checks"]:
        shown.add_row(row["gate"], row["check"], *(str(row[name]) for name in ("judged", "blocked", "waited")))
    return shown


def _share(judged: dict[str, Any], what: str, number: int) -> str:
    low, high = judged["interval"]
    return f"{number} of {judged['releases']} unchanged releases {what}: with 95 % confidence {low:.1%} to {high:.1%}"

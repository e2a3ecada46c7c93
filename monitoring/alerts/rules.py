"""The rules of the alerts: one file, checked when it is read."""

import string
from collections.abc import Mapping, Sequence
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from homefeed.errors import HomefeedError

#: The rules that come with the platform.
RULES_FILE = Path(__file__).with_name("rules.yaml")


class RulesError(HomefeedError):
    """A file of rules cannot be used; the message names each wrong entry."""


class Severity(StrEnum):
    """PAGE: somebody gets up, and promotions are held. TICKET: somebody looks at it in working hours."""

    PAGE = "page"
    TICKET = "ticket"


class Kind(StrEnum):
    """On which side of the bound is wrong."""

    ABOVE = "above"
    BELOW = "below"


#: What a text of a rule may name, beside the labels of its measure.
FIELDS = ("value", "bound", "since")


def _template(text: str) -> str:
    for _, name, spec, conversion in string.Formatter().parse(text):
        if name is not None and (not name.isidentifier() or spec or conversion):
            raise ValueError(f"{{{name}}}: only plain names of labels, and {', '.join(FIELDS)}, may stand in braces")
    return text


Text = Annotated[str, AfterValidator(_template)]
Patterns = Annotated[tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)]


class Rule(BaseModel):
    """One rule.

    Attributes:
      name: unique, such as `arrivals_stale`.
      severity: `page` or `ticket`.
      measure: name of the measurement that it looks at.
      labels: label -> shell pattern, or several of which one must fit; other measurements are not looked at.
      kind, bound: wrong is a value `above` or `below` the bound.
      resolve_bound: right again is a value on the other side of this; between the two nothing changes.
      for_s: how long it must be wrong before it fires [s].
      resolve_for_s: how long it must be right before it is resolved [s].
      unit: of value and bound: `s`, `share`, `ratio`, or empty for a count.
      group: rules of one group are told in one message.
      holds: whether promotions wait while it fires; by default those of severity `page` do.
      owner: who is called.
      runbook: heading of the section in the runbook, as its anchor.
      summary: what happened, in one sentence; may name labels, `{value}`, `{bound}`, `{since}`.
      affected: who notices, and how many.
      done: what the platform does about it by itself; a measurement may say it better.
      commands: what to type first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    severity: Severity
    measure: str
    labels: dict[str, Patterns] = {}
    kind: Kind
    bound: float
    resolve_bound: float
    for_s: float = Field(0.0, ge=0)
    resolve_for_s: float = Field(0.0, ge=0)
    unit: str = Field("", pattern="^(s|share|ratio|)$")
    group: str
    holds: bool
    owner: str
    runbook: str = Field(pattern=r"^[a-z0-9-]+$")
    summary: Text
    affected: Text
    done: Text
    commands: tuple[Text, ...] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, values: Any) -> Any:
        """What follows from the other entries when it is left out."""
        if isinstance(values, dict):
            values = {"resolve_bound": values.get("bound"), "group": values.get("name"), **values}
            values = {"holds": values.get("severity") == Severity.PAGE, **values}
        return values

    @model_validator(mode="after")
    def _hysteresis(self) -> "Rule":
        gap = self.bound - self.resolve_bound
        if (gap if self.kind is Kind.ABOVE else -gap) < 0:
            raise ValueError(f"resolve_bound {self.resolve_bound:g} is on the wrong side of bound {self.bound:g}")
        return self

    def looks_at(self, measure: str, labels: Mapping[str, str]) -> bool:
        """Whether a measurement is this rule's."""
        return measure == self.measure and matches(self.labels, labels)

    def is_wrong(self, value: float) -> bool:
        """Whether the value is beyond the bound."""
        return value > self.bound if self.kind is Kind.ABOVE else value < self.bound

    def is_right(self, value: float) -> bool:
        """Whether the value is back within the bound of the resolution."""
        return value <= self.resolve_bound if self.kind is Kind.ABOVE else value >= self.resolve_bound


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: tuple[Rule, ...]


def matches(matcher: Mapping[str, Sequence[str]], labels: Mapping[str, str]) -> bool:
    """Whether each label of the matcher is there and fits one of its shell patterns; an empty one fits everything."""
    return all(
        name in labels and any(fnmatchcase(labels[name], pattern) for pattern in patterns)
        for name, patterns in matcher.items()
    )


def load_rules(file: Path | None = None) -> tuple[Rule, ...]:
    """Read a file of rules, by default the platform's own. Raises RulesError that names each wrong entry."""
    file = file or RULES_FILE
    try:
        read = yaml.safe_load(file.read_text())
        rules = _File.model_validate(read).rules
    except (OSError, yaml.YAMLError) as error:
        raise RulesError(f"the rules {file} cannot be read: {error}") from error
    except ValidationError as error:
        names = _names(read)
        lines = [f"{_where(wrong['loc'], names)}: {wrong['msg']}" for wrong in error.errors()]
        raise RulesError(f"the rules {file} cannot be used:\n  " + "\n  ".join(lines)) from error
    seen: set[str] = set()
    for rule in rules:
        if rule.name in seen:
            raise RulesError(f"the rules {file} cannot be used: two rules are named {rule.name}")
        seen.add(rule.name)
    return rules


def _names(read: Any) -> list[str]:
    rules = read.get("rules") if isinstance(read, dict) else None
    return [str(r.get("name", "?")) if isinstance(r, dict) else "?" for r in rules] if isinstance(rules, list) else []


def _where(loc: tuple[int | str, ...], names: list[str]) -> str:
    if len(loc) > 1 and isinstance(loc[1], int) and loc[1] < len(names):
        return ".".join([f"rule {names[loc[1]]} (number {loc[1] + 1})", *map(str, loc[2:])])
    return ".".join(map(str, loc)) or "the file"

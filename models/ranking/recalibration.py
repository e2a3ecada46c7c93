"""What is done to the heads of a release fitted again to windows that came after it, without training."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from homefeed import windows
from homefeed.features import TARGETS
from homefeed.settings import Settings
from models.ranking.adjustment import Adjustment, newest_adjustment, write_adjustment
from models.ranking.closed_windows import in_blocks, read_spans
from models.ranking.correction_refit import CorrectionRefit, refit_corrections
from models.ranking.examples import Examples
from models.ranking.head_refit import HeadRefit, refit_head

if TYPE_CHECKING:
    from models.bundle import Bundle

_WATCHED = TARGETS.index("watched")
#: First and last window, both included.
Span = tuple[str, str]
#: Exposures of a span as rows and as examples.
Part = tuple[Any, Examples]


@dataclass(frozen=True)
class Refitted:
    """What answers from now on, and what became of each part.

    Attributes:
      adjustment: the one before, where nothing is better.
      heads: what became of each head.
      corrections: what became of the corrections of videos.
    """

    adjustment: Adjustment
    heads: dict[str, HeadRefit]
    corrections: CorrectionRefit

    @property
    def is_new(self) -> bool:
        """Whether any part is another than before."""
        return self.corrections.is_refitted or any(head.is_refitted for head in self.heads.values())


@dataclass(frozen=True)
class Refit:
    """One refit of a release.

    Attributes:
      release, window: whose calibrators, and the newest window, which they are compared on.
      windows: first and last window of the fit; None when there is none after the release's own.
      heads, corrections: as of `Refitted`; `corrections` is None without windows.
      path: the file; None when everything stays.
    """

    release: str
    window: str
    windows: tuple[str, str] | None
    heads: dict[str, HeadRefit]
    corrections: CorrectionRefit | None
    path: Path | None


def refit(settings: Settings, bundle: "Bundle", window: str) -> Refit:
    """Fit the calibrators and corrections of a release to its newest windows, and keep those better on `window`.

    Args:
      settings: `ranking.refit_windows`, the positives it takes, the kinds of calibrators, the prior of corrections.
      bundle: the release.
      window: newest closed window whose exposures are published; it is not fitted to.

    Returns:
      What was done. A head with too few positives, or no better, keeps the calibrator it has; so do the corrections.
      When everything stays, nothing is written. The same window again gives the same file.
    """
    return next(refit_each(settings, [bundle], window))


def refit_each(settings: Settings, bundles: Sequence["Bundle"], window: str) -> Iterator[Refit]:
    """`refit` of each of several releases, one after the other; exposures are read once for all that read the same."""
    read: dict[tuple[Span, int, int], Part] = {}
    asked = [[(span, *_lengths(bundle)) for span in _spans(settings, bundle, window)] for bundle in bundles]
    for lengths, bundle in {_lengths(bundle): bundle for bundle in bundles}.items():
        keys = list(dict.fromkeys(key for of_one in asked for key in of_one if key[1:] == lengths))
        parts = read_spans(settings, bundle.shape, [key[0] for key in keys], settings.rollout.max_rows) if keys else []
        read |= dict(zip(keys, parts, strict=True))
    for bundle, keys in zip(bundles, asked, strict=True):
        yield _refit(settings, bundle, window, [(key[0], read[key]) for key in keys])


def _refit(settings: Settings, bundle: "Bundle", window: str, parts: list[tuple[Span, Part]]) -> Refit:
    """`refit` of the parts that `_spans` names, as read."""
    release = bundle.release
    if not parts:
        reason = f"the release was trained on windows up to {bundle.manifest.windows[1]}"
        return Refit(release, window, None, {t: HeadRefit(False, reason, 0, 0) for t in TARGETS}, None, None)
    before = newest_adjustment(settings, release, lambda name: name < window) or Adjustment(bundle.calibrators)
    (span, (rows, fit)), (_, (_, check)) = parts
    said = (_uncalibrated(bundle, fit), fit), (_uncalibrated(bundle, check), check)
    done = refitted(settings, before, said[0], _ages(rows, window), said[1])
    path = None
    if done.is_new:
        told: dict[str, Any] = {"windows": list(span)}
        told |= {"heads": {target: asdict(head) for target, head in done.heads.items()}}
        told |= {"corrected": asdict(done.corrections)}
        path = write_adjustment(settings, release, window, done.adjustment, told)
    return Refit(release, window, span, done.heads, done.corrections, path)


def _spans(settings: Settings, bundle: "Bundle", window: str) -> list[Span]:
    """Windows that are fitted to, and the one that decides; none before there is a window after the release's own."""
    learned, last = bundle.manifest.windows[1], windows.shift(window, -1)
    first = max(windows.shift(learned, 1), windows.shift(window, -settings.ranking.refit_windows))
    return [(first, last), (window, window)] if first <= last else []


def _lengths(bundle: "Bundle") -> tuple[int, int]:
    """What of its shape exposures are read by."""
    return bundle.shape.history_length, bundle.shape.ranker_history_length


def refitted(
    settings: Settings,
    before: Adjustment,
    fit: tuple[NDArray[np.float32], Examples],
    ages: NDArray[np.int64],
    check: tuple[NDArray[np.float32], Examples],
) -> Refitted:
    """`refit` of exposures in memory.

    Args:
      settings: as there.
      before: what answers now.
      fit: uncalibrated heads [n, len(TARGETS)], and the exposures, of windows that no training has learned.
      ages: [n] how many windows each of them lies before the newest one.
      check: the same of the newest window, which decides.
    """
    calibrators, heads = dict(before.calibrators), {}
    for column, target in enumerate(TARGETS):
        of_head = [(raw[:, column], examples) for raw, examples in (fit, check)]
        calibrators[target], heads[target] = refit_head(
            settings, target, before.calibrators[target], of_head[0], ages, of_head[1]
        )
    watched = [(calibrators["watched"](raw[:, _WATCHED]), examples) for raw, examples in (fit, check)]
    corrections, told = refit_corrections(settings, before.corrections, *watched)
    return Refitted(Adjustment(calibrators, corrections), heads, told)


def _uncalibrated(bundle: "Bundle", examples: Examples) -> NDArray[np.float32]:
    blocks = in_blocks(bundle.uncalibrated, examples.inputs, len(examples))
    return np.concatenate(blocks) if blocks else np.zeros((0, len(TARGETS)), np.float32)


def _ages(rows: Any, window: str) -> NDArray[np.int64]:
    """[n] how many windows each exposure lies before `window`."""
    names, codes = np.unique(np.asarray(rows.column("window").to_pylist(), str), return_inverse=True)
    ages = [int((windows.start(window) - windows.start(name)) / windows.WINDOW) for name in names.tolist()]
    return np.asarray(ages, np.int64)[codes] if ages else np.zeros(0, np.int64)

"""Exposures of a synthetic site with their features, brought through the platform: event log, lake, feature tables,
point-in-time join. The site's own probabilities stand beside them."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from homefeed import windows
from homefeed.cli.bench.world_log import END
from homefeed.settings import Settings
from homefeed.settings.world import WorldSettings
from homefeed.world.site import Site
from models.names import Names
from models.ranking.examples import Examples
from models.video_table import VideoTable

#: Between the newest exposures that are read and the end of the history. A watch is an event once it is over, so the
#: labels of the last hours are not whole: the long watches of them have not arrived.
SETTLED_WINDOWS = 18
#: Windows in which the people of `WorldExposures.newest` are met.
NEWEST_WINDOWS = 3


@dataclass(frozen=True)
class Part:
    """Consecutive windows of exposures.

    Attributes:
      first, last: windows, both included.
      examples: what the ranker reads, n rows.
      rows: the same n exposures with the columns of table `exposures`.
    """

    first: str
    last: str
    examples: Examples
    rows: pa.Table


@dataclass(frozen=True)
class WorldExposures:
    """Three parts of a site's history, one after the other in time.

    Attributes:
      site: with the true probabilities.
      train: missed exposures are sampled, as for every training.
      validation, holdout: every exposure.
      names: of the slices' keys.
      bots: keys of the viewers that the platform takes for bots; nothing of theirs is left out here.
      newest: the exposures of the holdout's newest windows, with the columns of `ranking_examples`.
      candidates: every video that could be served before these, with its features.
      table: the catalogue.
    """

    site: Site
    train: Part
    validation: Part
    holdout: Part
    names: Names
    bots: NDArray[np.int64]
    newest: pa.Table
    candidates: pa.Table
    table: VideoTable


def world_exposures(
    settings: Settings, world: WorldSettings, holdout_windows: int, validation_windows: int, *, is_clean: bool = False
) -> WorldExposures:
    """Make the site of `world` with `settings.seed`, and its history that ends at `END`, in a folder that is removed.

    Args:
      settings: of the platform; `var` is not touched.
      world: of the site.
      holdout_windows: windows of the holdout, which end `SETTLED_WINDOWS` before `END`.
      validation_windows: windows before them.
      is_clean: as for `homefeed.world.history.write_history`.
    """
    from feature_repo.bots import bot_viewers
    from feature_repo.catalogue import catalogue
    from feature_repo.lake_tables import open_tables
    from feature_repo.snapshot import candidates
    from feature_repo.training_set import ranking_examples
    from homefeed.lake import open_lake
    from homefeed.world.build import open_site
    from models.names import names_of
    from models.video_table import video_table

    with tempfile.TemporaryDirectory() as folder:
        own = settings.model_copy(update={"var": Path(folder), "world": world, "registry_url": ""})
        first = _published(own, is_clean)
        last = windows.window_of(END - (1 + SETTLED_WINDOWS) * windows.WINDOW)
        holdout_first = windows.shift(last, 1 - holdout_windows)
        validation_first = windows.shift(holdout_first, -validation_windows)
        videos = catalogue(own, windows.end(last))
        table = video_table(videos)

        def part(begin: str, until: str, sample: float | None) -> Part:
            return _part(own, table, begin, until, sample)

        train = part(first, windows.shift(validation_first, -1), own.ranking.negative_rate)
        validation = part(validation_first, windows.shift(holdout_first, -1), None)
        holdout = part(holdout_first, last, None)
        names = names_of(videos, open_lake(own.lake_path).read("users"), holdout.rows)
        newest_first = windows.shift(last, 1 - NEWEST_WINDOWS)
        with open_tables(own) as tables:
            servable = tables.run(candidates(tables, windows.shift(newest_first, -1))).combine_chunks()
        return WorldExposures(
            open_site(own),
            train,
            validation,
            holdout,
            names,
            bots=bot_viewers(own, first, last).column("user").to_numpy(),
            newest=ranking_examples(own, newest_first, last),
            candidates=servable,
            table=table,
        )


def without_slots(part: Part) -> Examples:
    """The examples as they are when a page is ranked: no slot is known."""
    from models.ranking.examples import HIDDEN_SLOT

    inputs = part.examples.inputs
    return replace(part.examples, inputs=replace(inputs, slot=np.full_like(inputs.slot, HIDDEN_SLOT)))


def true_watched(site: Site, rows: pa.Table) -> NDArray[np.float64]:
    """The site's own probability that each exposure is positive, [n].

    No adjustment is needed: an accidental click is shorter than `features.min_watch_s`, a late watch is no label and
    no part of the probability, and bots watch at a rate of their own, which is theirs here as well. What is left out
    is a second impression of the same video to the same viewer within the label window.
    """
    return site.true_probability_of(rows).astype(np.float64)


def _published(settings: Settings, is_clean: bool) -> str:
    """Write the history, ingest it and publish the tables that training reads; returns the first window."""
    from feature_repo.aggregates import publish_aggregates
    from feature_repo.due import due_windows
    from feature_repo.exposures import publish_exposures
    from feature_repo.online import apply
    from feature_repo.user_state import publish_user_state
    from homefeed.ingest.window import ingest_windows
    from homefeed.world.history import write_history

    written = write_history(settings, END, is_clean=is_clean)
    touched = ingest_windows(settings, windows.span(written.first, written.last)).touched
    publish_exposures(settings, due_windows(touched, written.last))
    publish_aggregates(settings, touched)
    publish_user_state(settings, touched)
    apply(settings)
    return written.first


def _part(settings: Settings, table: Any, first: str, last: str, sample: float | None) -> Part:
    from feature_repo.training_set import ranking_examples
    from homefeed.schema import TABLES
    from models.ranking.examples import examples_of

    rows = ranking_examples(settings, first, last, sample=sample)
    examples = examples_of(rows, table, settings.features.history_length, settings.ranking.history_length)
    return Part(first, last, examples, rows.select(TABLES["exposures"].names))

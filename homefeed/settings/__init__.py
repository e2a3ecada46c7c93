"""Every knob of the platform, once: one frozen tree, built at the edge by `load()` and passed down.

A knob is set by an environment variable: `HOMEFEED_SERVING__PORT=3001` sets `settings.serving.port`.
`docs/settings.md` is generated from this tree.
"""

from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from homefeed.errors import HomefeedError
from homefeed.settings.engine import EngineSettings
from homefeed.settings.evaluation import EvaluationSettings
from homefeed.settings.experiments import ExperimentSettings, OnlineSettings
from homefeed.settings.features import FeatureSettings
from homefeed.settings.group import knob
from homefeed.settings.index import IndexSettings
from homefeed.settings.ingest import IngestSettings
from homefeed.settings.monitoring import AlertSettings, MonitoringSettings
from homefeed.settings.platform import PlatformSettings
from homefeed.settings.ranking import RankingSettings
from homefeed.settings.replicas import ReplicaSettings
from homefeed.settings.retrieval import RetrievalSettings
from homefeed.settings.rollout import RolloutSettings
from homefeed.settings.serving import ServingSettings
from homefeed.settings.shards import ShardSettings
from homefeed.settings.storage import Place, RetentionSettings, StorageSettings, place_of
from homefeed.settings.trainers import TrainerSettings
from homefeed.settings.world import WorldSettings


class Settings(BaseSettings):
    """The whole tree. Paths that the platform writes are derived from `var`, so that one knob moves all of them."""

    model_config = SettingsConfigDict(
        env_prefix="HOMEFEED_",
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,  # it may be a key
    )

    profile: str = knob(
        "local", "`local` runs everything embedded on one machine; `cluster` uses servers.", pattern="^(local|cluster)$"
    )
    var: Path = knob(
        Path("var"), "Folder that holds everything the platform writes: event log, lake, models, registry, reports."
    )
    data: Path = knob(
        Path("../shared/data"), "Folder with public logs that tests and benchmarks read; they skip when it is missing."
    )
    clock_file: Path | None = knob(
        None, "File that holds the current time, for the demo and tests; unset means the machine's clock."
    )
    registry_url: str = knob("", "SQLAlchemy URL of the control state; empty means SQLite at `var/registry.db`.")
    seed: int = knob(20261123, "Seed of everything random: world, training, sampling.")

    storage: StorageSettings = knob(StorageSettings(), "Object store.")
    retention: RetentionSettings = knob(RetentionSettings(), "Old windows: how long they stay, and where they go.")
    ingest: IngestSettings = knob(IngestSettings(), "Event log and ingestion.")
    engine: EngineSettings = knob(EngineSettings(), "Engine of the window queries.")
    features: FeatureSettings = knob(FeatureSettings(), "Exposures and features.")
    retrieval: RetrievalSettings = knob(RetrievalSettings(), "Two-tower retriever.")
    index: IndexSettings = knob(IndexSettings(), "Index over the candidate vectors, and how it stays fresh.")
    ranking: RankingSettings = knob(RankingSettings(), "Multi-task ranker, calibration and value model.")
    trainers: TrainerSettings = knob(TrainerSettings(), "Training on several workers.")
    serving: ServingSettings = knob(ServingSettings(), "BentoML service and page pipeline.")
    replicas: ReplicaSettings = knob(ReplicaSettings(), "Replicas of the service behind HAProxy.")
    shards: ShardSettings = knob(ShardSettings(), "Index shards as services of their own.")
    monitoring: MonitoringSettings = knob(MonitoringSettings(), "Drift, calibration and quality reports.")
    alerts: AlertSettings = knob(AlertSettings(), "Alerts and who is told.")
    evaluation: EvaluationSettings = knob(EvaluationSettings(), "Off-policy evaluation from logged propensities.")
    online: OnlineSettings = knob(OnlineSettings(), "Online metrics.")
    experiments: ExperimentSettings = knob(ExperimentSettings(), "Experiments.")
    rollout: RolloutSettings = knob(RolloutSettings(), "Gates and stages of a release.")
    world: WorldSettings = knob(WorldSettings(), "Synthetic site.")
    platform: PlatformSettings = knob(PlatformSettings(), "Processes that `make run` starts.")

    @property
    def events_path(self) -> Path:
        """The durable event log: one folder per arrival window."""
        return self.var / "events"

    @property
    def landing_path(self) -> Path:
        """Where a site drops JSON lines or Parquet files of events."""
        return self.var / "landing"

    @property
    def lake_path(self) -> Place:
        """Delta tables, one folder each: under `storage.url` where one is set."""
        return self._shared / "lake"

    @property
    def archive_place(self) -> Place:
        """Windows that are no longer at hand, and copies of the event log."""
        if self.retention.archive_url:
            return place_of(self.retention.archive_url, self.storage)
        return self._shared / "archive"

    @property
    def shelf_place(self) -> Place:
        """Exported bundles, one folder each."""
        return self._shared / "bundles"

    @property
    def _shared(self) -> Place:
        """`storage.url`, or `var`."""
        return place_of(self.storage.url, self.storage) if self.storage.url else self.var

    @property
    def models_path(self) -> Path:
        """Trained models before they are bundled, one folder per training."""
        return self.var / "models"

    @property
    def bundles_path(self) -> Path:
        """The BentoML home: the model store that holds the bundles."""
        return self.var / "bentoml"

    @property
    def calibrations_path(self) -> Path:
        """Calibrators that were fitted again after a release was made, one folder per release."""
        return self.var / "calibrations"

    @property
    def snapshots_path(self) -> Path:
        """Columnar candidate features, one file per window; serving reads the newest."""
        return self.var / "snapshots"

    @property
    def serving_path(self) -> Path:
        """The service's own log, one folder per window, and the knobs that can be turned while it runs."""
        return self.var / "serving"

    @property
    def feast_path(self) -> Path:
        """Feast registry and online store of the local profile."""
        return self.var / "feast"

    @property
    def reports_path(self) -> Path:
        """HTML and JSON reports."""
        return self.var / "reports"

    @property
    def spill_path(self) -> Path:
        """Where DuckDB puts what does not fit into memory; empty when nothing runs."""
        return self.var / "spill"

    @property
    def resolved_engine(self) -> EngineSettings:
        """`engine` with the kind that the profile means where none is set."""
        kind = self.engine.kind or {"local": "duckdb", "cluster": "spark"}[self.profile]
        return self.engine.model_copy(update={"kind": kind})

    @property
    def resolved_registry_url(self) -> str:
        """`registry_url`, or SQLite under `var`."""
        return self.registry_url or f"sqlite:///{self.var.absolute() / 'registry.db'}"


class SettingsError(HomefeedError):
    """A setting has a value that it cannot have; the message names the environment variable."""


def load(**overrides: object) -> Settings:
    """Read the tree from `HOMEFEED_*`. Raises SettingsError that names each wrong variable and what it must be."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = []
        for wrong in error.errors():
            name = f"HOMEFEED_{'__'.join(map(str, wrong['loc'])).upper()}"
            # A key under a mistyped name is a key all the same.
            is_secret = any(word in name for word in ("KEY", "SECRET", "TOKEN", "PASSWORD"))
            lines.append(f"{name}: {wrong['msg']}" + ("" if is_secret else f" (got {wrong['input']!r})"))
        raise SettingsError("settings cannot be used:\n  " + "\n  ".join(lines)) from error

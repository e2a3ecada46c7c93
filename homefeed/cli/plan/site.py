"""The site that is planned for: what the business knows of itself. Everything else follows, or is an assumption."""

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from homefeed.errors import HomefeedError

MONTH_S = 30 * 86_400.0


class PlanError(HomefeedError):
    """A site that cannot be, or a figure that cannot be used; the message names it."""


class Site(BaseModel):
    """Numbers of a site. Average load follows from the month; capacity is stated beside it, and is not load.

    Attributes:
      users: viewers that have a row in the online store.
      videos: videos that can be served.
      positives_per_month, negatives_per_month: exposures that were watched, and that were not.
      page_slots: videos on a page.
      exposure_bytes: one exposure with its features [bytes].
      capacity_pages_per_s: pages that the serving tier must be able to make [1/s].
      candidates: candidates ranked for a page.
      uploads_per_day: new videos.
      hot_days: days that exposures stay in the lake; older ones are archived.
      kept_days: days after which even the archive forgets.
      goal_ms: 99th percentile that a page keeps to [ms].
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    users: float = Field(1.3e9, gt=0)
    videos: float = Field(1e9, ge=1)
    positives_per_month: float = Field(15e9, ge=0)
    negatives_per_month: float = Field(750e9, ge=0)
    page_slots: float = Field(100, ge=1)
    exposure_bytes: float = Field(500, gt=0)
    capacity_pages_per_s: float = Field(10e6, gt=0)
    candidates: float = Field(1000, ge=1)
    uploads_per_day: float = Field(1e6, ge=0)
    hot_days: float = Field(180, gt=0)
    kept_days: float = Field(720, gt=0)
    goal_ms: float = Field(100, gt=0)

    @property
    def exposures_per_s(self) -> float:
        """Average [1/s]."""
        return (self.positives_per_month + self.negatives_per_month) / MONTH_S

    @property
    def pages_per_s(self) -> float:
        """Average [1/s]."""
        return self.exposures_per_s / self.page_slots


def site_of(**numbers: float | None) -> Site:
    """The site with these numbers, the design's where None is given.

    Raises:
      PlanError: names every number that cannot be.
    """
    try:
        site = Site(**{name: value for name, value in numbers.items() if value is not None})
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']} (got {e['input']!r})" for e in error.errors())
        raise PlanError(f"there is no such site: {wrong}") from error
    if site.exposures_per_s == 0:
        raise PlanError("there is no such site: positives_per_month and negatives_per_month are both 0")
    if site.capacity_pages_per_s < site.pages_per_s:
        raise PlanError(
            f"capacity_pages_per_s {site.capacity_pages_per_s:,.0f} is below the {site.pages_per_s:,.0f} pages a second"
            " that the exposures of a month make on average: raise it, or lower the exposures"
        )
    if site.candidates > site.videos:
        raise PlanError(f"candidates {site.candidates:,.0f} is more than the {site.videos:,.0f} videos there are")
    if site.kept_days < site.hot_days:
        raise PlanError(f"kept_days {site.kept_days:g} is less than hot_days {site.hot_days:g}")
    return site

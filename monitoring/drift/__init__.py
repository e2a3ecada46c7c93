"""Drift: today's features, embeddings, predictions and labels against those of the same time of earlier weeks, or
against those that calibrated the ranker."""

from monitoring.drift.comparison import ColumnDrift
from monitoring.drift.measure import Drift, NotMeasured, measure_drift

__all__ = ["ColumnDrift", "Drift", "NotMeasured", "measure_drift"]

"""The report of one training of the ranker: an HTML page for people, and every number beside it."""

from models.ranking.report.report import publish_report, write_report

__all__ = ["publish_report", "write_report"]

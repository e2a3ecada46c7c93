"""The report of one training of the retriever: an HTML page for people, beside the numbers for gates."""

from models.retrieval.report.report import publish_report, write_report

__all__ = ["publish_report", "write_report"]

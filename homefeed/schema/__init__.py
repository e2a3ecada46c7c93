"""Events and tables, column by column: the contract between the site, the lake and every reader."""

from homefeed.schema.column import TIME, Column, arrow_schema
from homefeed.schema.events import EVENTS
from homefeed.schema.tables import TABLE_OF_EVENT, TABLES

__all__ = ["EVENTS", "TABLES", "TABLE_OF_EVENT", "TIME", "Column", "arrow_schema"]

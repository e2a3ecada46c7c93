"""Public logs, and a site's own history, as events in the event log.

A log of ratings says what was liked, not what was shown: its impressions are made up by a stated rule and flagged
`synthesised`, so nothing downstream can take them for observations.
"""

from homefeed.importers.errors import ImportLogError
from homefeed.importers.log import FORMATS, ImportReport, import_log

__all__ = ["FORMATS", "ImportLogError", "ImportReport", "import_log"]

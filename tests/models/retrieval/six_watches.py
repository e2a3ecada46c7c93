"""Six watches to be found, on four videos, by four viewers; what came before can be counted on one hand.

| watch | viewer | video | when           | the viewer had watched |
|-------|--------|-------|----------------|------------------------|
| a     | 1      | 1     | START + 10 s   | one                    |
| b     | 2      | 2     | START + 20 s   | nothing                |
| c     | 2      | 0     | START + 30 s   | one                    |
| d     | 3      | 3     | START + 40 s   | two                    |
| e     | 4      | 0     | START + 50 s   | nothing                |
| f     | 4      | 2     | START + 700 s  | one                    |

Video 0 is 30 days old, 1 is 10 days, 2 is 30 minutes, 3 two hours; 0 and 1 are of channel 7, 2 is of channel 8, 3 of
none. Viewers 1 and 2 live in DE, 3 in US, 4 nowhere known.
"""

import numpy as np

from models.names import Names
from models.profiles import Profiles
from models.retrieval.batches import Log
from models.retrieval.watches import WatchCounts, Watches
from models.video_table import MAX_TOPICS, VideoTable

SECOND, MINUTE, HOUR, DAY = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000
#: First instant of a window.
START = 3_000_000 * 600 * SECOND
NAMES = Names(channels={7: "seven", 8: "eight"}, topics={3: "chess"}, countries={5: "DE", 6: "US"})
_EVERY = [
    (1, 0, -2 * DAY),
    (1, 1, 10 * SECOND),
    (2, 2, 20 * SECOND),
    (2, 0, 30 * SECOND),
    (3, 1, -8 * DAY),
    (3, 0, -HOUR),
    (3, 3, 40 * SECOND),
    (4, 0, 50 * SECOND),
    (4, 2, 700 * SECOND),
]


def six_watches(titles: tuple[str, ...] = ("old", "older", "fresh", "lonely")) -> tuple[Log, Watches]:
    """The log and the watches a to f."""
    users, videos, seconds = (np.array(column, np.int64) for column in zip(*_EVERY, strict=True))
    watches = Watches(users, videos, START + seconds, np.ones(len(users), np.float32))
    topics = np.zeros((4, MAX_TOPICS), np.int64)
    topics[:2, 0] = 3
    table = VideoTable(
        keys=np.arange(1, 5),
        channels=np.array([7, 7, 8, 0]),
        topics=topics,
        languages=np.zeros(4, np.int64),
        uploaded=START - np.array([30 * DAY, 10 * DAY, 30 * MINUTE, 2 * HOUR]),
        duration_s=np.full(4, 60, np.float32),
        titles=np.array(titles, object),
    )
    profiles = Profiles(np.arange(1, 4), np.array([5, 5, 6]), np.zeros(3, np.int64), np.full(3, 30, np.int32))
    return Log(table, watches, profiles, WatchCounts(watches)), watches.take(watches.times >= START)

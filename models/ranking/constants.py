"""What the ranker's graph and its pages in numpy are both made by; no TensorFlow here, which no page waits for."""

#: Pseudo-counts of the smoothed rates: one watch in fifty impressions.
PRIOR_WATCHES, PRIOR_IMPRESSIONS = 1.0, 50.0
#: Pseudo-counts of the smoothed affinities: a third of a watch in five.
PRIOR_LIKED, PRIOR_HISTORY = 0.3, 5.0
#: Shares of the viewer's history, which are also read as smoothed rates.
AFFINITIES = tuple(f"user_{kind}_affinity" for kind in ("topic", "side_topic", "channel", "language"))
NUM_AFFINITIES = len(AFFINITIES)
#: What is counted per impression.
RATED_MEASURES = ("watches", "likes", "dismissals")
#: Buckets of age: ten years each, and one for unknown.
NUM_AGES = 14
#: What a watch that was left at once weighs among the topics of a history; a whole one weighs one more.
LEAST_TASTE = 0.1

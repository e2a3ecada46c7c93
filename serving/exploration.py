"""Exploration: what a new topic is worth, which slots explore, what they may show, and the weight of each draw.

The knob e acts twice. In every slot a video of a topic that is new to the viewer is worth more than its value
(`discovery`): where two videos are near each other, the one that may open a topic comes first. And e of the slots draw
from a pool; those at the top, which most viewers see, seldom (`slot_chances`).

The pool holds the candidates below the best that something can be learned from: fresh uploads, videos with few
impressions, and topics that are new to the viewer. What is drawn should teach much and cost little, so a video weighs
by an upper bound of its value to this viewer,

    upper = value * (1 + z * sqrt((1 - p) / (p * (m + n + 1))))
    weight = novelty * (upper / greatest upper) ** sharpness

where p is the ranker's probability of a watch, held to be worth m impressions, and n the impressions that the video
had: the mean of a Beta(p * (m + n), (1 - p) * (m + n)) and z of its standard deviations, an upper confidence bound as
in Auer, Cesa-Bianchi and Fischer 2002. `novelty` favours topics new to the viewer. Uploads to which first impressions
are guaranteed (`serving.exploration_uploads`) have a fixed share of all weights together, and among themselves a
sharpness of at most 1.
"""

import numpy as np
from numpy.typing import NDArray

from homefeed.settings.serving import ServingSettings
from serving.draft import Draft
from serving.exploration_uploads import due_uploads

_HOUR_US = 3_600_000_000
#: What any video of the pool weighs at least, beside 1 of the heaviest: propensities that vanish cannot be weighted by.
_LEAST = 0.001


def explorable(draft: Draft, has_new: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which candidates exploration may show, [n]: fresh uploads, those with few impressions, and those of a topic that
    is new to the viewer, `has_new` [n] by `has_new_topic`."""
    is_fresh = draft.columns["uploaded"] > draft.time_us - int(draft.settings.fresh_h * _HOUR_US)
    is_new = draft.columns["video_impressions_7d"] < draft.settings.new_impressions
    return np.asarray(is_fresh | is_new | has_new)


def has_new_topic(draft: Draft) -> NDArray[np.bool_]:
    """Which candidates are of a topic that is new to the viewer, [n]: neither followed nor settled by watches.

    The first watch of a topic says little about it. So the topic stays new until it is watched again, and at most for
    `topic_trial_h`: else the page would leave for the next new topic what it has just opened. To a viewer who neither
    watched nor follows anything every topic is new.
    """
    return is_new(draft, draft.columns["topic_code"])


def is_new(draft: Draft, topic: NDArray[np.int64]) -> NDArray[np.bool_]:
    """The same for any topics, by their `topic_code` [n] in the draft's snapshot."""
    snapshot, codes = draft.snapshot, draft.snapshot.columns["topic_code"]
    places = snapshot.places_of(draft.viewer.keys("history_videos"))
    watched = codes[places[places >= 0]]
    followed = codes[snapshot.of_channels(draft.viewer.keys("subscribed_channels"), 1)]
    trial_us = draft.time_us - int(draft.settings.topic_trial_h * _HOUR_US)
    is_old = draft.viewer.keys("history_times")[places >= 0] < trial_us
    is_settled = np.bincount(watched, minlength=snapshot.num_topics + 1) > 1
    is_settled[watched[is_old]] = True
    is_settled[followed] = True
    # A video of an unknown topic is of none that is new.
    is_settled[0] = True
    return np.asarray(~is_settled[topic])


def discovery(draft: Draft, has_new: NDArray[np.bool_], watched: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the knob adds to the value of n videos for opening a topic, [n]; `has_new` [n] as by `is_new`.

    It goes by the square root of the probability p of a watch, `watched` [n]. The standard deviation of whether a video
    is watched is sqrt(p * (1 - p)), so the sum is an upper bound (Auer, Cesa-Bianchi and Fischer 2002) of what a topic
    is worth whose taste is not known; by the truth of the synthetic site it takes less watch time for as many topics
    than p does. Nothing is added for a viewer who watched nothing yet: no topic stands out to them, whatever they watch
    opens one.
    """
    knows = len(draft.viewer.keys("history_videos")) > 0
    worth = draft.exploration * draft.settings.discovery_value * knows
    return np.asarray(np.float32(worth) * has_new * np.sqrt(watched), np.float32)


def slot_chances(exploration: float, num: int, settings: ServingSettings) -> NDArray[np.float64]:
    """The probability that each slot of a page explores, [num]; their mean is `exploration`.

    That of the first `spared_share` of the slots is `spared_chance` of the others', and more only where the others
    cannot hold the knob's share: at `exploration` 1 all explore.
    """
    spared = int(num * settings.spared_share)
    others = num - spared
    below = min(1.0, exploration * num / max(others + spared * settings.spared_chance, 1))
    chances = np.full(num, below)
    if spared:
        chances[:spared] = (exploration * num - below * others) / spared
    return np.asarray(np.clip(chances, 0.0, 1.0))


def weights(draft: Draft, pool: NDArray[np.int64], has_new: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The weight of each video of the pool, [P] -> [P], all above 0; `has_new` as for `explorable`. Without heads all
    values count alike."""
    settings = draft.settings
    share = settings.guaranteed_share
    is_due = due_uploads(draft.snapshot, settings).is_due[draft.rows[pool]] & (share > 0)
    weight = np.ones(len(pool))
    if "watched" in draft.heads and len(pool):
        upper = _upper_bound(draft, pool)
        greatest = upper.max()
        if greatest > 0:
            # What is due is due to every upload, not to the best of them, which relevance shows anyway.
            sharpness = np.where(is_due, min(settings.exploration_sharpness, 1.0), settings.exploration_sharpness)
            weight = (np.maximum(upper, 0) / greatest) ** sharpness
    weight *= np.where(has_new[pool], settings.new_topic_weight, 1.0)
    weight = np.maximum(weight, _LEAST)
    if is_due.any() and not is_due.all():
        weight[is_due] *= share / weight[is_due].sum()
        weight[~is_due] *= (1 - share) / weight[~is_due].sum()
    return weight


def _upper_bound(draft: Draft, pool: NDArray[np.int64]) -> NDArray[np.float64]:
    settings = draft.settings
    chance = np.clip(draft.heads["watched"][pool].astype(np.float64), 1e-6, 1 - 1e-6)
    seen = draft.columns["video_impressions_7d"][pool].astype(np.float64)
    relative = np.sqrt((1 - chance) / (chance * (settings.prior_impressions + seen + 1)))
    return np.asarray(draft.score[pool] * (1 + settings.exploration_bound * relative))

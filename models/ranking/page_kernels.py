"""What lies between the matrix products of a page, compiled: each kernel goes once over the candidates.

Rows of the trunk are candidates; features of viewer and video together, and everything behind the last product, have
the candidates as their last axis. A kernel works on the candidates from `begin` on, as many as its output has.
"""

import numpy as np

from models.compiled import Floats, Floats2, Floats2Out, Floats3, compiled


@compiled
def pieces(
    columns: Floats2,
    begin: int,
    wide: Floats2Out,
    logits: Floats2Out,
    least: Floats,
    most: Floats,
    mean: Floats,
    deviation: Floats,
    low: Floats2,
    width: Floats2,
    weights: Floats2,
) -> None:
    """`Ranker.pieces` and `quantiles` of columns [d, .]: normalised with their quantiles into `wide` [2 d, n], and what
    they add to `logits` [heads, n], which begin as that.

    Args:
      least, most, mean, deviation: [d].
      low, width: [d, pieces].
      weights: [d * pieces, heads].
    """
    num, heads, (d, count) = wide.shape[1], len(logits), low.shape
    piece = np.empty(num, np.float32)
    logits[:] = 0
    for c in range(d):
        normalised, quantile = wide[c], wide[d + c]
        for i in range(num):
            x = min(max(columns[c, begin + i], least[c]), most[c])
            normalised[i] = (x - mean[c]) / deviation[c]
            quantile[i] = 0
        for k in range(count):
            of = weights[c * count + k]
            for i in range(num):
                x = (normalised[i] - low[c, k]) / width[c, k]
                piece[i] = min(max(x, np.float32(0)), np.float32(1))
                quantile[i] += piece[i]
            for h in range(heads):
                for i in range(num):
                    logits[h, i] += piece[i] * of[h]
        for i in range(num):
            quantile[i] = quantile[i] * np.float32(2) / np.float32(count) - np.float32(1)


@compiled
def rows_of_trunk(
    videos: Floats2,
    channels: Floats2,
    topics: Floats2,
    begin: int,
    wide: Floats2,
    mean: Floats,
    added: Floats,
    by_length: Floats,
    item: int,
    duration: int,
    z: Floats2Out,
    logits: Floats2Out,
) -> None:
    """The candidates' rows of the trunk's input `z` [n, inputs] without what the viewer watched by its likeness
    (`focus_of_trunk`), and what videos, channels, topics and viewer add to `logits` [heads, n].

    Args:
      videos, channels, topics: [., columns + heads], the heads' logits last.
      wide: [., n] of `pieces`.
      mean, added, by_length: [width], [heads] and [heads] of the viewer; the last is added for each unit of length.
      item, duration: where the embedding of the item begins in `z`, and where the length is.
    """
    heads, width, num = len(added), len(mean), len(z)
    of_video, of_channel, of_topic = videos.shape[1] - heads, channels.shape[1] - heads, topics.shape[1] - heads
    for i in range(num):
        video, channel, topic, to = videos[begin + i], channels[begin + i], topics[begin + i], z[i]
        for j in range(of_video):
            to[j] = video[j]
        # A loop over a part has an index that is never negative, which the compiler has to know.
        to = to[of_video:]
        for j in range(of_channel):
            to[j] = channel[j]
        to = to[of_channel:]
        for j in range(of_topic):
            to[j] = topic[j]
        items, sides = video[item : item + width], video[item + width : item + 2 * width]
        means, side_means = to[of_topic + len(wide) + width :], to[of_topic + len(wide) + 3 * width :]
        for j in range(width):
            means[j] = items[j] * mean[j]
        for j in range(width):
            side_means[j] = sides[j] * mean[j]
        length = video[duration]
        video, channel, topic = video[of_video:], channel[of_channel:], topic[of_topic:]
        for h in range(heads):
            logits[h, i] += video[h] + channel[h] + topic[h] + added[h] + length * by_length[h]
    first_wide = of_video + of_channel + of_topic
    for j in range(len(wide)):
        for i in range(num):
            z[i, first_wide + j] = wide[j, i]


@compiled
def focus_of_trunk(summed: Floats2, item: int, z: Floats2Out) -> None:
    """What the viewer watched by its likeness into `z` [n, inputs], and its product with the item's embedding, which
    begins at `item`; from `summed` [n, width + 1], the sum of the shares last."""
    width = summed.shape[1] - 1
    # The last columns: likeness, item with mean, item with likeness, side with mean.
    first = z.shape[1] - 4 * width
    for i in range(len(z)):
        of, items, focus, products = summed[i], z[i, item:], z[i, first:], z[i, first + 2 * width :]
        share = np.float32(1) / (of[width] + np.float32(1))
        for j in range(width):
            focus[j] = of[j] * share
            products[j] = items[j] * focus[j]


@compiled
def gated(z: Floats2, gate: Floats2, bias: Floats, x: Floats2Out) -> None:
    """z * (gate + bias) into the first columns of `x`: [n, inputs] each, `bias` [inputs]."""
    for i in range(len(z)):
        for j in range(z.shape[1]):
            x[i, j] = z[i, j] * (gate[i, j] + bias[j])


@compiled
def gated_twice(z: Floats2, first: Floats2, second: Floats2, bias: Floats, x: Floats2Out) -> None:
    """z * (first + second + bias) as `gated`."""
    for i in range(len(z)):
        for j in range(z.shape[1]):
            x[i, j] = z[i, j] * (first[i, j] + second[i, j] + bias[j])


@compiled
def rectified(bias: Floats, hidden: int, experts: int, answers: Floats2Out) -> None:
    """The last product [outs, n] with its bias: the first `hidden` rows rectified, and of the gates behind them, one of
    each expert for each head, each less the largest of its head."""
    outs, num = answers.shape
    for o in range(outs):
        for i in range(num):
            answers[o, i] += bias[o]
            # What is not a number stays so.
            if o < hidden and answers[o, i] < 0:
                answers[o, i] = 0
    heads, most = (outs - hidden) // experts, np.empty(num, np.float32)
    for h in range(hidden, hidden + heads):
        most[:] = answers[h]
        for e in range(1, experts):
            for i in range(num):
                most[i] = max(most[i], answers[h + e * heads, i])
        for e in range(experts):
            for i in range(num):
                answers[h + e * heads, i] -= most[i]


@compiled
def mixed(gates: Floats3, said: Floats3, bias: Floats, logits: Floats2Out) -> None:
    """Add to `logits` [heads, n] what the experts said, [experts, heads, n], each by its gate over the gates' sum."""
    experts, heads, num = said.shape
    whole, total = np.empty(num, np.float32), np.empty(num, np.float32)
    for h in range(heads):
        whole[:], total[:] = 0, 0
        for e in range(experts):
            for i in range(num):
                total[i] += gates[e, h, i] * said[e, h, i]
                whole[i] += gates[e, h, i]
        for i in range(num):
            logits[h, i] += total[i] / whole[i] + bias[h]

"""From margins to probabilities, and from the probabilities of benign releases to thresholds."""
import math

import numpy as np
from scipy.optimize import minimize

# False-alarm rates of the levels.
LEVELS = {"annotate": 0.01, "hold": 0.001, "deny": 0.0001}
# What a level asks to have been seen of the code, as in model/mod.rs: nothing, or something that it does by itself.
ACTS = {"annotate": 0, "hold": 2, "deny": 2}
# Ecosystems with fewer benign releases than this take no threshold below that of a larger one.
LARGE = 1000
# A threshold that no benign release has reached lies this far above the highest, in log-odds.
BEYOND = 0.25


def knots(margins, malicious, weight, count=5):
    """A rising, piecewise linear map from margin to log-odds, by maximum likelihood on margins that were held out.

    Two knots would be Platt's method; a few more let the ends be less sure than the middle, where they were.
    """
    at = np.unique(np.round(np.quantile(margins, np.linspace(0.02, 0.98, count)), 3))
    if len(at) < 2:
        at = np.array([margins.min(), margins.min() + 1.0])
    truth = malicious.astype(float)

    def odds(parameters):
        heights = parameters[0] + np.concatenate([[0.0], np.cumsum(np.exp(parameters[1:]))])
        slope_low = (heights[1] - heights[0]) / (at[1] - at[0])
        slope_high = (heights[-1] - heights[-2]) / (at[-1] - at[-2])
        inside = np.interp(margins, at, heights)
        inside = np.where(margins < at[0], heights[0] + (margins - at[0]) * slope_low, inside)
        return np.where(margins > at[-1], heights[-1] + (margins - at[-1]) * slope_high, inside), heights

    def loss(parameters):
        value, _ = odds(parameters)
        return float((weight * (np.logaddexp(0.0, value) - truth * value)).sum() / weight.sum() + 1e-4 * (parameters[1:] ** 2).sum())

    start = np.concatenate([[at[0]], np.log(np.maximum(np.diff(at), 1e-3))])
    best = minimize(loss, start, method="L-BFGS-B")
    return [[round(float(x), 4), round(float(y), 4)] for x, y in zip(at, odds(best.x)[1])]


def log_odds(margin, knots):
    """The map as Rust takes it."""
    at = np.clip(np.searchsorted([x for x, _ in knots], margin, side="right"), 1, len(knots) - 1)
    x, y = np.array(knots).T
    low = at - 1
    return y[low] + (np.asarray(margin) - x[low]) * (y[at] - y[low]) / (x[at] - x[low])


def probability(odds):
    return 1.0 / (1.0 + np.exp(-np.asarray(odds)))


def error(risk, malicious, weight, bins=10):
    """Expected calibration error over bins of equal width, and the table behind it."""
    rows, total = [], 0.0
    for number in range(bins):
        low, high = number / bins, (number + 1) / bins
        mask = (risk >= low) & ((risk < high) | (number == bins - 1))
        if not mask.any():
            continue
        share = float((weight[mask] * malicious[mask]).sum() / weight[mask].sum())
        mean = float((weight[mask] * risk[mask]).sum() / weight[mask].sum())
        total += float(weight[mask].sum()) * abs(share - mean)
        rows.append({"from": low, "to": high, "n": int(mask.sum()), "risk": mean, "share": share})
    return total / float(weight.sum()), rows


def conformal(odds, rate, count=None, spent=0):
    """The threshold of a rate, in log-odds, from one value a benign release.

    `count` is the number of releases where some have no value, `spent` how many of them are alarms whatever their value.

    Among n releases and the next one, the next is equally likely to have any rank. With k = floor(rate * (n + 1)) >= 1 it
    exceeds the k-th highest with a probability of at most the rate. With k = 0 no threshold among the values is high
    enough: it is set as if the next release were the worst that was seen, beyond the highest, and the rate is not claimed.
    """
    ordered = np.sort(np.asarray(odds))[::-1]
    allowed = math.floor(rate * ((len(ordered) if count is None else count) + 1) + 1e-9) - spent
    if allowed < 1:
        return float((ordered[0] if len(ordered) else 0.0) + BEYOND), False
    if allowed > len(ordered):
        return float(ordered[-1] if len(ordered) else 0.0), True
    # A value equal to the threshold counts as above it.
    return float(ordered[allowed - 1] + 1e-6), True

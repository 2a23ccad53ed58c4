"""Rates with their intervals."""
import numpy as np
from scipy.stats import beta

RATES = (0.0, 0.001, 0.003, 0.01, 0.05)


def clopper_pearson(hits, n, confidence=0.95):
    """The exact two-sided interval of a rate."""
    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else beta.ppf(tail, hits, n - hits + 1)
    high = 1.0 if hits == n else beta.ppf(1 - tail, hits + 1, n - hits)
    return float(low), float(high)


def upper_bound(hits, n, confidence=0.95):
    """The exact one-sided upper bound of a rate: what may be claimed of false alarms."""
    return 1.0 if n == 0 or hits >= n else float(beta.ppf(confidence, hits + 1, n - hits))


def threshold_at(benign, rate):
    """The lowest score that at most this rate of the benign scores reaches."""
    ordered = np.sort(benign)[::-1]
    allowed = int(np.floor(rate * len(ordered) + 1e-9))
    if allowed >= len(ordered):
        return float("-inf")
    return float(np.nextafter(ordered[allowed], np.inf))


def by_family(scores, families, threshold):
    """Share of each family's artifacts at or above the threshold."""
    total, hit = {}, {}
    for score, family in zip(scores, families):
        total[family] = total.get(family, 0) + 1
        hit[family] = hit.get(family, 0) + (score >= threshold)
    return np.array([hit[family] / total[family] for family in sorted(total)])


def macro(shares, seed=1, rounds=2000):
    """Mean over families and its bootstrap interval."""
    generator = np.random.default_rng(seed)
    means = [shares[generator.integers(0, len(shares), len(shares))].mean() for _ in range(rounds)]
    return float(shares.mean()), float(np.percentile(means, 2.5)), float(np.percentile(means, 97.5))


def table(scores, families, benign):
    """Family-macro TPR at each rate of false alarms."""
    rows = []
    for rate in RATES:
        at = threshold_at(benign, rate)
        mean, low, high = macro(by_family(scores, families, at))
        rows.append({"fpr": rate, "threshold": at, "tpr": mean, "low": low, "high": high,
                     "false_alarms": int((benign >= at).sum()), "benign": len(benign)})
    return rows

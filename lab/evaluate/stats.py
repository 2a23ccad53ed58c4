"""The few statistics that the reports need, without a library.

Rates come with an interval, always: Clopper-Pearson (exact binomial) for false positives, a percentile bootstrap over
families for the family-macro true-positive rate.
"""
import math
import random


def log_choose(n, k):
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def binomial_cdf(k, n, p):
    """P(X <= k) for X ~ Binomial(n, p)."""
    if k >= n or p <= 0:
        return 1.0
    if p >= 1:
        return 0.0
    return min(1.0, math.fsum(math.exp(log_choose(n, i) + i * math.log(p) + (n - i) * math.log1p(-p)) for i in range(k + 1)))


def upper_bound(k, n, confidence=0.95):
    """One-sided Clopper-Pearson upper bound of a rate of which k were seen among n; 1 when nothing was seen."""
    if n == 0 or k >= n:
        return 1.0
    low, high = k / n, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if binomial_cdf(k, n, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def lower_bound(k, n, confidence=0.95):
    """One-sided Clopper-Pearson lower bound."""
    return 1 - upper_bound(n - k, n, confidence) if n else 0.0


def macro(families):
    """Mean over families of the share found; `families` is {family: [found, …]}."""
    return sum(sum(found) / len(found) for found in families.values()) / len(families) if families else float("nan")


def bootstrap(families, rounds=1000, seed=1):
    """95 % percentile interval of `macro` over resampled families."""
    shares = [sum(found) / len(found) for found in families.values()]
    if not shares:
        return float("nan"), float("nan")
    rng = random.Random(seed)
    means = sorted(sum(rng.choices(shares, k=len(shares))) / len(shares) for _ in range(rounds))
    return means[int(0.025 * rounds)], means[min(rounds - 1, int(0.975 * rounds))]


def threshold(scores, rate):
    """The lowest score above which at most rate * n of the benign scores lie: `score > threshold` is an alarm.

    With a rate of 0 it is the highest benign score.
    """
    ranked = sorted(scores, reverse=True)
    return ranked[int(rate * len(ranked) + 1e-9)] if ranked and int(rate * len(ranked) + 1e-9) < len(ranked) else float("-inf")

"""Fitting small additive tree models and writing them in the form that Rust reads."""
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

SEED = 20251128


class Forest:
    """Gradient-boosted trees whose margin never falls when a feature rises, except for those in `free`."""

    def __init__(self, depth=2, trees=300, rate=0.06, leaf=12, l2=2.0, free=()):
        self.depth, self.trees, self.rate, self.leaf, self.l2, self.free = depth, trees, rate, leaf, l2, tuple(free)

    def fit(self, names, values, malicious, weight):
        self.names = list(names)
        self.inner = HistGradientBoostingClassifier(
            max_depth=self.depth, max_leaf_nodes=2**self.depth, max_iter=self.trees, learning_rate=self.rate, min_samples_leaf=self.leaf,
            l2_regularization=self.l2, early_stopping=False, random_state=SEED,
            monotonic_cst=[0 if name in self.free else 1 for name in self.names])
        self.inner.fit(values, malicious.astype(int), sample_weight=weight)
        self.base = float(np.ravel(self.inner._baseline_prediction)[0])
        self.written = [self._write(stage[0].nodes, values, weight) for stage in self.inner._predictors]
        if self.depth == 1:
            self._merge()
        return self

    def _merge(self):
        """Trees of one question that ask the same become one that adds nothing on `no`: a line a step, for people to read."""
        steps = {}
        for tree in self.written:
            if not isinstance(tree, dict):
                self.base += tree
                continue
            self.base += tree["no"]
            step = steps.setdefault((tree["ask"], tree["over"]), [0.0, 0.0])
            step[0] += tree["yes"] - tree["no"]
            step[1] += tree["mean"] - tree["no"]
        self.base = round(self.base, 5)
        self.written = [{"ask": ask, "over": over, "mean": round(mean, 5), "no": 0.0, "yes": round(yes, 5)}
                        for (ask, over), (yes, mean) in sorted(steps.items()) if yes > 0]

    def _write(self, nodes, values, weight):
        """A tree as nested tables; the mean of a node is that of the training's rows that reach it."""

        def walk(at, rows):
            node = nodes[at]
            if node["is_leaf"]:
                return round(float(node["value"]), 5), float(node["value"])
            feature, over = int(node["feature_idx"]), float(node["num_threshold"])
            yes = rows[values[rows, feature] > over]
            no = rows[values[rows, feature] <= over]
            low, low_mean = walk(node["left"], no)
            high, high_mean = walk(node["right"], yes)
            heavy, light = weight[yes].sum(), weight[no].sum()
            mean = (heavy * high_mean + light * low_mean) / max(heavy + light, 1e-12)
            return {"ask": self.names[feature], "over": round(over, 4), "mean": round(mean, 5), "no": low, "yes": high}, mean

        return walk(0, np.arange(len(values)))[0]

    def margin(self, values):
        """The sum as Rust takes it, from the written trees."""
        at = {name: index for index, name in enumerate(self.names)}
        total = np.full(len(values), self.base)

        def add(tree, rows):
            if not isinstance(tree, dict):
                total[rows] += tree
                return
            over = values[rows, at[tree["ask"]]] > tree["over"]
            add(tree["yes"], rows[over])
            add(tree["no"], rows[~over])

        for tree in self.written:
            add(tree, np.arange(len(values)))
        return total

    def importance(self, values, weight):
        """Mean absolute part of each feature in the margin (Saabas)."""
        at = {name: index for index, name in enumerate(self.names)}
        parts = np.zeros((len(values), len(self.names)))

        def mean(tree):
            return tree["mean"] if isinstance(tree, dict) else tree

        def add(tree, rows):
            if not isinstance(tree, dict) or not len(rows):
                return
            feature = at[tree["ask"]]
            over = values[rows, feature] > tree["over"]
            for branch, chosen in ((tree["yes"], rows[over]), (tree["no"], rows[~over])):
                parts[chosen, feature] += mean(branch) - tree["mean"]
                add(branch, chosen)

        for tree in self.written:
            add(tree, np.arange(len(values)))
        share = (np.abs(parts) * weight[:, None]).sum(axis=0) / weight.sum()
        return {name: float(share[index]) for name, index in at.items()}

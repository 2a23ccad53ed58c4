#!/usr/bin/env python3
"""The statistics against known values, and the report on a small made-up set."""
import math
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import join
import report
import stats


class Statistics(unittest.TestCase):
    def test_exact_binomial_bounds(self):
        self.assertAlmostEqual(stats.upper_bound(0, 3000), 1 - 0.05 ** (1 / 3000), places=9)
        self.assertAlmostEqual(stats.upper_bound(1, 100), 0.046560, places=5)
        self.assertAlmostEqual(stats.lower_bound(90, 100), 0.836283, places=5)
        self.assertEqual(stats.upper_bound(0, 0), 1.0)
        self.assertEqual(stats.upper_bound(5, 5), 1.0)

    def test_a_threshold_lets_no_more_than_its_rate_pass(self):
        scores = [i / 1000 for i in range(1000)]
        for rate in (0, 0.001, 0.01, 0.05):
            limit = stats.threshold(scores, rate)
            self.assertEqual(sum(score > limit for score in scores), round(rate * 1000))
        self.assertLessEqual(sum(score > stats.threshold([0.5] * 100 + [0.9], 0.01) for score in [0.5] * 100 + [0.9]), 1)

    def test_clones_count_as_one_family(self):
        self.assertAlmostEqual(stats.macro({"large": [True] * 99 + [False], "small": [False]}), 0.495)
        low, high = stats.bootstrap({str(i): [i % 2 == 0] for i in range(200)})
        self.assertTrue(0.40 < low < 0.5 < high < 0.60)
        self.assertEqual(stats.bootstrap({"a": [True]}, seed=3), (1.0, 1.0))


def row(**more):
    return {"path": "p", "sha256": "0", "ecosystem": "pypi", "name": "n", "set": "benign-tune", "family": None, "month": None, "score": 0.0, "verdict": "allow", "signals": [], "holding": [], "kind": None, **more}


class Report(unittest.TestCase):
    def rows(self):
        rows = [row(set=f"benign-{part}", name=f"{part}{i}", score=i / 1000) for part in ("tune", "kept") for i in range(1000)]
        rows += [row(set="malicious-dev", family=f"f{i % 10}", month="2024-01", score=0.9995 if i % 10 < 7 else 0.2, verdict="hold" if i % 10 < 5 else "allow",
                     signals=["behaviour/x"], holding=["behaviour/x"] if i % 10 < 5 else [], kind="malware") for i in range(100)]
        rows += [row(set="benign-kept", name="secret-name", ecosystem="npm", score=None, verdict="error")]
        return [{**entry, "risk": math.inf if entry["score"] is None else entry["score"]} for entry in rows]

    def test_rates_on_a_made_up_set(self):
        text, data = report.report(self.rows(), "benign-tune")
        one_percent = data["curve"][3]
        self.assertAlmostEqual(one_percent["tpr"]["macro"], 0.7)
        self.assertEqual(one_percent["fpr"]["alarms"], 10 + 1)  # ten above the threshold, and the one without a score
        self.assertAlmostEqual(data["verdict"]["tpr"]["macro"], 0.5)
        self.assertEqual(data["verdict"]["benign-kept"]["alarms"], 1)
        self.assertAlmostEqual(data["detectors"]["behaviour/x"]["only"], 0.5)

    def test_no_name_of_the_kept_part_is_printed(self):
        text, _ = report.report(self.rows(), "benign-tune")
        self.assertNotIn("secret-name", text)

    def test_the_ablation_takes_off_one_contribution(self):
        rows = [{**entry, "logit": entry["score"] or 0.0, "contributions": {"a": (entry["score"] or 0.0)} if entry["set"] == "malicious-dev" else {}} for entry in self.rows()]
        _, data = report.report(rows, "benign-tune")
        self.assertAlmostEqual(data["ablation"]["None"][0], 0.7)
        self.assertAlmostEqual(data["ablation"]["a"][0], 0.0)


    def test_an_update_is_flagged_for_what_it_gains(self):
        pair = lambda **more: row(path="d/n.tgz", ecosystem="npm", **more)
        rows = [pair(set="pair-tune", malware=["a"]), pair(set="benign-tune", malware=["a"]), pair(set="inject-tune", shape="s", malware=["a", "b"])]
        _, data = report.report([{**entry, "risk": 0.0} for entry in rows], "benign-tune")
        self.assertEqual(data["pairs"]["tune/npm"], {"injected": 1, "held": 0, "gained": 1, "honest": 1, "honest_held": 0, "honest_gained": 0})


class Join(unittest.TestCase):
    def test_a_line_of_scan_keeps_what_the_verdict_rests_on(self):
        signal = lambda **more: {"id": "behaviour/x", "lens": "behaviour", "status": "present", "severity": "high", "confidence": 0.95, "kind": "malware", **more}
        scan = {"path": "p", "sha256": "sha256:ab", "verdict": "hold", "score": None, "error": None, "millis": 3,
                "signals": [signal(), signal(id="behaviour/y", confidence=0.5), signal(id="behaviour/z", status="failed"), signal(id="behaviour/w", kind="risky-habit")]}
        line = join.joined(scan, {"ecosystem": "npm", "name": "n", "set": "benign-tune"}, rules=True)
        self.assertEqual((line["sha256"], line["holding"], line["kind"], line["failed"]), ("ab", ["behaviour/x"], "malware", ["behaviour/z"]))
        self.assertEqual(line["signals"], ["behaviour/w", "behaviour/x", "behaviour/y"])
        self.assertGreater(line["score"], 0.6)
        self.assertIsNone(join.joined(scan, {}, rules=False)["score"])


if __name__ == "__main__":
    unittest.main()

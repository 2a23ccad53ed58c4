#!/usr/bin/env python3
"""Writes the model's card. usage: write_card.py REPORT.json KEPT.json > risk-score.md

A report on the part that was kept aside is taken when it is of the same model.
"""
import json
import pathlib
import sys

import card

report = json.loads(pathlib.Path(sys.argv[1]).read_text())
kept = pathlib.Path(sys.argv[2])
kept = json.loads(kept.read_text()) if kept.is_file() else None
print(card.render(report, kept if kept and kept["version"] == report["version"] else None), end="")

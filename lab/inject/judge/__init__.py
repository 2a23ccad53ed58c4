"""The JUDGE family: styles that only the report uses.

Not to be read, printed or run on single artifacts by anybody who tunes detectors, thresholds or the model. The seeds,
names, addresses, ways of hiding and places are disjoint from those of the TUNE family.
"""
SYLLABLES = ["ka", "ro", "mi", "tel", "vor", "san", "du", "lex", "pi", "qua", "zen", "ob", "ur", "fi"]


def ident(rng):
    style = rng.randrange(4)
    if style == 0:
        return "_0x" + "".join(rng.choice("0123456789abcdef") for _ in range(5))
    if style == 1:
        return rng.choice("abcdefghkmnpqrstuvwxyz") + str(rng.randrange(10, 99))
    name = "".join(rng.choice(SYLLABLES) for _ in range(rng.randrange(2, 4)))
    return name if style == 2 else "_" + name


POOLS = {
    "hosts": ["assets.example.net", "collector.example.org", "pkg.example", "edge-7.example.net", "t.example.org", "metrics.invalid", "dl.mirror.example"],
    "nets": ["198.51.100.", "203.0.113."],
    "raw_ip": 0.35,
    "ports": [8443, 5000, 9001, 31337, 2082],
    "paths": ["v2/metrics", "dist/runtime-linux-x64", "o/l", "s?id=77", "bundle.dat", "icons/logo.png", "releases/latest/tool", "e/3f9a", "api/webhooks/1/x"],
    "deps": ["compat-layer-x", "fast-shim-runtime", "polyglot-bridge", "minitrace-node"],
    "ident": ident,
}

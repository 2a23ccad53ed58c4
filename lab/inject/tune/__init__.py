"""The TUNE family: styles that detectors and the model may be tuned on. See lab/README.md."""
import string

WORDS = ["init", "setup", "helper", "config", "loader", "update", "client", "data", "result", "worker", "target", "buffer", "handle", "task", "proc", "state"]


def ident(rng):
    return rng.choice(WORDS) + rng.choice(["", "", "_", ""]) + rng.choice(["", rng.choice(WORDS), rng.choice(string.ascii_lowercase), str(rng.randrange(10))])


POOLS = {
    "hosts": ["cdn.example.com", "api.example.com", "hooks.example.com", "files.example.com", "example.com"],
    "nets": ["192.0.2."],
    "raw_ip": 0.4,
    "ports": [80, 8080, 4444, 1337, 3000],
    "paths": ["payload.bin", "stage2", "i.sh", "update.exe", "agent", "a/b/c", "collect", "hook/1234/abcd"],
    "js_files": ["setup.js", "install.js", "preinstall.js", "postinstall.js", "helper.js", "lib-loader.js", "init.js"],
    "py_files": ["_init_helper.py", "_loader.py", "telemetry.py", "_update.py", "runtime.py"],
    "deps": ["example-helper-lib", "example-logger-utils", "example-core-js"],
    "ident": ident,
}

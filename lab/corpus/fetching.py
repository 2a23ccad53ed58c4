"""What the fetchers of crates, modules and jars share: the queue, the log that makes a run resumable, the digest."""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shutil
import sys

MOST_BYTES = 40_000_000


def read(path):
    path = pathlib.Path(path)
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def waiting(wanted_file, log_file):
    done = {(entry["name"], entry["wanted"]) for entry in read(log_file)}
    return [entry for entry in read(wanted_file) if (entry["name"], entry["version"]) not in done]


def keep(found, folder, part, filename):
    """Copies a client's file into the corpus; gives what the log says about it."""
    size = found.stat().st_size
    if size > MOST_BYTES:
        raise ValueError("larger than the lab takes")
    target = folder / part / re.sub(r"[^A-Za-z0-9._+@-]", "_", filename)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".part")
    shutil.copyfile(found, partial)
    os.replace(partial, target)
    return {"filename": target.name, "size": size, "sha256": hashlib.sha256(target.read_bytes()).hexdigest()}


def why(error):
    """One line for the log, without addresses."""
    return re.sub(r"https?://\S+", "the registry", f"{type(error).__name__}: {error}")[:300]


def run(queue, log_file, one, parallel):
    """Calls one(entry) for each wanted release and appends its answer, or the error, to the log."""
    def guarded(entry):
        line = {"name": entry["name"], "wanted": entry["version"], "set": entry["set"]}
        try:
            return {**line, **one(entry)}
        except Exception as error:  # one bad release must not end the run; the log says why it is missing
            return {**line, "error": why(error)}

    with open(log_file, "a") as log, concurrent.futures.ThreadPoolExecutor(parallel) as pool:
        for count, line in enumerate(pool.map(guarded, queue), 1):
            log.write(json.dumps(line) + "\n")
            log.flush()
            if count % 50 == 0:
                print(f"{count} done, {len(queue) - count} to go", file=sys.stderr)

"""Runs a command and tells what it and all its children took.

In: a command. Out: wall seconds; processor seconds of the process and of every child that was waited for (`wait4`), so
a program that leaves its children unwaited is found out by `unwaited`; peak resident memory, summed over all processes
that lived at the same time (shared pages are counted for each of them, so the sum errs upwards).
"""
import os
import pathlib
import subprocess
import tempfile
import threading
import time

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Failed(Exception):
    """The command ended with a code that was not expected."""


def _read(pid, name):
    try:
        return pathlib.Path(f"/proc/{pid}/{name}").read_text()
    except OSError:
        return ""


def _tree(root):
    """The process and all that descend from it, with their processor seconds and resident bytes."""
    found, pending = {}, [root]
    while pending:
        pid = pending.pop()
        stat, statm = _read(pid, "stat"), _read(pid, "statm").split()
        fields = stat.rpartition(")")[2].split()
        if len(fields) < 13 or len(statm) < 2:
            continue
        found[pid] = ((int(fields[11]) + int(fields[12])) / TICK, int(statm[1]) * PAGE)
        for task in _children_folders(pid):
            pending.extend(int(child) for child in task.split())
    return found


def _children_folders(pid):
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    return [_read(pid, f"task/{task}/children") for task in tasks]


class _Watch(threading.Thread):
    """Looks at the tree of processes until told to stop."""

    def __init__(self, root, every):
        super().__init__(daemon=True)
        self.root, self.every = root, every
        self.stopped = threading.Event()
        self.peak, self.processes, self.cpu = 0, 0, {}

    def run(self):
        while not self.stopped.wait(self.every):
            tree = _tree(self.root)
            self.peak = max(self.peak, sum(resident for _, resident in tree.values()))
            self.processes = max(self.processes, len(tree))
            for pid, (cpu, _) in tree.items():
                self.cpu[pid] = max(cpu, self.cpu.get(pid, 0))


def timed(command, cwd=None, env=None, ok=(0, 1), every=0.02):
    """Runs a command to its end. Raises `Failed` on an exit code that is not in `ok`."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.monotonic()
        process = subprocess.Popen([str(part) for part in command], cwd=cwd, env=env, stdout=out, stderr=err, stdin=subprocess.DEVNULL)
        watch = _Watch(process.pid, every)
        watch.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
        watch.stopped.set()
        watch.join()
        code = process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        output, message = out.read(), err.read().decode(errors="replace")
    if code not in ok:
        raise Failed(f"{' '.join(map(str, command))} ended with {code}:\n{message}\n{output[:4000].decode(errors='replace')}")
    cpu = usage.ru_utime + usage.ru_stime
    # What was seen of the processes while they lived, less what was counted: time of children that nobody waited for.
    unwaited = max(0.0, sum(watch.cpu.values()) - cpu)
    return {"wall": wall, "cpu": cpu, "unwaited": unwaited, "mb": max(watch.peak / 1e6, usage.ru_maxrss * 1024 / 1e6),
            "processes": watch.processes, "code": code, "out": output, "err": message}

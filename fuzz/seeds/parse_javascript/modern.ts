#!/usr/bin/env node
import fs, { readFileSync as r } from "node:fs";
import type { X } from "./x";
export * as y from "./y.js";
enum E { A = 1 << 2, B = "b" }
namespace N { export const z = `a${1 + `${2}`}b`; }
abstract class C<T extends object = {}> extends (class {}) implements I { static #p?: number = 0; @dec() async *[Symbol.iterator](this: C<T>) { yield* super.x?.(); } static { this.#p ??= 1; } get a() { return new.target; } }
const { a: { b = 1, ...rest }, ["c" + 1]: d } = await import("./" + r("x", "utf8"));
label: for (const [k, v] of Object.entries(rest as any)) { if (!k) continue label; else break label; }
try { throw /re[/]x/giu } catch { } finally { debugger }
let f = async (x = 1, ...y) => x ** 2 ?? y, g = function* () {}, big = 10n, o = { __proto__: null, f, async *g() {}, get h() { return 1 } };
switch (typeof o) { case "x": default: void 0, delete o.f }
do { var q = <T,>(x: T): x is T => true } while (false)
eval(atob("MSsx")); Function("return 1")(); require("child_" + "process").exec(["e", "c", "h", "o"].join(""));

"""Adds a static initialiser to a class file: `static { Other.method(); }`.

The constant pool gets seven entries, the class a `<clinit>` of two instructions (invokestatic, return), which is straight
code and needs no frames. A class that has a static initialiser already, an interface or a module description is refused.
"""
import struct

SIZES = {3: 4, 4: 4, 5: 8, 6: 8, 7: 2, 8: 2, 9: 4, 10: 4, 11: 4, 12: 4, 15: 3, 16: 2, 17: 4, 18: 4, 19: 2, 20: 2}


def initialise(data, other, method):
    """The changed class, or None when the class is refused. `other` is an internal name (a/b/C)."""
    if data[:4] != b"\xca\xfe\xba\xbe":
        return None
    count = struct.unpack_from(">H", data, 8)[0]
    position, index, words = 10, 1, {}
    while index < count:
        tag = data[position]
        if tag == 1:
            length = struct.unpack_from(">H", data, position + 1)[0]
            words[index] = data[position + 3: position + 3 + length]
            position += 3 + length
        elif tag in SIZES:
            position += 1 + SIZES[tag]
        else:
            return None
        index += 2 if tag in (5, 6) else 1
    pool_end = position
    access = struct.unpack_from(">H", data, position)[0]
    if access & 0x8200 or b"<clinit>" in words.values() or count > 65_000:
        return None
    interfaces = struct.unpack_from(">H", data, position + 6)[0]
    position += 8 + 2 * interfaces

    def skip_members(position):
        number = struct.unpack_from(">H", data, position)[0]
        position += 2
        for _ in range(number):
            attributes = struct.unpack_from(">H", data, position + 6)[0]
            position += 8
            for _ in range(attributes):
                position += 6 + struct.unpack_from(">I", data, position + 2)[0]
        return position

    methods_at = skip_members(position)
    methods_end = skip_members(methods_at)
    number = struct.unpack_from(">H", data, methods_at)[0]
    utf8 = lambda text: b"\x01" + struct.pack(">H", len(text)) + text
    at = lambda offset: count + offset
    pool = b"".join([
        utf8(other.encode()), b"\x07" + struct.pack(">H", at(0)), utf8(method.encode()), utf8(b"()V"),
        b"\x0c" + struct.pack(">HH", at(2), at(3)), b"\x0a" + struct.pack(">HH", at(1), at(4)), utf8(b"<clinit>"), utf8(b"Code"),
    ])
    body = b"\xb8" + struct.pack(">H", at(5)) + b"\xb1"
    code = struct.pack(">HHI", 0, 0, len(body)) + body + struct.pack(">HH", 0, 0)
    clinit = struct.pack(">HHHH", 0x0008, at(6), at(3), 1) + struct.pack(">HI", at(7), len(code)) + code
    return (data[:8] + struct.pack(">H", count + 8) + data[10:pool_end] + pool + data[pool_end:methods_at]
            + struct.pack(">H", number + 1) + data[methods_at + 2:methods_end] + clinit + data[methods_end:])

//! Class files assembled by hand (JVMS §4, <https://docs.oracle.com/javase/specs/jvms/se17/html/jvms-4.html>), so that
//! tests need no Java compiler. They are meant to be parsed, never to be loaded: no stack maps, no verification.

use std::collections::HashMap;

/// One instruction.
#[derive(Debug, Clone, Copy)]
pub enum Step<'a> {
    /// `ldc` of a string.
    Text(&'a str),
    /// `new` of a class, and `dup`.
    New(&'a str),
    /// An array of these strings: `anewarray`, and `dup`, `bipush`, `ldc`, `aastore` for each.
    Texts(&'a [&'a str]),
    /// `pop`.
    Pop,
    /// `invokespecial` of class, name, descriptor.
    Special(&'a str, &'a str, &'a str),
    /// `invokevirtual` of class, name, descriptor.
    Virtual(&'a str, &'a str, &'a str),
    /// `invokestatic` of class, name, descriptor.
    Static(&'a str, &'a str, &'a str),
}

#[derive(Default)]
struct Pool {
    bytes: Vec<u8>,
    count: u16,
    known: HashMap<Vec<u8>, u16>,
}

impl Pool {
    fn add(&mut self, entry: Vec<u8>) -> u16 {
        if let Some(index) = self.known.get(&entry) {
            return *index;
        }
        self.count += 1;
        self.bytes.extend(&entry);
        self.known.insert(entry, self.count);
        self.count
    }

    fn utf8(&mut self, text: &str) -> u16 {
        let mut entry = vec![1];
        entry.extend((text.len() as u16).to_be_bytes());
        entry.extend(text.as_bytes());
        self.add(entry)
    }

    fn tagged(&mut self, tag: u8, indexes: &[u16]) -> u16 {
        let mut entry = vec![tag];
        for index in indexes {
            entry.extend(index.to_be_bytes());
        }
        self.add(entry)
    }

    fn class(&mut self, name: &str) -> u16 {
        let name = self.utf8(name);
        self.tagged(7, &[name])
    }

    fn method(&mut self, class: &str, name: &str, descriptor: &str) -> u16 {
        let class = self.class(class);
        let (name, descriptor) = (self.utf8(name), self.utf8(descriptor));
        let name_and_type = self.tagged(12, &[name, descriptor]);
        self.tagged(10, &[class, name_and_type])
    }
}

/// A public class `name` (`com/example/Thing`) with one method `method` `()V` that does `steps`. `<clinit>` is the static
/// initialiser, which runs when the class is first used.
pub fn class_file(name: &str, method: &str, steps: &[Step<'_>]) -> Vec<u8> {
    let mut pool = Pool::default();
    let mut code = Vec::new();
    for step in steps {
        let (opcode, index) = match step {
            Step::Text(text) => {
                let text = pool.utf8(text);
                (0x13, pool.tagged(8, &[text]))
            }
            Step::Texts(texts) => {
                code.extend([0x10, texts.len() as u8, 0xbd]);
                code.extend(pool.class("java/lang/String").to_be_bytes());
                for (index, text) in texts.iter().enumerate() {
                    let text = pool.utf8(text);
                    code.extend([0x59, 0x10, index as u8, 0x13]);
                    code.extend(pool.tagged(8, &[text]).to_be_bytes());
                    code.push(0x53);
                }
                continue;
            }
            Step::New(class) => (0xbb, pool.class(class)),
            Step::Pop => {
                code.push(0x57);
                continue;
            }
            Step::Special(class, name, descriptor) => (0xb7, pool.method(class, name, descriptor)),
            Step::Virtual(class, name, descriptor) => (0xb6, pool.method(class, name, descriptor)),
            Step::Static(class, name, descriptor) => (0xb8, pool.method(class, name, descriptor)),
        };
        code.push(opcode);
        code.extend(u16::to_be_bytes(index));
        if matches!(step, Step::New(_)) {
            code.push(0x59);
        }
    }
    code.push(0xb1);

    let (this, parent) = (pool.class(name), pool.class("java/lang/Object"));
    let (method_name, descriptor, code_name) = (pool.utf8(method), pool.utf8("()V"), pool.utf8("Code"));
    let mut out = vec![0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 52];
    out.extend((pool.count + 1).to_be_bytes());
    out.extend(&pool.bytes);
    for number in [0x0021, this, parent, 0, 0, 1, 0x0008, method_name, descriptor, 1, code_name] {
        out.extend(u16::to_be_bytes(number));
    }
    out.extend((code.len() as u32 + 12).to_be_bytes());
    out.extend([0, 8, 0, 2]);
    out.extend((code.len() as u32).to_be_bytes());
    out.extend(code);
    out.extend([0; 6]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_has_its_magic_and_names() {
        let bytes = class_file("com/example/A", "<clinit>", &[Step::Text("hello"), Step::Pop]);
        assert_eq!(&bytes[..4], &[0xca, 0xfe, 0xba, 0xbe]);
        assert!(bytes.windows(13).any(|part| part == b"com/example/A"));
    }
}

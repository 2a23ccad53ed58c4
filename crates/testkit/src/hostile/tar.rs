//! Tar streams written header by header, so that they may lie.

/// One tar header, every field free.
#[derive(Debug, Clone)]
pub struct TarHeader {
    block: [u8; 512],
}

impl TarHeader {
    /// A ustar header for an entry `kind` (`b'0'` file, `b'2'` symbolic link, …).
    pub fn new(name: &[u8], kind: u8, size: u64) -> Self {
        let mut header = TarHeader { block: [0; 512] };
        header.put(0, &name[..name.len().min(100)]);
        header.put(100, b"0000644\0");
        header.put(108, b"0000000\0");
        header.put(116, b"0000000\0");
        header.put(124, format!("{size:011o}\0").as_bytes());
        header.put(136, b"00000000000\0");
        header.block[156] = kind;
        header.put(257, b"ustar\x0000");
        header
    }

    /// Writes bytes at an offset.
    pub fn put(&mut self, at: usize, bytes: &[u8]) -> &mut Self {
        self.block[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    /// With a link target.
    pub fn target(mut self, target: &[u8]) -> Self {
        self.put(157, target);
        self
    }

    /// With a size in base 256, which reaches beyond octal digits.
    pub fn large_size(mut self, size: u64) -> Self {
        self.put(124, &[0x80, 0, 0, 0]);
        self.put(128, &size.to_be_bytes());
        self
    }

    /// The block with a right checksum.
    pub fn block(mut self) -> [u8; 512] {
        self.put(148, b"        ");
        let sum: u32 = self.block.iter().map(|&byte| u32::from(byte)).sum();
        self.put(148, format!("{sum:06o}\0 ").as_bytes());
        self.block
    }
}

/// A tar stream that grows.
#[derive(Debug, Clone, Default)]
pub struct TarBuilder {
    bytes: Vec<u8>,
}

impl TarBuilder {
    /// An empty stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// A header and content padded to blocks.
    pub fn entry(mut self, header: TarHeader, data: &[u8]) -> Self {
        self.bytes.extend_from_slice(&header.block());
        self.bytes.extend_from_slice(data);
        self.bytes.resize(self.bytes.len().next_multiple_of(512), 0);
        self
    }

    /// A file.
    pub fn file(self, name: &str, data: &[u8]) -> Self {
        self.entry(TarHeader::new(name.as_bytes(), b'0', data.len() as u64), data)
    }

    /// A symbolic link.
    pub fn symlink(self, name: &str, target: &str) -> Self {
        self.entry(TarHeader::new(name.as_bytes(), b'2', 0).target(target.as_bytes()), b"")
    }

    /// A hard link.
    pub fn hard_link(self, name: &str, target: &str) -> Self {
        self.entry(TarHeader::new(name.as_bytes(), b'1', 0).target(target.as_bytes()), b"")
    }

    /// An extended header (`b'x'` or `b'g'`) with records.
    pub fn pax(self, kind: u8, records: &[(&str, &[u8])]) -> Self {
        let mut content = Vec::new();
        for (key, value) in records {
            let rest = key.len() + value.len() + 3;
            let mut length = rest + 1;
            while length != rest + length.to_string().len() {
                length += 1;
            }
            content.extend_from_slice(format!("{length} {key}=").as_bytes());
            content.extend_from_slice(value);
            content.push(b'\n');
        }
        self.entry(TarHeader::new(b"PaxHeaders/x", kind, content.len() as u64), &content)
    }

    /// A GNU long name (`b'L'`) or long link (`b'K'`).
    pub fn long(self, kind: u8, name: &[u8]) -> Self {
        let mut content = name.to_vec();
        content.push(0);
        self.entry(TarHeader::new(b"././@LongLink", kind, content.len() as u64), &content)
    }

    /// Bytes as they are.
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// The stream without closing blocks.
    pub fn unfinished(self) -> Vec<u8> {
        self.bytes
    }

    /// The stream with its two closing blocks.
    pub fn finish(self) -> Vec<u8> {
        self.raw(&[0; 1024]).bytes
    }
}

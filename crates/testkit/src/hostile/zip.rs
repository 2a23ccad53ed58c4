//! Zip archives written record by record, so that their headers may contradict each other.

use super::compress;

/// The fields that both headers of an entry have.
#[derive(Debug, Clone, Default)]
pub struct ZipFields {
    /// Name.
    pub name: Vec<u8>,
    /// General purpose flags.
    pub flags: u16,
    /// Compression method.
    pub method: u16,
    /// CRC-32.
    pub crc: u32,
    /// Compressed size.
    pub compressed: u32,
    /// Size.
    pub size: u32,
    /// Extra block.
    pub extra: Vec<u8>,
}

/// One entry.
#[derive(Debug, Clone, Default)]
pub struct ZipEntry {
    /// What stands before the data; `None` leaves header and data out.
    pub local: Option<ZipFields>,
    /// What the directory says; `None` leaves it out of the directory.
    pub central: Option<ZipFields>,
    /// The data as it lies in the file.
    pub data: Vec<u8>,
    /// What follows the data.
    pub descriptor: Vec<u8>,
    /// Unix mode with its type bits.
    pub mode: u32,
    /// The offset in the directory, where it is not the true one.
    pub offset: Option<u32>,
}

impl ZipEntry {
    fn new(name: &[u8], content: &[u8], method: u16, data: Vec<u8>) -> Self {
        let fields = ZipFields {
            name: name.to_vec(),
            method,
            crc: compress::crc32(content),
            compressed: data.len() as u32,
            size: content.len() as u32,
            ..ZipFields::default()
        };
        ZipEntry { local: Some(fields.clone()), central: Some(fields), data, mode: 0o100_644, ..ZipEntry::default() }
    }

    /// Stored, with any bytes for a name.
    pub fn raw(name: &[u8], content: &[u8]) -> Self {
        Self::new(name, content, 0, content.to_vec())
    }

    /// Stored.
    pub fn stored(name: &str, content: &[u8]) -> Self {
        Self::raw(name.as_bytes(), content)
    }

    /// Deflated.
    pub fn deflated(name: &str, content: &[u8]) -> Self {
        Self::new(name.as_bytes(), content, 8, compress::deflate(content))
    }

    /// bzip2.
    pub fn bzip2(name: &str, content: &[u8]) -> Self {
        Self::new(name.as_bytes(), content, 12, compress::bzip2(content))
    }

    /// zstd.
    pub fn zstd(name: &str, content: &[u8]) -> Self {
        Self::new(name.as_bytes(), content, 93, compress::zstd(content))
    }

    /// Changes both headers.
    pub fn both(mut self, change: impl Fn(&mut ZipFields)) -> Self {
        self.local.as_mut().into_iter().chain(self.central.as_mut()).for_each(change);
        self
    }

    /// Changes the header before the data.
    pub fn local(mut self, change: impl Fn(&mut ZipFields)) -> Self {
        self.local.as_mut().into_iter().for_each(change);
        self
    }

    /// Changes the directory's record.
    pub fn central(mut self, change: impl Fn(&mut ZipFields)) -> Self {
        self.central.as_mut().into_iter().for_each(change);
        self
    }

    /// With a Unix mode.
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// As a writer that cannot seek leaves it: sizes behind the data.
    pub fn streamed(mut self) -> Self {
        if let Some(central) = &self.central {
            self.descriptor = b"PK\x07\x08".to_vec();
            for value in [central.crc, central.compressed, central.size] {
                self.descriptor.extend_from_slice(&value.to_le_bytes());
            }
        }
        self.both(|fields| fields.flags |= 1 << 3).local(|fields| (fields.crc, fields.compressed, fields.size) = (0, 0, 0))
    }

    /// With its sizes in a zip64 field.
    pub fn zip64(self) -> Self {
        self.both(|fields| {
            let mut extra = vec![1, 0, 16, 0];
            extra.extend_from_slice(&u64::from(fields.size).to_le_bytes());
            extra.extend_from_slice(&u64::from(fields.compressed).to_le_bytes());
            (fields.size, fields.compressed, fields.extra) = (u32::MAX, u32::MAX, extra);
        })
    }

    /// Only in the directory, at another entry's place.
    pub fn at(mut self, offset: u32) -> Self {
        (self.local, self.offset) = (None, Some(offset));
        self
    }

    /// Not in the directory.
    pub fn unlisted(mut self) -> Self {
        self.central = None;
        self
    }
}

/// A whole archive and the records at its end.
#[derive(Debug, Clone)]
pub struct Zip {
    body: Vec<u8>,
    directory: Vec<u8>,
    count: u16,
    comment: Vec<u8>,
    end64: Option<u64>,
    end: [(usize, u16); 2],
}

impl Zip {
    /// Lays out entries in order.
    pub fn of(entries: &[ZipEntry]) -> Self {
        let (mut body, mut directory, mut count) = (Vec::new(), Vec::new(), 0);
        for entry in entries {
            let offset = body.len() as u32;
            if let Some(local) = &entry.local {
                body.extend_from_slice(b"PK\x03\x04\x14\x00");
                put_fields(&mut body, local);
                body.extend_from_slice(&local.name);
                body.extend_from_slice(&local.extra);
                body.extend_from_slice(&entry.data);
                body.extend_from_slice(&entry.descriptor);
            }
            if let Some(central) = &entry.central {
                directory.extend_from_slice(b"PK\x01\x02\x14\x03\x14\x00");
                put_fields(&mut directory, central);
                directory.extend_from_slice(&[0; 6]);
                directory.extend_from_slice(&(entry.mode << 16).to_le_bytes());
                directory.extend_from_slice(&entry.offset.unwrap_or(offset).to_le_bytes());
                directory.extend_from_slice(&central.name);
                directory.extend_from_slice(&central.extra);
                count += 1;
            }
        }
        Zip { body, directory, count, comment: Vec::new(), end64: None, end: [(0, 0); 2] }
    }

    /// With a comment.
    pub fn comment(mut self, comment: &[u8]) -> Self {
        self.comment = comment.to_vec();
        self
    }

    /// With bytes between the last entry and the directory.
    pub fn before_directory(mut self, bytes: &[u8]) -> Self {
        self.body.extend_from_slice(bytes);
        self
    }

    /// With another number of entries in the end record.
    pub fn count(mut self, count: u16) -> Self {
        self.count = count;
        self
    }

    /// As the second volume of several.
    pub fn second_volume(mut self) -> Self {
        self.end = [(4, 1), (6, 1)];
        self
    }

    /// With a zip64 end record that says the same.
    pub fn zip64_end(self) -> Self {
        let count = u64::from(self.count);
        self.zip64_end_with(count)
    }

    /// With a zip64 end record that tells another number of entries.
    pub fn zip64_end_with(mut self, count: u64) -> Self {
        self.end64 = Some(count);
        self
    }

    /// The archive.
    pub fn bytes(self) -> Vec<u8> {
        let mut out = self.body;
        let start = out.len();
        out.extend_from_slice(&self.directory);
        if let Some(count) = self.end64 {
            let at = out.len() as u64;
            out.extend_from_slice(b"PK\x06\x06");
            out.extend_from_slice(&44_u64.to_le_bytes());
            out.extend_from_slice(&[45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            for value in [count, count, self.directory.len() as u64, start as u64] {
                out.extend_from_slice(&value.to_le_bytes());
            }
            out.extend_from_slice(b"PK\x06\x07\0\0\0\0");
            out.extend_from_slice(&at.to_le_bytes());
            out.extend_from_slice(&1_u32.to_le_bytes());
        }
        let mut end = b"PK\x05\x06\0\0\0\0".to_vec();
        end.extend_from_slice(&self.count.to_le_bytes());
        end.extend_from_slice(&self.count.to_le_bytes());
        end.extend_from_slice(&(self.directory.len() as u32).to_le_bytes());
        end.extend_from_slice(&(start as u32).to_le_bytes());
        end.extend_from_slice(&(self.comment.len() as u16).to_le_bytes());
        for (at, value) in self.end.into_iter().filter(|&(at, _)| at != 0) {
            end[at..at + 2].copy_from_slice(&value.to_le_bytes());
        }
        out.extend_from_slice(&end);
        out.extend_from_slice(&self.comment);
        out
    }
}

/// The archive of `entries` with an honest end.
pub fn write(entries: &[ZipEntry]) -> Vec<u8> {
    Zip::of(entries).bytes()
}

fn put_fields(out: &mut Vec<u8>, fields: &ZipFields) {
    for half in [fields.flags, fields.method, 0, 0x21] {
        out.extend_from_slice(&half.to_le_bytes());
    }
    for word in [fields.crc, fields.compressed, fields.size] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.extend_from_slice(&(fields.name.len() as u16).to_le_bytes());
    out.extend_from_slice(&(fields.extra.len() as u16).to_le_bytes());
}

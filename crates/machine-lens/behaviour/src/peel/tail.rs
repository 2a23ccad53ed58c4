//! Data behind the end of an image: viewers stop where the format ends, code that opens the file itself reads on.

/// What follows the end of a PNG, JPEG, GIF or BMP; `None` where the bytes are none of these or nothing follows.
pub(crate) fn appended(bytes: &[u8]) -> Option<&[u8]> {
    let end = if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        png(bytes)
    } else if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
        jpeg(bytes)
    } else if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") {
        gif(bytes)
    } else if bytes.starts_with(b"BM") {
        bytes.get(2..6).and_then(|size| size.try_into().ok()).map(|size| u32::from_le_bytes(size) as usize).filter(|size| *size >= 26)
    } else {
        None
    }?;
    bytes.get(end..).filter(|rest| rest.iter().any(|byte| *byte != 0))
}

/// Chunks of length, name, data, checksum up to `IEND`.
fn png(bytes: &[u8]) -> Option<usize> {
    let mut at = 8usize;
    loop {
        let head = bytes.get(at..at.checked_add(8)?)?;
        let length = u32::from_be_bytes(head.get(..4)?.try_into().ok()?) as usize;
        at = at.checked_add(length)?.checked_add(12)?;
        if head.get(4..) == Some(b"IEND") {
            return Some(at);
        }
    }
}

/// Segments up to a scan, then entropy-coded bytes in which `ff` only stands before `00` or a restart.
fn jpeg(bytes: &[u8]) -> Option<usize> {
    let mut at = 2usize;
    loop {
        if bytes.get(at)? != &0xff {
            return None;
        }
        let marker = *bytes.get(at + 1)?;
        match marker {
            0xd9 => return Some(at + 2),
            0xff => {
                at += 1;
                continue;
            }
            0x01 | 0xd0..=0xd8 => {
                at += 2;
                continue;
            }
            _ => {}
        }
        let length = usize::from(u16::from_be_bytes(bytes.get(at + 2..at + 4)?.try_into().ok()?));
        at = at.checked_add(2 + length.max(2))?;
        if marker == 0xda {
            loop {
                at += memchr::memchr(0xff, bytes.get(at..)?)?;
                match bytes.get(at + 1)? {
                    0x00 | 0xd0..=0xd7 => at += 2,
                    _ => break,
                }
            }
        }
    }
}

/// Blocks up to the trailer.
fn gif(bytes: &[u8]) -> Option<usize> {
    let table = |flags: u8| if flags & 0x80 != 0 { 3 << ((flags & 7) + 1) } else { 0usize };
    let mut at = 13 + table(*bytes.get(10)?);
    loop {
        match bytes.get(at)? {
            0x3b => return Some(at + 1),
            0x21 => at += 2,
            0x2c => at += 11 + table(*bytes.get(at + 9)?),
            _ => return None,
        }
        loop {
            let length = usize::from(*bytes.get(at)?);
            at += 1 + length;
            if length == 0 {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\x01IHDR\0\0\0\0\0\0\0\0\0IEND\xaeB\x60\x82";
    const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x04ab\xff\xda\0\x02\x01\xff\0\x02\xff\xd0\x03\xff\xd9";
    const GIF: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0abcdef\x21\xfe\x01x\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x01\x44\0\x3b";

    #[test]
    fn what_follows_an_image_is_found_and_the_image_itself_is_not() {
        for image in [PNG, JPEG, GIF] {
            assert_eq!(appended(image), None);
            assert_eq!(appended(&[image, b"\0\0"].concat()), None);
            assert_eq!(appended(&[image, b"import os"].concat()), Some(&b"import os"[..]), "{image:?}");
        }
    }

    #[test]
    fn every_cut_ends() {
        for image in [PNG, JPEG, GIF] {
            for length in 0..image.len() {
                assert_eq!(appended(&image[..length]), None);
            }
        }
        assert_eq!(appended(b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffIHDR"), None);
        assert_eq!(appended(b"BM\x05\0\0\0"), None);
    }
}

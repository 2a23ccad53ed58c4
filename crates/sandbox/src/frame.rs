//! Frames on the wire: a head of fixed length, then header bytes, then payload bytes. All numbers little endian.
//!
//! | bytes | what |
//! | --- | --- |
//! | 4 | `BFCL` |
//! | 2 | [`PROTOCOL_VERSION`] |
//! | 2 | kind |
//! | 8 | id of the request, 0 outside of requests |
//! | 4 | header bytes |
//! | 8 | payload bytes |

/// The version of the wire. Parent and child are the same program; a difference means that it was replaced under a
/// running server.
pub const PROTOCOL_VERSION: u16 = 2;

pub(crate) const HEAD_LENGTH: usize = 28;
/// The header of an answer: processor time in nanoseconds.
pub(crate) const ANSWER_HEADER: u32 = 8;
const MAGIC: [u8; 4] = *b"BFCL";

/// What a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Parent to child, first: the limits as JSON in the header.
    Limits,
    /// Child to parent, first: the report as JSON in the header.
    Hello,
    /// Parent to child.
    Request,
    /// Child to parent: the processor time in the header, the answer in the payload.
    Answer,
}

impl Kind {
    const fn number(self) -> u16 {
        match self {
            Kind::Limits => 1,
            Kind::Hello => 2,
            Kind::Request => 3,
            Kind::Answer => 4,
        }
    }
}

/// The head of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) kind: Kind,
    pub(crate) id: u64,
    pub(crate) header: u32,
    pub(crate) payload: u64,
}

impl Head {
    pub(crate) fn encode(self) -> [u8; HEAD_LENGTH] {
        let mut out = [0; HEAD_LENGTH];
        out[..4].copy_from_slice(&MAGIC);
        out[4..6].copy_from_slice(&PROTOCOL_VERSION.to_le_bytes());
        out[6..8].copy_from_slice(&self.kind.number().to_le_bytes());
        out[8..16].copy_from_slice(&self.id.to_le_bytes());
        out[16..20].copy_from_slice(&self.header.to_le_bytes());
        out[20..28].copy_from_slice(&self.payload.to_le_bytes());
        out
    }

    /// The head that `bytes` hold, which must be of `kind` and within the bounds.
    pub(crate) fn decode(bytes: &[u8; HEAD_LENGTH], kind: Kind, max_header: u32, max_payload: u64) -> Result<Head, String> {
        let [m0, m1, m2, m3, v0, v1, k0, k1, rest @ ..] = *bytes;
        let [i0, i1, i2, i3, i4, i5, i6, i7, h0, h1, h2, h3, p0, p1, p2, p3, p4, p5, p6, p7] = rest;
        if [m0, m1, m2, m3] != MAGIC {
            return Err(format!("not a frame: {:02x?}", [m0, m1, m2, m3]));
        }
        let version = u16::from_le_bytes([v0, v1]);
        if version != PROTOCOL_VERSION {
            return Err(format!("protocol version {version}, expected {PROTOCOL_VERSION}"));
        }
        let number = u16::from_le_bytes([k0, k1]);
        if number != kind.number() {
            return Err(format!("a frame of kind {number}, expected {kind:?}"));
        }
        let head = Head {
            kind,
            id: u64::from_le_bytes([i0, i1, i2, i3, i4, i5, i6, i7]),
            header: u32::from_le_bytes([h0, h1, h2, h3]),
            payload: u64::from_le_bytes([p0, p1, p2, p3, p4, p5, p6, p7]),
        };
        if head.header > max_header || head.payload > max_payload {
            return Err(format!(
                "a frame of {} and {} bytes, at most {max_header} and {max_payload} are allowed",
                head.header, head.payload
            ));
        }
        Ok(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: Head = Head { kind: Kind::Answer, id: 7, header: 3, payload: 1 << 33 };

    #[test]
    fn a_head_survives_the_wire() {
        assert_eq!(Head::decode(&HEAD.encode(), Kind::Answer, 3, 1 << 33), Ok(HEAD));
    }

    #[test]
    fn every_lie_in_a_head_is_told() {
        let refused = |change: fn(&mut [u8; HEAD_LENGTH])| {
            let mut bytes = HEAD.encode();
            change(&mut bytes);
            Head::decode(&bytes, Kind::Answer, 3, 1 << 33).unwrap_err()
        };
        assert!(refused(|bytes| bytes[0] = b'X').starts_with("not a frame"));
        assert_eq!(refused(|bytes| bytes[4] = 9), "protocol version 9, expected 2");
        assert_eq!(refused(|bytes| bytes[6] = 3), "a frame of kind 3, expected Answer");
        assert!(refused(|bytes| bytes[16] = 4).contains("4 and"));
        assert!(refused(|bytes| bytes[27] = 0xff).contains("are allowed"));
    }
}

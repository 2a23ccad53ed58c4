//! Faults: what a test makes go wrong, for which paths, and how often. All are deterministic: they act on the n-th
//! matching request and on fixed byte counts.

use super::http::Response;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Where a redirect leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedirectTo {
    /// The same path under another prefix of the same server; the prefix is dropped when it comes back.
    SameHost,
    /// The same path on the second listener of the same upstream: another port, so another origin.
    OtherPort,
    /// The same path at `localhost` instead of `127.0.0.1`, on the second listener: another host name.
    OtherHost,
    /// Itself, for ever.
    Itself,
    /// This address.
    Address(String),
}

#[derive(Debug, Clone)]
pub(crate) enum Effect {
    Status { status: u16, retry_after: Option<String> },
    DelayBefore(Duration),
    DelayAfter { bytes: usize, time: Duration },
    Truncate(usize),
    Unannounced,
    FlipByte(usize),
    Redirect { status: u16, to: RedirectTo },
    Drop,
    Drip { chunk: usize, every: Duration },
    Endless,
    GzipBomb { bytes: u64 },
    Body { content_type: Option<String>, bytes: Vec<u8> },
    Header { name: String, value: String },
    Gate(Gate),
}

/// What goes wrong, and for how many requests. Combine effects with [`Fault::and`].
#[derive(Debug, Clone)]
pub struct Fault {
    pub(crate) effects: Vec<Effect>,
    pub(crate) skip: u64,
    pub(crate) times: u64,
    pub(crate) method: Option<String>,
}

impl Fault {
    fn of(effect: Effect) -> Self {
        Fault { effects: vec![effect], skip: 0, times: u64::MAX, method: None }
    }

    /// Answers with this status and a short text.
    pub fn status(status: u16) -> Self {
        Self::of(Effect::Status { status, retry_after: None })
    }

    /// Answers with this status and a `Retry-After` header (seconds or an HTTP date).
    pub fn status_retry_after(status: u16, retry_after: &str) -> Self {
        Self::of(Effect::Status { status, retry_after: Some(retry_after.to_owned()) })
    }

    /// Waits before it answers.
    pub fn delay(time: Duration) -> Self {
        Self::of(Effect::DelayBefore(time))
    }

    /// Sends the head and `bytes` of the body, then waits, then sends the rest.
    pub fn delay_after(bytes: usize, time: Duration) -> Self {
        Self::of(Effect::DelayAfter { bytes, time })
    }

    /// Claims the whole length, sends `bytes` of the body and closes the connection.
    pub fn truncate(bytes: usize) -> Self {
        Self::of(Effect::Truncate(bytes))
    }

    /// Announces no length: the end of the connection is the end of the body. With [`Fault::truncate`] nothing but the
    /// bytes themselves says that some are missing.
    pub fn unannounced() -> Self {
        Self::of(Effect::Unannounced)
    }

    /// Flips the lowest bit of the byte at this offset (modulo the length): the digest is wrong, the length right.
    pub fn flip_byte(offset: usize) -> Self {
        Self::of(Effect::FlipByte(offset))
    }

    /// Sends the client elsewhere with status 302.
    pub fn redirect(to: RedirectTo) -> Self {
        Self::of(Effect::Redirect { status: 302, to })
    }

    /// Closes the connection without an answer.
    pub fn drop_connection() -> Self {
        Self::of(Effect::Drop)
    }

    /// Sends the body in pieces of `chunk` bytes with a pause after each.
    pub fn drip(chunk: usize, every: Duration) -> Self {
        Self::of(Effect::Drip { chunk: chunk.max(1), every })
    }

    /// Sends a chunked body that never ends, for as long as the client reads.
    pub fn endless() -> Self {
        Self::of(Effect::Endless)
    }

    /// Sends a small gzip-encoded body that unpacks to this many zero bytes (rounded up to whole MiB).
    pub fn gzip_bomb(bytes: u64) -> Self {
        Self::of(Effect::GzipBomb { bytes })
    }

    /// Keeps the body, changes its type.
    pub fn content_type(content_type: &str) -> Self {
        Self::of(Effect::Header { name: "Content-Type".to_owned(), value: content_type.to_owned() })
    }

    /// Sets a header of the answer.
    pub fn header(name: &str, value: &str) -> Self {
        Self::of(Effect::Header { name: name.to_owned(), value: value.to_owned() })
    }

    /// Sends something that starts like JSON and is none, with the right type.
    pub fn invalid_json() -> Self {
        Self::of(Effect::Body { content_type: None, bytes: br#"{"name": "unfinished", "versions": {"1.0.0": "#.to_vec() })
    }

    /// Sends something that starts like XML and is none, with the right type.
    pub fn invalid_xml() -> Self {
        Self::of(Effect::Body { content_type: None, bytes: b"<metadata><versioning></metadata>".to_vec() })
    }

    /// Replaces the body and its type.
    pub fn body(content_type: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self::of(Effect::Body { content_type: Some(content_type.to_owned()), bytes: bytes.into() })
    }

    /// Keeps the request waiting until [`Gate::open`]: a delay without a clock.
    pub fn gate() -> (Self, Gate) {
        let gate = Gate::default();
        (Self::of(Effect::Gate(gate.clone())), gate)
    }

    /// Both effects on the same request.
    pub fn and(mut self, other: Fault) -> Self {
        self.effects.extend(other.effects);
        self
    }

    /// Acts on this many requests, then no more.
    pub fn times(mut self, times: u64) -> Self {
        self.times = times;
        self
    }

    /// Acts once.
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// Lets this many matching requests pass first.
    pub fn after(mut self, skip: u64) -> Self {
        self.skip = skip;
        self
    }

    /// Acts on requests of this method only.
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }
}

/// Keeps requests waiting until the test opens it. Cloned handles are the same gate.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    /// Lets all waiting and later requests pass.
    pub fn open(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    pub(crate) fn wait(&self) {
        let mut open = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        while !*open {
            open = self.0.1.wait(open).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[derive(Debug)]
struct Rule {
    pattern: String,
    fault: Fault,
    seen: u64,
}

/// The faults in force.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Rule>);

impl Faults {
    pub(crate) fn add(&mut self, pattern: &str, fault: Fault) {
        self.0.push(Rule { pattern: pattern.to_owned(), fault, seen: 0 });
    }

    /// Removes all. Requests that wait at a gate pass.
    pub(crate) fn clear(&mut self) {
        for rule in self.0.drain(..) {
            open_gates(&rule.fault);
        }
    }

    /// The effects on this request: those of the first rule that matches and is not used up.
    pub(crate) fn take(&mut self, method: &str, path: &str) -> Vec<Effect> {
        for rule in &mut self.0 {
            let right_method = rule.fault.method.as_ref().is_none_or(|wanted| wanted == method);
            if !right_method || !glob(&rule.pattern, path) {
                continue;
            }
            rule.seen += 1;
            let number = rule.seen - 1;
            if number >= rule.fault.skip && number - rule.fault.skip < rule.fault.times {
                return rule.fault.effects.clone();
            }
        }
        Vec::new()
    }
}

fn open_gates(fault: &Fault) {
    for effect in &fault.effects {
        if let Effect::Gate(gate) = effect {
            gate.open();
        }
    }
}

/// What is left to do while the answer is written.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    pub(crate) truncate: Option<usize>,
    pub(crate) unannounced: bool,
    pub(crate) pause: Option<(usize, Duration)>,
    pub(crate) drip: Option<(usize, Duration)>,
    pub(crate) endless: bool,
    pub(crate) drop: bool,
}

/// Applies the effects that change the answer itself; waiting happens here too.
pub(crate) fn apply(effects: &[Effect], response: &mut Response, path: &str, own: &str, other: &str) -> Delivery {
    let mut delivery = Delivery::default();
    for effect in effects {
        match effect {
            Effect::Status { status, retry_after } => {
                *response = Response::text(*status, &format!("status {status} by the test\n"));
                if let Some(value) = retry_after {
                    response.set("Retry-After", value.as_str());
                }
            }
            Effect::DelayBefore(time) => std::thread::sleep(*time),
            Effect::Gate(gate) => gate.wait(),
            Effect::DelayAfter { bytes, time } => delivery.pause = Some((*bytes, *time)),
            Effect::Truncate(bytes) => delivery.truncate = Some(*bytes),
            Effect::Unannounced => delivery.unannounced = true,
            Effect::FlipByte(offset) if !response.body.is_empty() => {
                let mut bytes = response.body.to_vec();
                let at = offset % bytes.len();
                bytes[at] ^= 1;
                response.body = bytes.into();
            }
            Effect::FlipByte(_) => {}
            Effect::Redirect { status, to } => {
                let address = match to {
                    RedirectTo::SameHost => format!("{own}{MOVED}{path}"),
                    RedirectTo::OtherPort => format!("{other}{path}"),
                    RedirectTo::OtherHost => format!("{}{path}", other.replace("127.0.0.1", "localhost")),
                    RedirectTo::Itself => format!("{own}{path}"),
                    RedirectTo::Address(address) => address.clone(),
                };
                *response = Response::text(*status, "moved\n").with("Location", address);
            }
            Effect::Drop => delivery.drop = true,
            Effect::Drip { chunk, every } => delivery.drip = Some((*chunk, *every)),
            Effect::Endless => delivery.endless = true,
            Effect::GzipBomb { bytes } => {
                response.body = gzip_bomb(*bytes).into();
                response.set("Content-Encoding", "gzip");
                response.status = 200;
            }
            Effect::Body { content_type, bytes } => {
                response.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-encoding") && !name.eq_ignore_ascii_case("etag"));
                response.body = bytes.as_slice().into();
                if let Some(kind) = content_type {
                    response.set("Content-Type", kind.as_str());
                }
            }
            Effect::Header { name, value } => response.set(name, value.as_str()),
        }
    }
    delivery
}

/// The prefix under which [`RedirectTo::SameHost`] answers.
pub(crate) const MOVED: &str = "/moved";

/// gzip of many zero bytes, made of one compressed MiB repeated: a full flush leaves each piece on its own.
fn gzip_bomb(bytes: u64) -> Vec<u8> {
    const PIECE: usize = 1 << 20;
    let zeros = vec![0u8; PIECE];
    let mut compress = flate2::Compress::new(flate2::Compression::best(), false);
    let mut piece = Vec::with_capacity(PIECE / 64);
    compress.compress_vec(&zeros, &mut piece, flate2::FlushCompress::Full).expect("deflate in memory");
    let mut of_piece = flate2::Crc::new();
    of_piece.update(&zeros);
    let mut crc = flate2::Crc::new();
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255];
    for _ in 0..bytes.div_ceil(PIECE as u64) {
        out.extend_from_slice(&piece);
        crc.combine(&of_piece);
    }
    out.extend_from_slice(&[1, 0, 0, 0xff, 0xff]);
    out.extend_from_slice(&crc.sum().to_le_bytes());
    out.extend_from_slice(&crc.amount().to_le_bytes());
    out
}

/// Whether `pattern` (where `*` stands for any run of characters) matches all of `text`.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut last = None;
    for part in parts {
        if let Some(previous) = last.replace(part) {
            match rest.find(previous) {
                Some(at) => rest = &rest[at + previous.len()..],
                None => return false,
            }
        }
    }
    match last {
        Some(end) => rest.ends_with(end),
        None => rest.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn a_glob_matches_the_whole_path() {
        assert!(glob("/npm/*.tgz", "/npm/a/-/a-1.tgz"));
        assert!(glob("*", "/x") && glob("/x", "/x") && glob("/*/b/*", "/a/b/c") && glob("/a*", "/a"));
        assert!(!glob("/x", "/xy") && !glob("/a*b", "/abc") && !glob("/*/b/*/b", "/a/b") && !glob("/ab*bc", "/abc"));
    }

    #[test]
    fn faults_are_taken_in_order_and_used_up() {
        let mut faults = Faults::default();
        faults.add("/a", Fault::status(500).after(1).once());
        faults.add("/a", Fault::drop_connection().method("POST"));
        let seen: Vec<usize> = (0..3).map(|_| faults.take("GET", "/a").len()).collect();
        assert_eq!(seen, [0, 1, 0]);
        assert_eq!(faults.take("POST", "/a").len(), 1);
    }

    #[test]
    fn a_bomb_is_valid_gzip_of_the_promised_size() {
        let bomb = gzip_bomb(3 << 20);
        assert!(bomb.len() < 16 << 10);
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(bomb.as_slice()).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked.len(), 3 << 20);
    }
}

//! The child's side: read the limits, put up the walls, say what stands, then answer requests one after the other.
//!
//! Two threads. The main one owns the wire and watches it: when the parent goes away while a request is worked on, the
//! child ends (a death signal by `PR_SET_PDEATHSIG` would come when the *thread* that started the child ends, which in
//! a pool of threads is no sign of anything). The other one runs the handler on a stack of its own size.

use crate::frame::{HEAD_LENGTH, Head, Kind};
use crate::{ProcessLimits, Report, confine};
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, Sender, channel};

/// The limits frame is small; nothing else is believed before it is read.
const MAX_LIMITS_BYTES: u32 = 4096;

/// Exit codes of a child that ends by itself.
const FAILED: u8 = 71;
const PANICKED: u8 = 101;

/// Runs the child until its parent closes the wire. Call it first thing in `main`, before any thread is started or any
/// file is opened: inherited descriptors are closed, and confinement covers only what comes after it.
///
/// `handler` gets header and payload of a request and returns the answer. It may print: stdout goes to stderr, which
/// the parent keeps the end of. Its panics, stack overflows and failed allocations end the child, which the parent
/// tells apart and mends.
pub fn serve(handler: impl FnMut(&[u8], &[u8]) -> Vec<u8> + Send + 'static) -> ExitCode {
    match run(handler) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(io::stderr(), "sandbox: {error}");
            ExitCode::from(FAILED)
        }
    }
}

struct Job {
    header: Vec<u8>,
    payload: Vec<u8>,
}

fn run(handler: impl FnMut(&[u8], &[u8]) -> Vec<u8> + Send + 'static) -> io::Result<ExitCode> {
    let mut report = Report::default();
    let (mut input, mut output) = wire::open(&mut report)?;
    let Some(limits) = read_limits(&mut input)? else { return Ok(ExitCode::SUCCESS) };
    let (jobs, to_do) = channel::<Job>();
    let (results, done) = channel::<Vec<u8>>();
    let (mut bell, ring) = wire::bell()?;
    let stack = usize::try_from(limits.stack).map_err(io::Error::other)?;
    std::thread::Builder::new().name("analyser".to_owned()).stack_size(stack).spawn(move || work(handler, &to_do, &results, ring))?;
    // The thread is set up once it rings; the filter would disturb it before.
    if !bell.wait(&input, None)? {
        return Ok(ExitCode::from(FAILED));
    }
    confine::after_threads(&mut report, &limits);
    let hello = serde_json::to_vec(&report)?;
    send(&mut output, Kind::Hello, 0, &hello, &[])?;
    while let Some((id, job)) = read_request(&mut input, &limits)? {
        let before = confine::used_cpu();
        confine::renew_cpu(&limits);
        if jobs.send(job).is_err() {
            return Ok(ExitCode::from(PANICKED));
        }
        if !bell.wait(&input, Some(limits.time.saturating_mul(2)))? {
            return Ok(ExitCode::from(PANICKED));
        }
        let Ok(answer) = done.recv() else { return Ok(ExitCode::from(PANICKED)) };
        if answer.len() as u64 > limits.output_bytes {
            return Err(io::Error::other(format!("an answer of {} bytes, more than the {} allowed", answer.len(), limits.output_bytes)));
        }
        let spent = u64::try_from(confine::used_cpu().saturating_sub(before).as_nanos()).unwrap_or(u64::MAX);
        send(&mut output, Kind::Answer, id, &spent.to_le_bytes(), &answer)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn work(mut handler: impl FnMut(&[u8], &[u8]) -> Vec<u8>, to_do: &Receiver<Job>, results: &Sender<Vec<u8>>, mut ring: wire::Ring) {
    if ring.ring().is_err() {
        return;
    }
    while let Ok(job) = to_do.recv() {
        let answer = handler(&job.header, &job.payload);
        drop(job);
        if results.send(answer).is_err() || ring.ring().is_err() {
            return;
        }
    }
}

/// `None` when the parent closed the wire before it said anything.
fn read_limits(input: &mut impl Read) -> io::Result<Option<ProcessLimits>> {
    let Some(head) = read_head(input, Kind::Limits, MAX_LIMITS_BYTES, 0)? else { return Ok(None) };
    Ok(Some(serde_json::from_slice(&read_bytes(input, u64::from(head.header))?)?))
}

fn read_request(input: &mut impl Read, limits: &ProcessLimits) -> io::Result<Option<(u64, Job)>> {
    let Some(head) = read_head(input, Kind::Request, limits.header_bytes, limits.request_bytes)? else { return Ok(None) };
    let header = read_bytes(input, u64::from(head.header))?;
    let payload = read_bytes(input, head.payload)?;
    Ok(Some((head.id, Job { header, payload })))
}

fn read_head(input: &mut impl Read, kind: Kind, max_header: u32, max_payload: u64) -> io::Result<Option<Head>> {
    let mut head = [0; HEAD_LENGTH];
    let mut filled = 0;
    while filled < HEAD_LENGTH {
        match input.read(&mut head[filled..]) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Head::decode(&head, kind, max_header, max_payload).map(Some).map_err(io::Error::other)
}

fn read_bytes(input: &mut impl Read, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn send(output: &mut impl Write, kind: Kind, id: u64, header: &[u8], payload: &[u8]) -> io::Result<()> {
    let header_length = u32::try_from(header.len()).map_err(io::Error::other)?;
    output.write_all(&Head { kind, id, header: header_length, payload: payload.len() as u64 }.encode())?;
    output.write_all(header)?;
    output.write_all(payload)?;
    output.flush()
}

/// The two ends of the wire and the bell by which the handler's thread says that it is done.
#[cfg(target_os = "linux")]
mod wire {
    use crate::{Report, confine};
    use std::fs::File;
    use std::io::{self, PipeReader, PipeWriter, Read as _, Write as _};
    use std::os::fd::{AsRawFd as _, FromRawFd as _};
    use std::time::Duration;

    /// stdin as it is; stdout under another number, so that what the handler prints does not reach the wire.
    pub(super) fn open(report: &mut Report) -> io::Result<(File, File)> {
        const COPY: libc::c_int = 3;
        // SAFETY: this process has just begun and owns its standard descriptors; number 3 is overwritten on purpose,
        // before anything here has opened it.
        let copied = unsafe { libc::dup2(libc::STDOUT_FILENO, COPY) == COPY && libc::dup2(libc::STDERR_FILENO, libc::STDOUT_FILENO) != -1 };
        if !copied {
            return Err(io::Error::last_os_error());
        }
        confine::before_threads(report, COPY.cast_unsigned() + 1);
        // SAFETY: both numbers are open, and each is owned by exactly one File. Rust's own stdin is not used here.
        Ok(unsafe { (File::from_raw_fd(libc::STDIN_FILENO), File::from_raw_fd(COPY)) })
    }

    pub(super) struct Bell(PipeReader);
    pub(super) struct Ring(PipeWriter);

    pub(super) fn bell() -> io::Result<(Bell, Ring)> {
        let (reader, writer) = io::pipe()?;
        Ok((Bell(reader), Ring(writer)))
    }

    impl Ring {
        pub(super) fn ring(&mut self) -> io::Result<()> {
            self.0.write_all(&[1])
        }
    }

    impl Bell {
        /// Waits for one ring. `false` when the handler's thread is gone, the parent is gone, or time is up.
        pub(super) fn wait(&mut self, input: &File, time: Option<Duration>) -> io::Result<bool> {
            let timeout = time.map_or(-1, |time| libc::c_int::try_from(time.as_millis()).unwrap_or(libc::c_int::MAX));
            loop {
                // Without events asked for, the wire still tells that its other end is closed.
                let mut watched = [
                    libc::pollfd { fd: self.0.as_raw_fd(), events: libc::POLLIN, revents: 0 },
                    libc::pollfd { fd: input.as_raw_fd(), events: 0, revents: 0 },
                ];
                // SAFETY: the array lives through the call, which writes only its `revents`.
                let ready = unsafe { libc::poll(watched.as_mut_ptr(), 2, timeout) };
                if ready < 0 {
                    let error = io::Error::last_os_error();
                    if error.kind() == io::ErrorKind::Interrupted {
                        continue;
                    }
                    return Err(error);
                }
                if watched[0].revents & libc::POLLIN != 0 {
                    let mut byte = [0];
                    return Ok(self.0.read(&mut byte)? == 1);
                }
                return Ok(false);
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod wire {
    use crate::{Report, confine};
    use std::io;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Duration;

    pub(super) fn open(report: &mut Report) -> io::Result<(io::Stdin, io::Stdout)> {
        confine::before_threads(report, 3);
        Ok((io::stdin(), io::stdout()))
    }

    pub(super) struct Bell(Receiver<()>);
    pub(super) struct Ring(Sender<()>);

    pub(super) fn bell() -> io::Result<(Bell, Ring)> {
        let (sender, receiver) = channel();
        Ok((Bell(receiver), Ring(sender)))
    }

    impl Ring {
        pub(super) fn ring(&mut self) -> io::Result<()> {
            self.0.send(()).map_err(io::Error::other)
        }
    }

    impl Bell {
        pub(super) fn wait(&mut self, _input: &io::Stdin, time: Option<Duration>) -> io::Result<bool> {
            Ok(match time {
                Some(time) => self.0.recv_timeout(time).is_ok(),
                None => self.0.recv().is_ok(),
            })
        }
    }
}

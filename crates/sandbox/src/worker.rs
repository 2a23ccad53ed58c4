//! One child, from the parent's side.

use crate::failure::tells_of_exhausted_memory;
use crate::frame::{ANSWER_HEADER, HEAD_LENGTH, Head, Kind};
use crate::supervisor::{Answer, ChildCommand};
use crate::{ChildFailure, ProcessLimits, Report};
use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long a child that closed the wire may take to be gone before it is helped.
const LAST_BREATH: Duration = Duration::from_secs(2);
/// How long the end of a killed child may hold up who lets go of it.
const LAST_MOMENT: Duration = Duration::from_millis(200);
const MAX_REPORT_BYTES: u32 = 64 << 10;

/// A child that has introduced itself. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Worker {
    child: Reaped,
    input: ChildStdin,
    output: ChildStdout,
    stderr: Arc<Mutex<Tail>>,
    stderr_reader: JoinHandle<()>,
    limits: ProcessLimits,
    pub(crate) report: Report,
    pub(crate) served: u32,
    next_id: u64,
}

/// A child that is killed *and waited for* when it is let go, so that the time and memory it used are counted for this
/// program (`getrusage`, `wait4`) and no dead process is left, however a run ends.
#[derive(Debug)]
struct Reaped(Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        // An error: it was waited for already.
        if self.0.start_kill().is_err() {
            return;
        }
        // A killed process is gone in a moment; what takes longer is left to the runtime, which reaps it later.
        let until = Instant::now() + LAST_MOMENT;
        while matches!(self.0.try_wait(), Ok(None)) && Instant::now() < until {
            std::thread::sleep(Duration::from_micros(200));
        }
    }
}

/// What went wrong on the wire, before the child's end explains it.
enum Broken {
    /// The other end is closed or cut off.
    Closed,
    /// Bytes came that are not as agreed.
    Protocol(String),
}

impl From<io::Error> for Broken {
    fn from(_: io::Error) -> Self {
        Broken::Closed
    }
}

impl Worker {
    /// Starts a child and waits until it has introduced itself.
    pub(crate) async fn start(command: &ChildCommand, limits: &ProcessLimits) -> Result<Self, ChildFailure> {
        let mut child = Command::new(&command.program)
            .args(&command.arguments)
            .env_clear()
            .envs(command.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(ChildFailure::Spawn)?;
        let (Some(input), Some(output), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
            return Err(ChildFailure::Spawn(io::Error::other("its pipes are missing")));
        };
        let tail = Arc::new(Mutex::new(Tail::new(limits.stderr_bytes)));
        let stderr_reader = tokio::spawn(drain(stderr, Arc::clone(&tail)));
        let mut worker = Worker {
            child: Reaped(child),
            input,
            output,
            stderr: tail,
            stderr_reader,
            limits: *limits,
            report: Report::default(),
            served: 0,
            next_id: 1,
        };
        match timeout(limits.start_time, worker.introduce()).await {
            Ok(Ok(report)) => {
                worker.report = report;
                Ok(worker)
            }
            Ok(Err(broken)) => Err(worker.end(broken).await),
            Err(_) => {
                worker.kill().await;
                Err(ChildFailure::Protocol(format!("it did not introduce itself within {} s", limits.start_time.as_secs_f64())))
            }
        }
    }

    async fn introduce(&mut self) -> Result<Report, Broken> {
        let limits = serde_json::to_vec(&self.limits).map_err(|error| Broken::Protocol(error.to_string()))?;
        let length = u32::try_from(limits.len()).map_err(|error| Broken::Protocol(error.to_string()))?;
        let head = Head { kind: Kind::Limits, id: 0, header: length, payload: 0 };
        let (input, output) = (&mut self.input, &mut self.output);
        let send = write_frame(input, head, &limits, &[]);
        let receive = read_frame(output, Kind::Hello, MAX_REPORT_BYTES, 0);
        let ((), (_, report, _)) = tokio::try_join!(send, receive)?;
        serde_json::from_slice(&report).map_err(|error| Broken::Protocol(format!("its introduction: {error}")))
    }

    /// Sends one request and waits for its answer. After a failure the child is gone.
    pub(crate) async fn request(mut self, header: &[u8], payload: &[u8]) -> Result<(Self, Answer), ChildFailure> {
        let id = self.next_id;
        self.next_id += 1;
        let length = u32::try_from(header.len())
            .map_err(|_| ChildFailure::RequestTooLarge { actual: header.len() as u64, limit: self.limits.header_bytes.into() })?;
        let head = Head { kind: Kind::Request, id, header: length, payload: payload.len() as u64 };
        let after = self.limits.time;
        let exchange = async {
            let (input, output) = (&mut self.input, &mut self.output);
            let send = write_frame(input, head, header, payload);
            // Read while writing: a child that talks out of turn is found out at once.
            let receive = read_frame(output, Kind::Answer, ANSWER_HEADER, self.limits.output_bytes);
            let ((), (head, spent, bytes)) = tokio::try_join!(send, receive)?;
            if head.id != id {
                return Err(Broken::Protocol(format!("an answer to request {} instead of {id}", head.id)));
            }
            let spent = spent.try_into().map_err(|_| Broken::Protocol("an answer without its time".to_owned()))?;
            Ok(Answer { bytes, cpu: Duration::from_nanos(u64::from_le_bytes(spent)) })
        };
        match timeout(after, exchange).await {
            Ok(Ok(answer)) => {
                self.served += 1;
                Ok((self, answer))
            }
            Ok(Err(broken)) => Err(self.end(broken).await),
            Err(_) => {
                self.kill().await;
                Err(ChildFailure::TimedOut { after })
            }
        }
    }

    /// Whether this child should make room for a fresh one.
    pub(crate) fn is_worn(&self) -> bool {
        self.served >= self.limits.requests_per_child
            || self.child.0.id().is_some_and(|pid| resident_bytes(pid) > self.limits.resident_bytes)
    }

    /// Lets the child end by closing the wire, and sees to it that it does.
    pub(crate) fn retire(mut self) {
        tokio::spawn(async move {
            drop(self.input);
            if timeout(LAST_BREATH, self.child.0.wait()).await.is_err() {
                let _ = self.child.0.kill().await;
            }
        });
    }

    async fn kill(&mut self) {
        // Kills by its own handle and reaps it.
        let _ = self.child.0.kill().await;
    }

    /// Why the wire broke: what the child's end and its stderr tell.
    async fn end(mut self, broken: Broken) -> ChildFailure {
        if let Broken::Protocol(what) = broken {
            self.kill().await;
            return ChildFailure::Protocol(what);
        }
        drop(self.input);
        let status = match timeout(LAST_BREATH, self.child.0.wait()).await {
            Ok(Ok(status)) => status,
            Ok(Err(error)) => return ChildFailure::Protocol(format!("it cannot be waited for: {error}")),
            Err(_) => {
                let _ = self.child.0.kill().await;
                return ChildFailure::Protocol("it closed the wire and went on".to_owned());
            }
        };
        // A process that inherited stderr could keep it open; none can be started, but nothing here may wait for it.
        let _ = timeout(LAST_BREATH, &mut self.stderr_reader).await;
        let stderr = self.stderr.lock().unwrap_or_else(PoisonError::into_inner).text();
        classify(status, stderr, &self.limits)
    }
}

fn classify(status: ExitStatus, stderr: String, limits: &ProcessLimits) -> ChildFailure {
    let signal = signal_of(status);
    if signal.is_some() && signal == cpu_signal() {
        return ChildFailure::OutOfTime { limit: limits.cpu };
    }
    // Rust aborts on a failed allocation, and so do the parsers in C.
    if !status.success() && tells_of_exhausted_memory(&stderr) {
        return ChildFailure::OutOfMemory { limit: limits.memory };
    }
    if status.success() {
        return ChildFailure::Protocol("it ended without an answer".to_owned());
    }
    ChildFailure::Crashed { signal, code: status.code(), stderr }
}

#[cfg(unix)]
fn signal_of(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal_of(_status: ExitStatus) -> Option<i32> {
    None
}

#[cfg(unix)]
fn cpu_signal() -> Option<i32> {
    Some(libc::SIGXCPU)
}

#[cfg(not(unix))]
fn cpu_signal() -> Option<i32> {
    None
}

async fn write_frame(input: &mut ChildStdin, head: Head, header: &[u8], payload: &[u8]) -> Result<(), Broken> {
    input.write_all(&head.encode()).await?;
    input.write_all(header).await?;
    input.write_all(payload).await?;
    input.flush().await?;
    Ok(())
}

async fn read_frame(output: &mut ChildStdout, kind: Kind, max_header: u32, max_payload: u64) -> Result<(Head, Vec<u8>, Vec<u8>), Broken> {
    let mut head = [0; HEAD_LENGTH];
    read_head(output, &mut head).await?;
    let head = Head::decode(&head, kind, max_header, max_payload).map_err(Broken::Protocol)?;
    let header = read_bytes(output, u64::from(head.header)).await?;
    let payload = read_bytes(output, head.payload).await?;
    Ok((head, header, payload))
}

/// Reads a head; a start that is none is told even when it is short.
async fn read_head(output: &mut ChildStdout, head: &mut [u8; HEAD_LENGTH]) -> Result<(), Broken> {
    let mut filled = 0;
    while let Some(rest) = head.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match output.read(rest).await? {
            0 if filled == 0 => return Err(Broken::Closed),
            0 => return Err(Broken::Protocol(format!("{filled} bytes that are no frame"))),
            read => filled += read,
        }
    }
    Ok(())
}

/// Reads exactly `length` bytes, into memory that grows as they come: the length is only a claim.
async fn read_bytes(output: &mut ChildStdout, length: u64) -> Result<Vec<u8>, Broken> {
    let mut bytes = Vec::with_capacity(usize::try_from(length.min(1 << 20)).unwrap_or(0));
    output.take(length).read_to_end(&mut bytes).await?;
    if bytes.len() as u64 != length {
        return Err(Broken::Closed);
    }
    Ok(bytes)
}

/// Keeps the end of what the child says, however much it says.
async fn drain(mut stderr: impl AsyncRead + Unpin, tail: Arc<Mutex<Tail>>) {
    let mut chunk = vec![0; 4096];
    while let Ok(read) = stderr.read(&mut chunk).await {
        if read == 0 {
            return;
        }
        tail.lock().unwrap_or_else(PoisonError::into_inner).push(chunk.get(..read).unwrap_or_default());
    }
}

/// The last bytes of a stream.
#[derive(Debug)]
struct Tail {
    bytes: Vec<u8>,
    limit: usize,
}

impl Tail {
    fn new(limit: usize) -> Self {
        Tail { bytes: Vec::new(), limit }
    }

    fn push(&mut self, more: &[u8]) {
        self.bytes.extend_from_slice(more);
        let over = self.bytes.len().saturating_sub(self.limit);
        self.bytes.drain(..over);
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// Resident memory of a process, 0 where it cannot be told.
#[cfg(target_os = "linux")]
fn resident_bytes(pid: u32) -> u64 {
    // SAFETY: sysconf with this name reads a constant of the system.
    let page = u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(0);
    let status = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    status.split_ascii_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).map_or(0, |pages| pages.saturating_mul(page))
}

#[cfg(not(target_os = "linux"))]
fn resident_bytes(_pid: u32) -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_keeps_the_end() {
        let mut tail = Tail::new(5);
        tail.push(b"abc");
        tail.push(b"defgh");
        assert_eq!(tail.text(), "defgh");
    }
}

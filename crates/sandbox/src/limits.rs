use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Bounds of a child and of each request to it. Sizes are bytes. The parent sends them to the child, so that there is
/// one place where they are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessLimits {
    /// Address space of the child, its stacks included.
    pub memory: u64,
    /// Wall-clock time of one request.
    pub time: Duration,
    /// Processor time of one request.
    pub cpu: Duration,
    /// Stack of the thread that handles requests. Parsers recurse; 64 MiB hold about 100,000 frames of 600 bytes.
    pub stack: u64,
    /// Header of one request.
    pub header_bytes: u32,
    /// Payload of one request.
    pub request_bytes: u64,
    /// Answer to one request.
    pub output_bytes: u64,
    /// What is kept of the child's stderr, from its end.
    pub stderr_bytes: usize,
    /// Requests after which a child is replaced, so that leaks and fragmentation do not add up.
    pub requests_per_child: u32,
    /// Resident memory past which a child is replaced after its answer (Linux only).
    pub resident_bytes: u64,
    /// Time until a new child has to have introduced itself.
    pub start_time: Duration,
}

impl Default for ProcessLimits {
    fn default() -> Self {
        ProcessLimits {
            memory: 4 << 30,
            time: Duration::from_secs(60),
            cpu: Duration::from_secs(60),
            stack: 128 << 20,
            header_bytes: 1 << 20,
            request_bytes: 512 << 20,
            output_bytes: 64 << 20,
            stderr_bytes: 16 << 10,
            requests_per_child: 2_000,
            resident_bytes: 1 << 30,
            start_time: Duration::from_secs(20),
        }
    }
}

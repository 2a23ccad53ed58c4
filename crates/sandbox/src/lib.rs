//! The analyser's child process.
//!
//! Parsers of hostile code overflow stacks, loop and exhaust memory; none of that may take the server with it, and a
//! parser that is exploited must find nothing to use. So the program runs itself again as a child that can only read
//! requests from one pipe and write answers to another. What comes in: header and payload bytes, which mean nothing
//! here. What goes out: the answer's bytes, or a [`ChildFailure`] that says how the child came to its end.
//!
//! - Parent: [`Supervisor`], a pool of children that live across many requests and are replaced when they fail.
//! - Child: [`serve`], which gives up every right it can ([`Report`]) before it reads the first request.
//! - Wire: length-prefixed frames ([`PROTOCOL_VERSION`]) over stdin and stdout, every length bounded.
//!
//! On Linux the child is confined by resource limits, `no_new_privs`, seccomp and landlock, as far as the kernel has
//! them; elsewhere by process separation and time-outs alone.

#[cfg(target_os = "linux")]
mod confine;
#[cfg(not(target_os = "linux"))]
#[path = "confine/portable.rs"]
mod confine;

mod failure;
mod frame;
mod limits;
mod report;
mod serve;
mod supervisor;
mod worker;

pub use failure::ChildFailure;
pub use frame::PROTOCOL_VERSION;
pub use limits::ProcessLimits;
pub use report::Report;
pub use serve::serve;
pub use supervisor::{Answer, ChildCommand, Statistics, Supervisor};

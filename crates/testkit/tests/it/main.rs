//! The upstream against plain HTTP and against real clients.

mod npm;
mod wire;

//! The registries against a scripted upstream on the loopback.

mod client;
mod npm;
mod pypi;
mod server;

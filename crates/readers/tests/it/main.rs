//! Tests of every reader over fixtures and over hostile input.

mod catalogue;
mod fixtures;
mod folders;
mod hostile;
mod maven;
mod requirements;

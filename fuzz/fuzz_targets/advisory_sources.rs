//! The list of feed sources: no text makes it fail otherwise than by an error, and no address that it lets through is one
//! that carries credentials or goes over plain HTTP to another machine.
#![no_main]

use bifocal_advisory::{FeedLocation, FeedSources};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(sources) = FeedSources::layered(Some(("feeds.toml", text))) else { return };
    for feed in &sources.feeds {
        if let FeedLocation::Url(url) = &feed.location {
            let authority = url.split("://").nth(1).and_then(|rest| rest.split(['/', '?']).next()).unwrap_or_default();
            assert!(!authority.contains('@'), "{url}");
            assert!(url.starts_with("https://") || authority.starts_with("127.0.0.1") || authority.starts_with("localhost") || authority.starts_with("[::1]"), "{url}");
        }
    }
});

//! Names to addresses, each name once: a thousand requests to one host must not ask the resolver a thousand times,
//! nor leave lookups behind that hold up the end of the process.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

/// How long an answer is taken again.
const AGE: Duration = Duration::from_secs(60);

type Cell = Arc<OnceCell<(Instant, Vec<SocketAddr>)>>;

/// The resolver of the system, with a short memory.
#[derive(Default)]
pub(super) struct Resolver(Arc<Mutex<BTreeMap<String, Cell>>>);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_ascii_lowercase();
        let cell = {
            let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let cell = held.entry(name.clone()).or_default();
            if cell.get().is_some_and(|(at, _)| at.elapsed() > AGE) {
                *cell = Cell::default();
            }
            Arc::clone(cell)
        };
        Box::pin(async move {
            let (_, found) = cell
                .get_or_try_init(|| async {
                    let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
                    Ok::<_, std::io::Error>((Instant::now(), found))
                })
                .await?;
            Ok(Box::new(found.clone().into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_is_looked_up_once() {
        let resolver = Resolver::default();
        let lookups = (0..10).map(|_| resolver.resolve("localhost".parse().unwrap()));
        for found in futures::future::join_all(lookups).await {
            assert!(found.unwrap().all(|address| address.ip().is_loopback()));
        }
        assert_eq!(resolver.0.lock().unwrap().len(), 1);
    }
}

//! One piece of work for many that ask for it at once, and a short memory of its outcome.
//!
//! A lockfile names several versions of a package: its metadata is fetched and parsed once. The memory is bounded by
//! weight, oldest first out, so that a thousand large documents do not pile up.

use crate::error::RegistryError;
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

type Cell<V> = Arc<OnceCell<Arc<V>>>;

/// The memory.
pub(crate) struct Flights<V> {
    state: Mutex<State<V>>,
    most: usize,
}

struct State<V> {
    cells: BTreeMap<String, (Cell<V>, usize)>,
    order: VecDeque<String>,
    weight: usize,
}

impl<V: Send + Sync> Flights<V> {
    /// A memory of at most `most` weight.
    pub(crate) fn new(most: usize) -> Self {
        Flights { state: Mutex::new(State { cells: BTreeMap::new(), order: VecDeque::new(), weight: 0 }), most }
    }

    /// The outcome of `work` for `key`: remembered, shared with one under way, or done now. Failures are not kept.
    pub(crate) async fn get<F>(&self, key: &str, weigh: fn(&V) -> usize, work: F) -> Result<Arc<V>, RegistryError>
    where
        F: Future<Output = Result<V, RegistryError>> + Send,
    {
        let cell = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let (cell, _) = state.cells.entry(key.to_owned()).or_default();
            Arc::clone(cell)
        };
        let value = match cell.get_or_try_init(|| async { work.await.map(Arc::new) }).await {
            Ok(value) => Arc::clone(value),
            Err(error) => {
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                // Others may still wait on the cell: they hold it themselves and one of them tries next.
                if state.cells.get(key).is_some_and(|(held, _)| Arc::ptr_eq(held, &cell) && Arc::strong_count(held) <= 2) {
                    state.cells.remove(key);
                }
                return Err(error);
            }
        };
        self.settle(key, &cell, weigh(&value).max(1));
        Ok(value)
    }

    /// Counts a finished cell once, and drops the oldest while there is too much.
    fn settle(&self, key: &str, cell: &Cell<V>, weight: usize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.cells.get_mut(key) {
            Some((held, counted)) if Arc::ptr_eq(held, cell) && *counted == 0 => *counted = weight,
            _ => return,
        }
        state.order.push_back(key.to_owned());
        state.weight = state.weight.saturating_add(weight);
        while state.weight > self.most && state.order.len() > 1 {
            let Some(oldest) = state.order.pop_front() else { break };
            if let Some((_, weight)) = state.cells.remove(&oldest) {
                state.weight = state.weight.saturating_sub(weight);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test]
    async fn work_for_one_key_is_done_once_and_failures_are_tried_again() {
        let flights: Flights<u32> = Flights::new(10);
        let count = AtomicU32::new(0);
        let work = |fail: bool| {
            let count = &count;
            async move {
                let n = count.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                if fail { Err(RegistryError::Offline { url: String::new() }) } else { Ok(n) }
            }
        };
        assert!(flights.get("a", |_| 1, work(true)).await.is_err());
        let (one, two) = tokio::join!(flights.get("a", |_| 1, work(false)), flights.get("a", |_| 1, work(false)));
        assert_eq!((*one.unwrap(), *two.unwrap()), (1, 1));
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn the_oldest_are_forgotten_first() {
        let flights: Flights<u32> = Flights::new(2);
        for key in ["a", "b", "c"] {
            flights.get(key, |_| 1, async { Ok(1) }).await.unwrap();
        }
        assert_eq!(*flights.get("c", |_| 1, async { Ok(2) }).await.unwrap(), 1);
        assert_eq!(*flights.get("a", |_| 1, async { Ok(2) }).await.unwrap(), 2);
    }
}

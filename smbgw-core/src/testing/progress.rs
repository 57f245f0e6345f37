//! A listener that takes the process down at an event.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::faults::kill_this_process;
use crate::progress::{Event, Progress};

/// Kills the process, as `kill -9` does, at one of the events of an operation.
#[derive(Debug)]
pub struct KillAt {
    number: usize,
    seen: AtomicUsize,
}

impl KillAt {
    /// Kills it at the event with this number, counted from 1.
    pub fn new(number: usize) -> Self {
        Self {
            number,
            seen: AtomicUsize::new(0),
        }
    }
}

impl Progress for KillAt {
    fn event(&self, _: &Event<'_>) {
        if self.seen.fetch_add(1, Ordering::Relaxed) + 1 == self.number {
            kill_this_process();
        }
    }
}

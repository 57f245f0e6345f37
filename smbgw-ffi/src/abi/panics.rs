//! Panics within a call, which are told to nobody but the caller.

use std::cell::{Cell, RefCell};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};

thread_local! {
    static WITHIN: Cell<bool> = const { Cell::new(false) };
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Nothing waits for it, so that a process forked at any moment can go on.
static INSTALLED: AtomicBool = AtomicBool::new(false);

/// While it lives, a panic of this thread prints nothing. Other threads, and a Rust program around
/// this library, keep the hook they have.
pub(super) struct Quiet {
    outer: bool,
}

impl Quiet {
    pub(super) fn begin() -> Self {
        if !INSTALLED.swap(true, Ordering::Relaxed) {
            let others = panic::take_hook();
            panic::set_hook(Box::new(move |panic| match WITHIN.get() {
                true => LAST.set(Some(panic.to_string())),
                false => others(panic),
            }));
        }
        Self {
            outer: WITHIN.replace(true),
        }
    }

    /// What the last panic of this thread said and where it was, once.
    pub(super) fn told(&self) -> Option<String> {
        LAST.take()
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        WITHIN.set(self.outer);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn only_panics_within_are_quiet() {
        let heard = Arc::new(AtomicUsize::new(0));
        // As a program would that has a hook of its own before its first call.
        let theirs = Arc::clone(&heard);
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if panic.payload().downcast_ref() == Some(&"of the test") {
                theirs.fetch_add(1, Ordering::Relaxed);
            } else {
                before(panic);
            }
        }));
        INSTALLED.store(false, Ordering::Relaxed);
        let fail = || catch_unwind(|| panic!("of the test")).unwrap_err();

        let quiet = Quiet::begin();
        fail();
        assert_eq!(heard.load(Ordering::Relaxed), 0);
        let told = quiet.told().unwrap();
        assert!(
            told.contains("of the test") && told.contains("panics.rs"),
            "{told}"
        );
        assert_eq!(quiet.told(), None);
        std::thread::scope(|scope| scope.spawn(|| drop(fail())).join()).unwrap();
        assert_eq!(heard.load(Ordering::Relaxed), 1);
        drop(quiet);
        fail();
        assert_eq!(heard.load(Ordering::Relaxed), 2);
    }
}

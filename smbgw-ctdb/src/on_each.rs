//! One question to several nodes at once, and small programs that are run on a node.

use std::thread;

use smbgw_core::deadline::Deadline;
use smbgw_core::host::Command;

/// Asks all of `several` at once, each with its place among them. The answers are in the same order.
///
/// A slow node keeps nobody else waiting but the caller, and no thread is left. One alone is asked without any.
pub(crate) fn on_each<I: Send, T: Send>(
    several: impl IntoIterator<Item = I>,
    ask: impl Fn(usize, I) -> T + Sync,
) -> Vec<T> {
    let mut several: Vec<I> = several.into_iter().collect();
    if several.len() == 1 {
        let only = several.pop();
        return only.into_iter().map(|only| ask(0, only)).collect();
    }
    let ask = &ask;
    thread::scope(|scope| {
        let threads: Vec<_> = several
            .into_iter()
            .enumerate()
            .map(|(at, one)| scope.spawn(move || ask(at, one)))
            .collect();
        let ended = threads.into_iter().map(thread::ScopedJoinHandle::join);
        ended
            .map(|ended| ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

/// A program of this crate's own, for perl, which every Debian has (`perl-base` is essential there). It is read
/// from standard input, so that nothing is left on the node, and ends by itself when its time is over.
pub(crate) fn program(source: &'static str, deadline: Deadline) -> Command {
    Command::new("perl")
        .arg("-")
        .stdin(source.into())
        .timeout(deadline.remaining())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_asked_and_answer_in_their_order() {
        for count in 0..4_usize {
            let mut several: Vec<usize> = (0..count).collect();
            let answers = on_each(&mut several, |at, one| {
                *one += 10;
                (at, *one)
            });
            let wanted: Vec<_> = (0..count).map(|at| (at, at + 10)).collect();
            assert_eq!(answers, wanted);
            assert!(several.iter().all(|one| *one >= 10));
        }
    }
}

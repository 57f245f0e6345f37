//! Looking again and again.

use std::fmt::Display;
use std::thread;
use std::time::Duration;

use smbgw_core::error::Coded;
use smbgw_ctdb::standing::Standing;

use crate::exit::Exit;
use crate::output::Output;

/// Shows what `look` sees every so many seconds, until nobody reads it any more or a signal ends the program.
///
/// A look that fails is told, and the next one made all the same: a cluster that is watched may be away
/// for a while.
pub(super) fn again_and_again<E: Coded + Display>(
    output: &Output,
    seconds: u32,
    look: impl Fn() -> Result<Standing, E>,
) -> Exit {
    loop {
        let shown = match look() {
            Ok(standing) => output.cluster_watched(&standing),
            Err(error) => output.trouble_watched(&error),
        };
        if shown.is_err() {
            return Exit::Done;
        }
        thread::sleep(Duration::from_secs(seconds.into()));
    }
}

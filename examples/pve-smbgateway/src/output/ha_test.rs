//! What a drill found.

use std::fs;
use std::path::Path;

use smbgw_core::error::{Coded, ErrorKind};
use smbgw_core::lifecycle::Outcome;
use smbgw_ctdb::drill::{DrillError, Report};

use super::{Output, complain};
use crate::exit::Exit;

impl Output {
    /// A drill that was not begun.
    pub(crate) fn drill_error(&self, error: &DrillError) -> Exit {
        self.refused(error.kind(), error.into())
    }

    /// What was measured, also as a picture in the file `svg`.
    pub(crate) fn drilled(&self, outcome: &Outcome<Report>, svg: Option<&Path>) -> Exit {
        let exit = self.ended(outcome, Report::text);
        let Outcome::Done(report) = outcome else {
            return exit;
        };
        let drawn = svg.map(|path| (path, fs::write(path, report.svg())));
        if let Some((path, Err(error))) = drawn {
            complain(&format!("cannot write {}: {error}", path.display()), &None);
            return Exit::from(ErrorKind::Failed);
        }
        match report.is_good() {
            true => exit,
            false => Exit::NeedsAttention,
        }
    }
}

//! Showing on standard error what an operation does, while it does it.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use smbgw_core::progress::{Event, Progress};

/// A line for the step at work; nothing where standard error is no terminal.
pub(crate) struct Display {
    bar: ProgressBar,
}

impl Display {
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        let style = ProgressStyle::with_template("{spinner} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        Self { bar }
    }
}

impl Progress for Display {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::StepStarts { title, .. } => {
                self.bar.set_message((*title).to_string());
                self.bar.enable_steady_tick(Duration::from_millis(120));
            }
            Event::UndoStarts { title, .. } => self.bar.set_message(format!("undo: {title}")),
            Event::PlanDecided => self.bar.finish_and_clear(),
            _ => {}
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

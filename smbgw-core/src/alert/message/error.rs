//! Why a template of the administrator's cannot be used.

use std::path::{Path, PathBuf};

use crate::error::{Coded, ErrorKind};

/// Why a template of the administrator's cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the template `{}` cannot be used: {}{message}", path.display(), line_text(*line))]
pub struct TemplateError {
    /// The file.
    pub path: PathBuf,
    /// The line in it, from 1, where that is known.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
}

impl TemplateError {
    pub(super) fn unreadable(path: &Path, message: String) -> Self {
        Self {
            path: path.into(),
            line: None,
            message,
        }
    }

    pub(super) fn of_engine(path: &Path, error: &minijinja::Error) -> Self {
        let message = match error.detail() {
            Some(detail) => format!("{}: {detail}", error.kind()),
            None => error.kind().to_string(),
        };
        Self {
            path: path.into(),
            line: error.line(),
            message,
        }
    }
}

impl Coded for TemplateError {
    fn code(&self) -> &'static str {
        "alert.template"
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }

    fn remedy(&self) -> Option<String> {
        Some("correct it, or remove it to have the one that is built in".into())
    }
}

fn line_text(line: Option<usize>) -> String {
    line.map(|line| format!("line {line}: "))
        .unwrap_or_default()
}

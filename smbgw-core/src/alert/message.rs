//! The words of a message: subject, plain text and HTML, from templates.
//!
//! ```
//! use smbgw_core::alert::{Event, Facts, Kind, Messages, Notice, Severity};
//!
//! let notice = Notice {
//!     id: Notice::new_id(),
//!     at: 1_800_000_060,
//!     host: "gw".into(),
//!     share: Some("media".parse()?),
//!     kind: Kind::Space,
//!     event: Event::Raised,
//!     severity: Severity::Warning,
//!     since: 1_800_000_000,
//!     facts: Facts {
//!         summary: "9G of 10G are used".into(),
//!         ..Facts::default()
//!     },
//! };
//! let message = Messages::built_in().render(&notice);
//! assert_eq!(message.subject, "[smbgw gw] warning: media: 9G of 10G are used");
//! # Ok::<(), smbgw_core::share::NameError>(())
//! ```
//!
//! The templates are written in Jinja's language, as `minijinja` knows it. An administrator's own
//! take the place of those built in: `subject.txt`, `body.txt` and `body.html` in one directory,
//! each by itself. In `body.html` values are escaped. What they can use:
//!
//! | name | what |
//! | --- | --- |
//! | `headline` | what is the matter, in one line: `status`, share and `summary` |
//! | `status` | `warning`, `now critical`, `still warning`, `over`, `test` |
//! | `event` | `raised`, `escalated`, `repeated`, `cleared`, `test` |
//! | `severity` | `notice`, `warning`, `critical` |
//! | `kind` | `space`, `inodes`, `forecast`, … |
//! | `id`, `host` | names of the message and of the machine |
//! | `share` | the share; `none` for the machine as a whole |
//! | `at`, `since` | times in UTC, such as `2027-01-15T08:00:00Z` |
//! | `summary`, `remedy` | what is the matter, and what to do about it |
//! | `used`, `limit` | sizes as people read them, such as `9.5G` |
//! | `used_bytes`, `limit_bytes` | the same in bytes |
//! | `percent` | part of the limit used, such as `91.5` |
//! | `inodes`, `inode_limit` | numbers of files and directories |
//! | `growth`, `growth_bytes` | growth a day, as people read it and in bytes |
//! | `estimate` | such as `full in 12 days (9 to 17)` |
//! | `days_left`, `days_soonest`, `days_latest` | the same as numbers of days |
//!
//! What is not known is `none`. A name that does not exist is an error of the template.

mod error;
mod values;

use std::path::{Path, PathBuf};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};

pub use error::TemplateError;
use values::Values;

use super::notice::{Event, Facts, Notice};
use super::reading::{Kind, Severity};
use crate::error::chain_text;
use crate::host::Host;

/// The longest subject, in characters: what mail programs show of it, and more.
const LONGEST_SUBJECT: usize = 200;

/// The most steps one template may take: far more than any message needs, and over in a moment.
const MOST_STEPS: u64 = 200_000;

/// What a template is tried with.
const EVENTS: [Event; 5] = [
    Event::Raised,
    Event::Escalated,
    Event::Repeated,
    Event::Cleared,
    Event::Test,
];

/// The templates that messages are made with.
#[derive(Clone, Debug)]
pub struct Messages {
    environment: Environment<'static>,
    subject: Template,
    text: Template,
    html: Template,
}

/// The words of one message.
#[derive(Clone, Debug)]
pub struct Message {
    /// The subject: one line, and not empty.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The same as an HTML document.
    pub html: String,
    /// Templates of the administrator's in whose place the one built in had to be used.
    pub problems: Vec<TemplateError>,
}

/// One template: the one built in, and the administrator's where there is one.
#[derive(Clone, Debug)]
struct Template {
    name: &'static str,
    built_in: &'static str,
    own: Option<Own>,
}

/// A template of the administrator's.
#[derive(Clone, Debug)]
struct Own {
    path: PathBuf,
    /// The path as the engine names it; its ending decides whether values are escaped.
    name: String,
    source: String,
}

macro_rules! template {
    ($name:literal) => {
        Template {
            name: $name,
            built_in: include_str!(concat!("templates/", $name)),
            own: None,
        }
    };
}

impl Messages {
    /// The templates that are built in.
    pub fn built_in() -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_syntax(
            SyntaxConfig::builder()
                .trim_blocks(true)
                .lstrip_blocks(true)
                .build()
                .unwrap_or_default(),
        );
        environment.set_fuel(Some(MOST_STEPS));
        Self {
            environment,
            subject: template!("subject.txt"),
            text: template!("body.txt"),
            html: template!("body.html"),
        }
    }

    /// The administrator's templates in the directory `dir` of `host`, and those built in for what
    /// is not there. One that cannot be used is left out and reported; each is tried with messages
    /// of every kind of event.
    pub fn load(host: &dyn Host, dir: &Path) -> (Self, Vec<TemplateError>) {
        let mut messages = Self::built_in();
        let mut problems = Vec::new();
        for template in [
            &mut messages.subject,
            &mut messages.text,
            &mut messages.html,
        ] {
            let path = dir.join(template.name);
            match read(host, &path) {
                Ok(None) => {}
                Ok(Some(own)) => match try_out(&messages.environment, &own) {
                    Ok(()) => template.own = Some(own),
                    Err(error) => problems.push(error),
                },
                Err(error) => problems.push(error),
            }
        }
        (messages, problems)
    }

    /// The words for `notice`.
    pub fn render(&self, notice: &Notice) -> Message {
        let values = Values::of(notice);
        let mut problems = Vec::new();
        let mut render = |template: &Template| {
            if let Some(own) = &template.own {
                match own.render(&self.environment, &values) {
                    Ok(text) => return text,
                    Err(error) => {
                        tracing::warn!(%error, "the built-in template is used");
                        problems.push(error);
                    }
                }
            }
            self.environment
                .render_named_str(template.name, template.built_in, Serde(&values))
                .unwrap_or_else(|error| {
                    // Tests render the built-in ones; a message without form is better than none.
                    tracing::error!(%error, template = template.name, "a built-in template failed");
                    values.headline.clone()
                })
        };
        let subject = match one_line(&render(&self.subject), LONGEST_SUBJECT) {
            subject if subject.is_empty() => one_line(&values.headline, LONGEST_SUBJECT),
            subject => subject,
        };
        let text = render(&self.text);
        let html = render(&self.html);
        Message {
            subject,
            text,
            html,
            problems,
        }
    }
}

impl Own {
    fn render(
        &self,
        engine: &Environment<'_>,
        values: &Values<'_>,
    ) -> Result<String, TemplateError> {
        engine
            .render_named_str(&self.name, &self.source, Serde(values))
            .map_err(|error| TemplateError::of_engine(&self.path, &error))
    }
}

fn read(host: &dyn Host, path: &Path) -> Result<Option<Own>, TemplateError> {
    let content = host
        .read(path)
        .map_err(|error| TemplateError::unreadable(path, chain_text(&error)))?;
    content
        .map(|bytes| {
            let source = String::from_utf8(bytes)
                .map_err(|_| TemplateError::unreadable(path, "it is not UTF-8 text".into()))?;
            Ok(Own {
                path: path.into(),
                name: path.to_string_lossy().into_owned(),
                source,
            })
        })
        .transpose()
}

/// Renders `own` for messages with everything in them and with nothing in them.
fn try_out(engine: &Environment<'_>, own: &Own) -> Result<(), TemplateError> {
    let full = Facts {
        summary: "9G of 10G are used".into(),
        remedy: Some("delete something".into()),
        used: Some(9 << 30),
        limit: Some(10 << 30),
        percent: Some(90.0),
        inodes: Some(1),
        inode_limit: Some(2),
        days_left: Some(12.0),
        days_range: Some((9.0, Some(17.0))),
        growth: Some(1e9),
    };
    for (facts, share) in [(full, "media".parse().ok()), (Facts::default(), None)] {
        for event in EVENTS {
            let notice = Notice {
                id: "0".repeat(32),
                at: 0,
                host: "gw".into(),
                share: share.clone(),
                kind: Kind::Space,
                event,
                severity: Severity::Warning,
                since: 0,
                facts: facts.clone(),
            };
            own.render(engine, &Values::of(&notice))?;
        }
    }
    Ok(())
}

/// `text` in one line of at most `longest` characters, without control characters.
pub(super) fn one_line(text: &str, longest: usize) -> String {
    // Beside the control characters, Unicode has two separators that end a line.
    let is_break = |c: char| c.is_control() || c.is_whitespace() || "\u{2028}\u{2029}".contains(c);
    let words: Vec<&str> = text
        .split(is_break)
        .filter(|word| !word.is_empty())
        .collect();
    let line = words.join(" ");
    match line.char_indices().nth(longest) {
        None => line,
        Some(_) => {
            let mut short: String = line.chars().take(longest.saturating_sub(1)).collect();
            short.push('…');
            short
        }
    }
}

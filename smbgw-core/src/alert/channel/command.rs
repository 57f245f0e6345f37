//! A program of the administrator's that gets each message as JSON.

use std::path::PathBuf;

use serde::Deserialize;

use super::{Channel, ChannelError, payload};
use crate::alert::message::Messages;
use crate::alert::notice::Notice;
use crate::deadline::Deadline;
use crate::error::{Problem, chain_text};
use crate::host::{Command, CommandError, Host};

/// Statuses by which a program says that the same message will be refused again, by sysexits.h:
/// `EX_USAGE`, `EX_DATAERR`, `EX_NOUSER` and `EX_NOHOST`.
pub(super) const REFUSED: [i32; 4] = [64, 65, 67, 68];

const NAME: &str = "command";

/// A program that is run for each message, with the message as JSON on its standard input.
///
/// Exit status 0 says that it took the message over. 64, 65, 67 and 68 say that trying again is of
/// no use; after any other (75, `EX_TEMPFAIL`, is the usual one), and where the program does not end
/// in time, the message is tried again later. It runs in `/` with a cleared environment, as the user
/// of this process, and only where nobody else can change it ([`Command::at`]).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandSettings {
    /// The absolute path of the program.
    pub program: PathBuf,
    /// Its arguments.
    #[serde(default)]
    pub args: Vec<String>,
}

#[derive(Debug)]
pub(super) struct CommandChannel<'a> {
    settings: CommandSettings,
    host: &'a dyn Host,
    messages: &'a Messages,
}

impl<'a> CommandChannel<'a> {
    pub(super) fn new(
        settings: &CommandSettings,
        host: &'a dyn Host,
        messages: &'a Messages,
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut problem = |field: &str, message: &str| {
            problems.push(Problem::invalid(field, "alert.command", message));
        };
        if !settings.program.is_absolute() {
            problem("command.program", "the path of the program is not absolute");
        }
        if settings.args.iter().any(|arg| arg.contains('\0')) {
            problem("command.args", "an argument cannot hold a NUL character");
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            settings: settings.clone(),
            host,
            messages,
        })
    }
}

impl Channel for CommandChannel<'_> {
    fn name(&self) -> &str {
        NAME
    }

    fn deliver(&self, notice: &Notice, deadline: Deadline) -> Result<(), ChannelError> {
        let mut input = payload::json(notice, &self.messages.render(notice))
            .map_err(|error| ChannelError::permanent(NAME, error.to_string()))?;
        input.push(b'\n');
        let command = Command::at(&self.settings.program)
            .args(&self.settings.args)
            .stdin(input);
        run(NAME, self.host, command, deadline)
    }
}

/// Runs `command`, which takes over one message.
pub(super) fn run(
    channel: &str,
    host: &dyn Host,
    command: Command,
    deadline: Deadline,
) -> Result<(), ChannelError> {
    let command = command.accept(&REFUSED).timeout(deadline.remaining());
    match host.run(&command, deadline) {
        Ok(output) if output.status == 0 => Ok(()),
        Ok(output) => {
            let said = match output.error_text() {
                text if text.trim().is_empty() => output.text(),
                text => text,
            };
            let error = CommandError::Failed {
                command: command.to_string(),
                status: format!("exit status: {}", output.status),
                stderr: end_of(said.trim()).into(),
            };
            Err(ChannelError::permanent(channel, error.to_string()))
        }
        Err(error) => Err(ChannelError::transient(channel, chain_text(&error))),
    }
}

/// At most the last 2000 bytes of `text`.
fn end_of(text: &str) -> &str {
    let start = text.len().saturating_sub(2000);
    (start..=text.len())
        .find_map(|start| text.get(start..))
        .unwrap_or_default()
}

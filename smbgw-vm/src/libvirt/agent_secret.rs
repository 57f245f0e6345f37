//! Tells the guest agent of a machine something that nobody else may see.
//!
//! Everybody on the machine of libvirt can read the arguments of a command. So `virsh` is run without a subcommand,
//! and reads one from its standard input, as from somebody who types. It would keep what was typed in a file
//! (virsh(1), `VIRSH_HISTSIZE`), and is told to keep nothing.

use std::time::Duration;

use serde_json::Value;
use smbgw_core::host::{Command, CommandError};
use smbgw_core::secret::Secret;
use zeroize::Zeroizing;

use super::call::{About, understand};
use super::{LibvirtError, Name, Virsh};

/// Where the empty list of what was typed goes, away from root's own.
const ENVIRONMENT: [&str; 2] = ["VIRSH_HISTSIZE=0", "XDG_CACHE_HOME=/run"];

impl Virsh<'_> {
    /// Sends a request with a secret in it to the guest agent, as [`agent`](Self::agent) sends others. The request
    /// is in no list of processes, no log and no error.
    ///
    /// # Errors
    /// As [`agent`](Self::agent) has them; also where the request is no JSON, or the name has other characters than those
    /// of ASCII.
    pub fn agent_with_secret(
        &self,
        name: &Name,
        request: &Secret,
        patience: Duration,
    ) -> Result<Value, LibvirtError> {
        let patience = patience.min(self.deadline.remaining()).as_secs().max(1);
        let command = Command::new("env")
            .args(ENVIRONMENT)
            .args(["virsh", "--quiet"])
            .arg(format!("--connect={}", self.uri))
            .timeout(self.deadline.remaining().max(Duration::from_secs(1)));
        let typed = typed(name, request, patience).ok_or_else(|| {
            CommandError::unexpected(&command, "the request is no JSON, or the name not ASCII")
        })?;
        let shown = command.clone();
        let about = About::domain(name.as_str());
        let told = self.host.run(&command.stdin_secret(typed), self.deadline);
        // A subcommand that fails does not end it, so its status says nothing.
        let (answer, complaint) = match told {
            Ok(output) => (answer(&output.text()), output.error_text()),
            Err(error) if error.stderr().is_empty() => return Err(error.into()),
            Err(error) => (None, error.stderr().to_owned()),
        };
        if let Some(answer) = answer {
            return Ok(answer);
        }
        if let Some(known) = understand(&complaint, about, self.host.name()) {
            return Err(known);
        }
        let said: String = complaint.trim().chars().take(400).collect();
        Err(match said.split_once("QEMU agent command") {
            Some((_, said)) => LibvirtError::AgentRefused {
                name: name.to_string(),
                said: said.trim().to_owned(),
            },
            None => CommandError::unexpected(&shown, format!("no answer; `{said}`")).into(),
        })
    }
}

/// The line that is typed.
///
/// `virsh` takes a word between `"`, in which `\` stands before what is meant as it is. In JSON other characters than
/// those of ASCII are only in strings, and can be written by their numbers there: what reads the line may take
/// bytes beyond ASCII for keys.
fn typed(name: &Name, request: &Secret, patience: u64) -> Option<Secret> {
    let text = std::str::from_utf8(request.expose()).ok()?;
    serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
    let mut line = Zeroizing::new(String::with_capacity(text.len() * 2 + 512));
    line.push_str("qemu-agent-command --domain \"");
    push_quoted(&mut line, name.as_str())?;
    line.push_str("\" --timeout ");
    line.push_str(&patience.to_string());
    line.push_str(" \"");
    for c in text.chars() {
        match c {
            // Between the parts of JSON these mean no more than a space does.
            '\n' | '\r' | '\t' => line.push(' '),
            c if c.is_ascii() => push_quoted(&mut line, c.encode_utf8(&mut [0; 4]))?,
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    line.push_str(&format!("\\\\u{unit:04x}"));
                }
            }
        }
    }
    line.push_str("\"\n");
    Some(Secret::from(line.as_bytes().to_vec()))
}

/// Adds what is to stand between `"`; nothing where a character would be a key.
fn push_quoted(line: &mut String, text: &str) -> Option<()> {
    for c in text.chars() {
        if c.is_control() || !c.is_ascii() {
            return None;
        }
        if matches!(c, '"' | '\\') {
            line.push('\\');
        }
        line.push(c);
    }
    Some(())
}

/// The answer among what `virsh` prints: after what was typed, over as many lines as that takes.
fn answer(said: &str) -> Option<Value> {
    let line = said
        .lines()
        .rev()
        .find(|line| line.starts_with("{\"return\""))?;
    let mut answer: Value = serde_json::from_str(line).ok()?;
    answer.get_mut("return").map(Value::take)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_typed_is_one_line_of_plain_characters() {
        let line = |request: &str| {
            let typed = typed(
                &"a \"b\"".parse().unwrap(),
                &Secret::from(request.as_bytes().to_vec()),
                7,
            );
            typed.map(|typed| String::from_utf8(typed.expose().to_vec()).unwrap())
        };
        assert_eq!(
            line("{\"a\":\n \"b\\n\\\"ü😀\"}").unwrap(),
            "qemu-agent-command --domain \"a \\\"b\\\"\" --timeout 7 \
             \"{\\\"a\\\":  \\\"b\\\\n\\\\\\\"\\\\u00fc\\\\ud83d\\\\ude00\\\"}\"\n"
        );
        assert_eq!(line("no JSON"), None);
        assert_eq!(line(""), None);
    }

    #[test]
    fn the_answer_is_found_behind_what_was_typed() {
        // As virsh 9.0 prints it where nobody types.
        let said = "virsh # qemu-agent-command --domain \"a\" \"{\\\"return\\\":0,\nAAAA\"\n{\"return\":{\"pid\":7}}\n\nvirsh # \n";
        assert_eq!(answer(said), Some(json!({"pid": 7})));
        assert_eq!(answer("virsh # qemu-agent-command\nvirsh # \n"), None);
    }
}

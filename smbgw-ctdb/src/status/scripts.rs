//! What the event scripts of a node said (`ctdb event status`, ctdb(1)).

use std::fmt;

use serde::{Deserialize, Serialize};

/// How the last run of one event script ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScriptResult {
    /// Its name, such as `50.samba`.
    pub name: String,
    /// How it ended.
    pub outcome: ScriptOutcome,
    /// How long it ran, where ctdb says so.
    pub duration_milliseconds: Option<u64>,
    /// What it printed, where it failed; shortened to some thousand characters.
    pub output: String,
}

/// How an event script ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ScriptOutcome {
    /// Nothing is wrong.
    Ok,
    /// It said that something is wrong.
    Error,
    /// It did not end in time (`EventScriptTimeout` of ctdb-tunables(7)) and was killed.
    TimedOut,
    /// It is not used.
    Disabled,
}

impl ScriptOutcome {
    /// Whether its node is unhealthy by it.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Error | Self::TimedOut)
    }
}

impl fmt::Display for ScriptOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::TimedOut => "timed out",
            Self::Disabled => "disabled",
        })
    }
}

/// The most that is kept of what a script printed, in bytes.
const LONGEST_OUTPUT: usize = 4096;

/// Reads what `ctdb event status` printed: a line for each script, and below it what a failed one said. A
/// line that is neither is a further line of that, as it has no mark of its own.
pub(super) fn parse(said: &str) -> Vec<ScriptResult> {
    let mut results: Vec<ScriptResult> = Vec::new();
    for line in said.lines() {
        if let Some(result) = result(line) {
            results.push(result);
        } else if let Some(last) = results.last_mut() {
            let text = line.strip_prefix("  OUTPUT: ").unwrap_or(line);
            let room = LONGEST_OUTPUT.saturating_sub(last.output.len() + 1);
            if !text.is_empty() && room > 0 {
                if !last.output.is_empty() {
                    last.output.push('\n');
                }
                last.output.push_str(beginning(text, room));
            }
        }
    }
    results
}

/// No more than the first `most` bytes, and no part of a character.
fn beginning(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

/// Reads a line such as `50.samba   OK   0.044 Mon Nov 23 16:17:23 2026`.
fn result(line: &str) -> Option<ScriptResult> {
    let mut words = line.split_whitespace();
    let name = words.next().filter(|_| !line.starts_with(' '))?;
    let (number, rest) = name.split_once('.')?;
    let is_script = number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit());
    let outcome = match words.next()? {
        "OK" => ScriptOutcome::Ok,
        "ERROR" => ScriptOutcome::Error,
        "TIMEDOUT" => ScriptOutcome::TimedOut,
        "DISABLED" => ScriptOutcome::Disabled,
        _ => return None,
    };
    (is_script && !rest.is_empty()).then(|| ScriptResult {
        name: name.to_owned(),
        outcome,
        duration_milliseconds: words.next().and_then(milliseconds),
        output: String::new(),
    })
}

/// Reads seconds such as `0.044`.
fn milliseconds(text: &str) -> Option<u64> {
    let (whole, thousandths) = text.split_once('.')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(thousandths) || thousandths.len() != 3 {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let thousandths: u64 = thousandths.parse().ok()?;
    whole.checked_mul(1000)?.checked_add(thousandths)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As ctdb 4.17 wrote it.
    const SAID: &str = "\
00.ctdb              OK         0.003 Mon Nov 23 16:18:28 2026
10.interface         DISABLED  
50.samba             TIMEDOUT   Mon Nov 23 16:18:28 2026
  OUTPUT: 
99.fail              ERROR      1.001 Mon Nov 23 16:18:28 2026
  OUTPUT: disk | is full
second line

";

    #[test]
    fn outcomes_and_outputs_are_read() {
        let results = parse(SAID);
        let seen = |at: usize| {
            let result = &results[at];
            let text = (result.name.as_str(), result.output.as_str());
            (text, result.outcome, result.duration_milliseconds)
        };
        assert_eq!(results.len(), 4);
        assert_eq!(seen(0), (("00.ctdb", ""), ScriptOutcome::Ok, Some(3)));
        assert_eq!(
            seen(1),
            (("10.interface", ""), ScriptOutcome::Disabled, None)
        );
        assert_eq!(seen(2), (("50.samba", ""), ScriptOutcome::TimedOut, None));
        let output = "disk | is full\nsecond line";
        assert_eq!(
            seen(3),
            (("99.fail", output), ScriptOutcome::Error, Some(1001))
        );
        assert_eq!(parse("Event monitor has never run in legacy\n"), []);
    }

    #[test]
    fn output_is_bounded() {
        let said = format!(
            "99.fail ERROR 0.001 Mon\n  OUTPUT: {}\nx\n",
            "é".repeat(9000)
        );
        let results = parse(&said);
        assert_eq!(results.len(), 1);
        assert!((4000..=LONGEST_OUTPUT).contains(&results[0].output.len()));
    }
}

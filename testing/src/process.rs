//! Running a command to its end, with an error that says what went wrong.

use std::collections::HashMap;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use crate::{Error, Result};

/// Runs `command` to its end and returns what it wrote to standard output.
///
/// A command that cannot be started, or ends with anything but success, is an error that shows its
/// arguments and everything it printed.
///
/// ```
/// use std::process::Command;
/// use smbgw_testing::run;
///
/// assert_eq!(run(Command::new("echo").arg("hello")).unwrap(), "hello\n");
/// let error = run(Command::new("ls").arg("/no/such/place")).unwrap_err();
/// assert!(error.to_string().contains("/no/such/place"));
/// ```
pub fn run(command: &mut Command) -> Result<String> {
    let output = output_of(command)?;
    judge(command, &output)
}

/// Like [`run`], for output that is no text.
pub(crate) fn run_bytes(command: &mut Command) -> Result<Vec<u8>> {
    let output = output_of(command)?;
    judge(command, &output)?;
    Ok(output.stdout)
}

fn output_of(command: &mut Command) -> Result<Output> {
    command
        .stdin(Stdio::null())
        .output()
        .map_err(Error::doing(format!(
            "`{}` cannot be started",
            show(command)
        )))
}

/// Like [`run`], with `input` on the command's standard input, which it reads to its end.
///
/// ```
/// use std::process::Command;
/// use smbgw_testing::process::run_with;
///
/// assert_eq!(run_with(&mut Command::new("cat"), b"hello").unwrap(), "hello");
/// ```
pub fn run_with(command: &mut Command, input: &[u8]) -> Result<String> {
    let shown = show(command);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Error::doing(format!("`{shown}` cannot be started")))?;
    let mut stdin = child.stdin.take().expect("it is a pipe");
    // A command that ends early does not want the rest; how it ended says more.
    let _ = stdin.write_all(input);
    drop(stdin);
    let output = child
        .wait_with_output()
        .map_err(Error::doing(format!("waiting for `{shown}`")))?;
    judge(command, &output)
}

/// What a command that ended wrote, or why that is no success.
fn judge(command: &Command, output: &Output) -> Result<String> {
    let shown = show(command);
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(stdout);
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(Error::new(format!(
        "`{shown}` failed ({}): {}",
        output.status,
        [stdout.trim(), stderr.trim()].join("\n").trim()
    )))
}

/// A command as a person would type it, more or less.
pub(crate) fn show(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// A process as it was seen once. Numbers are given out again, so the start time is kept too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) pid: u32,
    started: u64,
}

impl Seen {
    fn read(pid: u32) -> Option<(Seen, u32)> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in parentheses can hold anything, also spaces: read on from its end.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let parent = fields.get(1)?.parse().ok()?;
        let started = fields.get(19)?.parse().ok()?;
        Some((Seen { pid, started }, parent))
    }

    /// Kills the process unless it is gone, also when another has its number now.
    pub(crate) fn kill(self) {
        if Seen::read(self.pid).is_some_and(|(now, _)| now == self) {
            // It may have ended just now, which is as good.
            let _ = crate::sys::kill(self.pid, libc::SIGKILL);
        }
    }
}

/// The processes that descend from `ancestor`, children before grandchildren.
pub(crate) fn descendants(ancestor: u32) -> Vec<Seen> {
    let mut children: HashMap<u32, Vec<Seen>> = HashMap::new();
    for pid in std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
    {
        if let Some((seen, parent)) = Seen::read(pid) {
            children.entry(parent).or_default().push(seen);
        }
    }
    let mut found = children.remove(&ancestor).unwrap_or_default();
    let mut next = 0;
    while let Some(seen) = found.get(next) {
        let mut below = children.remove(&seen.pid).unwrap_or_default();
        found.append(&mut below);
        next += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descendants_are_found_through_the_whole_tree() {
        let mut shell = Command::new("sh")
            .args(["-c", "sleep 60 & echo; wait"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        std::io::BufRead::read_line(
            &mut std::io::BufReader::new(shell.stdout.take().unwrap()),
            &mut ready,
        )
        .unwrap();
        let found = descendants(std::process::id());
        assert!(found.iter().any(|seen| seen.pid == shell.id()));
        let sleep = descendants(shell.id());
        assert_eq!(sleep.len(), 1);
        sleep[0].kill();
        assert!(shell.wait().unwrap().success());
    }
}

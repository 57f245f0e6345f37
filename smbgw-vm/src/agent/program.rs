//! Programs of the guest.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use smbgw_core::deadline::Deadline;
use smbgw_core::secret::Secret;
use zeroize::Zeroizing;

use super::answer::shown;
use super::{AgentError, GuestAgent};
use crate::cloudinit::{Argv, GuestPath};

/// The most bytes that a program can be given on its standard input: the agent reads no text of more than
/// 64 MiB, and needs several times the memory.
pub const LARGEST_INPUT: usize = 4 << 20;

/// How a program of the guest ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The exit status, where no signal ended it.
    pub status: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// What it wrote to standard output.
    pub output: Vec<u8>,
    /// What it wrote to standard error.
    pub errors: Vec<u8>,
}

/// What programs find in their environment: nothing of the agent's.
const ENVIRONMENT: [&str; 2] = [
    "LC_ALL=C",
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
];

impl GuestAgent {
    /// Runs a program of the guest, as root, and waits for its end. It reads `input` from its standard input;
    /// that is in no log and no error. The first word is the path of the program, or its name where it is in one of
    /// the usual places.
    ///
    /// # Errors
    /// Where it cannot be started, has not ended before the deadline, or writes more than the agent keeps.
    /// How it ended is no error.
    pub fn execute(
        &mut self,
        command: &Argv,
        input: Option<&Secret>,
        deadline: Deadline,
    ) -> Result<Ended, AgentError> {
        let time = deadline.remaining();
        let program = command.program();
        let request = request(program, &command.words()[1..], input)?;
        let started = self.ask("guest-exec", &request, deadline)?;
        let pid = started.get("pid").and_then(Value::as_i64);
        let pid = pid.ok_or_else(|| garbled("guest-exec", "no number of a process"))?;
        let status = json!({ "execute": STATUS, "arguments": { "pid": pid } });
        let status = format!("{status}\n");
        let mut pause = Duration::from_millis(10);
        loop {
            match self.ask(STATUS, status.as_bytes(), deadline) {
                Ok(told) => {
                    if let Some(ended) = ended(&told, program)? {
                        return Ok(ended);
                    }
                }
                // It was started, and may well go on.
                Err(AgentError::Silent { .. }) => {}
                Err(error) => return Err(error),
            }
            if deadline.has_passed() {
                return Err(AgentError::StillRunning {
                    program: program.to_owned(),
                    after: time,
                });
            }
            // The agent tells nobody of an end by itself.
            std::thread::sleep(pause.min(deadline.remaining()));
            pause = (pause * 2).min(Duration::from_millis(500));
        }
    }

    /// The same where any end but that with status 0 is an error. Returns what was written to standard output.
    ///
    /// # Errors
    /// Also [`AgentError::Failed`], with the end of what was written to standard error.
    pub fn run(
        &mut self,
        command: &Argv,
        input: Option<&Secret>,
        deadline: Deadline,
    ) -> Result<Vec<u8>, AgentError> {
        let ended = self.execute(command, input, deadline)?;
        if ended.status == Some(0) {
            return Ok(ended.output);
        }
        let start = ended.errors.len().saturating_sub(500);
        Err(AgentError::Failed {
            program: command.program().to_owned(),
            how: match (ended.status, ended.signal) {
                (Some(status), _) => format!("exit status {status}"),
                (None, Some(signal)) => format!("signal {signal}"),
                (None, None) => "no exit status".into(),
            },
            said: shown(&String::from_utf8_lossy(&ended.errors[start..])),
        })
    }

    /// Writes a file of the guest with these permissions, of root's: this is how it gets a secret.
    ///
    /// `guest-file-open` would make one that everybody can write to, for a moment at least. So a program does
    /// it that makes files nobody else can read, and changes their permissions when they are whole.
    ///
    /// # Errors
    /// Where it cannot be written, or is larger than [`LARGEST_INPUT`].
    pub fn write_file(
        &mut self,
        path: &GuestPath,
        content: &Secret,
        mode: u32,
        deadline: Deadline,
    ) -> Result<(), AgentError> {
        let mode = format!("{:04o}", mode & 0o7777);
        let words = [
            "/usr/bin/install",
            "-T",
            "-m",
            &mode,
            "/dev/stdin",
            path.as_str(),
        ];
        let command = Argv::of(words);
        self.run(&command, Some(content), deadline).map(drop)
    }
}

pub(crate) const STATUS: &str = "guest-exec-status";

/// The request that starts a program. It is put together by hand from where the input comes in, so that
/// all of the memory that has it is known and wiped.
pub(crate) fn request(
    program: &str,
    arguments: &[String],
    input: Option<&Secret>,
) -> Result<Zeroizing<Vec<u8>>, AgentError> {
    let told = json!({
        "path": program,
        "arg": arguments,
        "env": ENVIRONMENT,
        "capture-output": true,
    });
    let told = told.to_string();
    let start = format!(
        "{{\"execute\":\"guest-exec\",\"arguments\":{}",
        &told[..told.len() - 1]
    );
    let input = input.map_or(&[][..], Secret::expose);
    if input.len() > LARGEST_INPUT {
        return Err(AgentError::TooLarge {
            bytes: input.len(),
            most: LARGEST_INPUT,
        });
    }
    let encoded = Zeroizing::new(STANDARD.encode(input));
    let parts = [
        start.as_bytes(),
        b",\"input-data\":\"",
        encoded.as_bytes(),
        b"\"}}\n",
    ];
    let mut request = Zeroizing::new(Vec::with_capacity(
        parts.iter().map(|part| part.len()).sum(),
    ));
    for part in parts {
        request.extend_from_slice(part);
    }
    Ok(request)
}

/// How the program ended, where it has.
pub(crate) fn ended(told: &Value, program: &str) -> Result<Option<Ended>, AgentError> {
    if told.get("exited").and_then(Value::as_bool) != Some(true) {
        return Ok(None);
    }
    let is_cut = |name| told.get(name).and_then(Value::as_bool) == Some(true);
    if is_cut("out-truncated") || is_cut("err-truncated") {
        return Err(AgentError::TooMuchOutput {
            program: program.to_owned(),
        });
    }
    let data = |name| match told.get(name).map(Value::as_str) {
        None => Ok(Vec::new()),
        Some(text) => text
            .and_then(|text| STANDARD.decode(text).ok())
            .ok_or_else(|| garbled(STATUS, "what was written is no base64")),
    };
    let number = |name| {
        let number = told.get(name).and_then(Value::as_i64);
        number.and_then(|number| i32::try_from(number).ok())
    };
    Ok(Some(Ended {
        status: number("exitcode"),
        signal: number("signal"),
        output: data("out-data")?,
        errors: data("err-data")?,
    }))
}

fn garbled(command: &'static str, what: &str) -> AgentError {
    AgentError::Garbled {
        command,
        what: what.into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_request_is_what_the_agent_reads() {
        let secret = Secret::from("a \"quoted\" one".to_owned());
        let made = request("/bin/x", &["a\"b".to_owned()], Some(&secret)).unwrap();
        let read: Value = serde_json::from_slice(&made).unwrap();
        assert_eq!(read["execute"], "guest-exec");
        assert_eq!(read["arguments"]["path"], "/bin/x");
        assert_eq!(read["arguments"]["arg"], json!(["a\"b"]));
        assert_eq!(read["arguments"]["capture-output"], true);
        assert_eq!(read["arguments"]["input-data"], "YSAicXVvdGVkIiBvbmU=");
        let large = Secret::from(vec![0; LARGEST_INPUT + 1]);
        let refused = request("/bin/x", &[], Some(&large));
        assert!(matches!(refused, Err(AgentError::TooLarge { .. })));
    }

    #[test]
    fn ends_are_read() {
        let running = json!({ "exited": false });
        assert_eq!(ended(&running, "x").unwrap(), None);
        let killed = ended(&json!({ "exited": true, "signal": 9 }), "x")
            .unwrap()
            .unwrap();
        assert_eq!((killed.status, killed.signal), (None, Some(9)));
        let wrote = json!({ "exited": true, "exitcode": 1, "err-data": "bm8K" });
        assert_eq!(ended(&wrote, "x").unwrap().unwrap().errors, b"no\n");
        let cut = json!({ "exited": true, "exitcode": 0, "out-truncated": true });
        assert!(matches!(
            ended(&cut, "x"),
            Err(AgentError::TooMuchOutput { .. })
        ));
        let wrong = json!({ "exited": true, "exitcode": 0, "out-data": "?" });
        assert!(matches!(
            ended(&wrong, "x"),
            Err(AgentError::Garbled { .. })
        ));
    }

    proptest! {
        #[test]
        fn no_end_breaks_the_reading(
            status in any::<i64>(), signal in any::<u64>(), output in any::<String>(), exited in any::<bool>(),
        ) {
            let told = json!({ "exited": exited, "exitcode": status, "signal": signal, "out-data": output });
            let _ = ended(&told, "x");
        }
    }
}

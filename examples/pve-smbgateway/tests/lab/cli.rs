//! The program as an administrator runs it, and clients of its shares.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;
use smbgw_testing::run;

/// The program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_pve-smbgateway");

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Its exit status; -1 where a signal ended it.
    pub(crate) status: i32,
    /// What it printed to standard output.
    pub(crate) stdout: String,
    /// What it printed to standard error.
    pub(crate) stderr: String,
}

impl Ran {
    /// Fails unless it ended with this status.
    #[track_caller]
    pub(crate) fn ended(self, status: i32) -> Self {
        assert_eq!(self.status, status, "{self:#?}");
        self
    }

    /// Fails unless its output has each of these texts.
    #[track_caller]
    pub(crate) fn said(self, texts: &[&str]) -> Self {
        for text in texts {
            let is_there = self.stdout.contains(text) || self.stderr.contains(text);
            assert!(is_there, "`{text}` is missing in {self:#?}");
        }
        self
    }

    /// Its output as a JSON document.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// Runs the program with arguments separated by blanks.
pub(crate) fn gateway(arguments: &str) -> Ran {
    gateway_with(&arguments.split_whitespace().collect::<Vec<_>>(), "")
}

/// Runs the program with arguments and standard input.
pub(crate) fn gateway_with(arguments: &[&str], input: &str) -> Ran {
    run_as(Command::new(PROGRAM).args(arguments), input)
}

/// Starts the program.
pub(crate) fn start(arguments: &[&str], input: Stdio) -> std::process::Child {
    start_as(Command::new(PROGRAM).args(arguments), input)
}

/// Runs `command`, which is the program, with standard input.
pub(crate) fn run_as(command: &mut Command, input: &str) -> Ran {
    let mut child = start_as(command, Stdio::piped());
    // It may not want to read it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    wait(child)
}

fn start_as(command: &mut Command, input: Stdio) -> std::process::Child {
    command
        .stdin(input)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits for the end of the program.
pub(crate) fn wait(child: std::process::Child) -> Ran {
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran {
        status: output.status.code().unwrap_or(-1),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// The password of every user in these tests.
pub(crate) const PASSWORD: &str = "Tr0ub4dor&3";

/// Makes accounts that Samba knows.
pub(crate) fn add_users(names: &[&str]) {
    for name in names {
        run(Command::new("useradd").args(["--no-create-home", name])).unwrap();
        let mut smbpasswd = Command::new("smbpasswd")
            .args(["-s", "-a", name])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let twice = format!("{PASSWORD}\n{PASSWORD}\n");
        let mut stdin = smbpasswd.stdin.take().unwrap();
        stdin.write_all(twice.as_bytes()).unwrap();
        drop(stdin);
        assert!(smbpasswd.wait().unwrap().success());
    }
}

/// What a client did.
#[derive(Debug)]
pub(crate) struct Client {
    /// Whether it says that all went well.
    pub(crate) succeeded: bool,
    /// All that it printed.
    pub(crate) said: String,
}

impl Client {
    /// Fails unless all went well.
    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert!(self.succeeded, "{self:#?}");
        self
    }

    /// Fails unless it was refused with this status.
    #[track_caller]
    pub(crate) fn refused(self, status: &str) -> Self {
        assert!(!self.succeeded && self.said.contains(status), "{self:#?}");
        self
    }

    /// The size of the share and what is free of it, in bytes, as `ls` shows them.
    #[track_caller]
    pub(crate) fn space(&self) -> (u64, u64) {
        let line = self
            .said
            .lines()
            .find(|line| line.contains("blocks of size"));
        let numbers: Vec<u64> = line
            .unwrap_or_else(|| panic!("{self:#?}"))
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|number| number.parse().ok())
            .collect();
        (numbers[0] * numbers[1], numbers[2] * numbers[1])
    }
}

/// Has `user` do `commands` with the share.
pub(crate) fn smbclient(share: &str, user: &str, commands: &str) -> Client {
    smbclient_with(share, &["-U", &format!("{user}%{PASSWORD}")], commands)
}

/// Does `commands` with the share, with more arguments for smbclient.
pub(crate) fn smbclient_with(share: &str, arguments: &[&str], commands: &str) -> Client {
    let output = Command::new("smbclient")
        .args(["--configfile=/dev/null", "--option=interfaces=lo"])
        .args(arguments)
        .arg(format!("//127.0.0.1/{share}"))
        .args(["-c", commands])
        .current_dir("/srv")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    Client {
        // It ends with success after some of its commands failed.
        succeeded: output.status.success() && !said.contains("NT_STATUS_"),
        said,
    }
}

/// A file of this many bytes, nothing that could be squeezed, for a client to put.
pub(crate) fn local_file(name: &str, bytes: u64) {
    let mut file = std::fs::File::create(format!("/srv/{name}")).unwrap();
    let random = std::fs::File::open("/dev/urandom").unwrap();
    std::io::copy(&mut std::io::Read::take(random, bytes), &mut file).unwrap();
}

//! The agent of guests: the real one, and ones that lie, stammer or say nothing.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};
use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::{Coded, chain_text};
use smbgw_core::host::{Command as HostCommand, Host};
use smbgw_core::secret::Secret;
use smbgw_testing::{Capability, Daemon, DebianPackages, require, wait_until};
use smbgw_vm::agent::{AgentError, FreezeStatus, GuestAgent, LARGEST_INPUT, Shutdown, guest_host};
use smbgw_vm::cloudinit::Argv;

/// Longer than anything here takes on a busy machine.
fn patience() -> Deadline {
    Deadline::after(Duration::from_secs(120))
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_millis(300))
}

fn argv(words: &[&str]) -> Argv {
    Argv::new(words.iter().copied()).unwrap()
}

/// Debian's agent, on this machine. It may not switch it off.
struct RealAgent {
    _daemon: Daemon,
    folder: tempfile::TempDir,
    socket: PathBuf,
}

impl RealAgent {
    fn start() -> Self {
        let root = DebianPackages::QEMU_GUEST_AGENT.root().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("agent.sock");
        let mut command = Command::new(root.join("usr/sbin/qemu-ga"));
        command
            .arg("--method=unix-listen")
            .arg(format!("--path={}", socket.display()))
            .arg(format!("--statedir={}", folder.path().display()))
            .arg(format!("--pidfile={}/pid", folder.path().display()))
            .arg("--blacklist=guest-shutdown,guest-suspend-disk,guest-suspend-ram,guest-fsfreeze-freeze");
        let daemon = Daemon::start(command).unwrap();
        wait_until(Duration::from_secs(60), "the agent to listen", || {
            socket.exists().then_some(())
        })
        .unwrap();
        Self {
            _daemon: daemon,
            folder,
            socket,
        }
    }

    fn connect(&self) -> GuestAgent {
        GuestAgent::connect(&self.socket, patience()).unwrap()
    }
}

#[test]
fn a_real_agent_tells_what_it_is() {
    require!(Capability::QemuGuestAgent);
    let real = RealAgent::start();
    let mut agent = real.connect();
    agent.ping(patience()).unwrap();
    let info = agent.info(patience()).unwrap();
    assert!(
        info.version
            .starts_with(|first: char| first.is_ascii_digit()),
        "{info:?}"
    );
    assert!(info.commands.iter().any(|command| command == "guest-exec"));
    assert!(
        !info
            .commands
            .iter()
            .any(|command| command == "guest-shutdown"),
        "it is blocked"
    );
    assert_eq!(
        agent.freeze_status(patience()).unwrap(),
        FreezeStatus::Thawed
    );
    for interface in agent.interfaces(patience()).unwrap() {
        assert_ne!(interface.name, "lo");
        assert!(
            interface
                .addresses
                .iter()
                .all(|address| !address.is_loopback())
        );
    }
    let refused = agent.shutdown(Shutdown::Powerdown, patience()).unwrap_err();
    assert_eq!(refused.code(), "vm.agent-refused", "{refused}");
    agent.ping(patience()).unwrap();
    // It takes the next connection when this one is over.
    drop(agent);
    real.connect().ping(patience()).unwrap();
}

#[test]
fn a_real_agent_runs_programs() {
    require!(Capability::QemuGuestAgent);
    let real = RealAgent::start();
    let mut agent = real.connect();
    let odd = Secret::from(b"\0\xff\n secret".to_vec());
    let ended = agent
        .execute(&argv(&["cat"]), Some(&odd), patience())
        .unwrap();
    assert_eq!((ended.status, ended.signal), (Some(0), None));
    assert_eq!(ended.output, odd.expose());
    let ended = agent
        .execute(
            &argv(&["sh", "-c", "echo \"$1\" >&2; exit 3", "-", "a 'b"]),
            None,
            patience(),
        )
        .unwrap();
    assert_eq!(
        (ended.status, ended.errors.as_slice()),
        (Some(3), b"a 'b\n".as_slice())
    );
    let ended = agent
        .execute(&argv(&["sh", "-c", "kill -9 $$"]), None, patience())
        .unwrap();
    assert_eq!((ended.status, ended.signal), (None, Some(9)));
    // Nothing of the environment that the agent was started with.
    let seen = agent.run(&argv(&["env"]), None, patience()).unwrap();
    let seen = String::from_utf8(seen).unwrap();
    let mut names: Vec<&str> = seen
        .lines()
        .filter_map(|line| line.split('=').next())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["LC_ALL", "PATH"]);
    let failed = agent
        .run(
            &argv(&["sh", "-c", "echo why >&2; exit 7"]),
            None,
            patience(),
        )
        .unwrap_err();
    assert_eq!(
        failed.to_string(),
        "`sh` failed in the guest with exit status 7: why"
    );
    let missing = agent
        .execute(&argv(&["/no/such"]), None, patience())
        .unwrap_err();
    assert_eq!(missing.code(), "vm.agent-refused", "{missing}");
    let large = Secret::from(vec![b'x'; LARGEST_INPUT]);
    let ended = agent
        .execute(&argv(&["wc", "-c"]), Some(&large), patience())
        .unwrap();
    assert_eq!(ended.output, format!("{LARGEST_INPUT}\n").as_bytes());
    let endless = agent.execute(
        &argv(&["head", "-c", "20000000", "/dev/zero"]),
        None,
        patience(),
    );
    assert!(
        matches!(endless, Err(AgentError::TooMuchOutput { .. })),
        "{endless:?}"
    );
    let short = Deadline::after(Duration::from_secs(3));
    let late = agent
        .execute(&argv(&["sleep", "100"]), None, short)
        .unwrap_err();
    assert_eq!(late.code(), "vm.guest-program-failed", "{late}");
    agent.ping(patience()).unwrap();
}

#[test]
fn a_real_agent_takes_secrets() {
    require!(Capability::QemuGuestAgent);
    let real = RealAgent::start();
    let mut agent = real.connect();
    let path = real.folder.path().join("key");
    let secret = Secret::from(b"\x01hunter2".to_vec());
    let place = path.to_str().unwrap().parse().unwrap();
    for mode in [0o600, 0o640] {
        agent.write_file(&place, &secret, mode, patience()).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), secret.expose());
        let status = std::fs::metadata(&path).unwrap();
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&status.permissions()) & 0o7777,
            mode
        );
    }
    let nowhere = "/no/such/folder/key".parse().unwrap();
    let error = agent
        .write_file(&nowhere, &secret, 0o600, patience())
        .unwrap_err();
    assert_eq!(error.code(), "vm.guest-program-failed");
    assert!(!format!("{error:?}").contains("hunter2"));
}

/// An agent that answers as it is told: each line it gets is handed to `answer`, which returns what
/// it says to that.
fn pretender(
    folder: &Path,
    mut answer: impl FnMut(&[u8], &mut UnixStream) + Send + 'static,
) -> (PathBuf, JoinHandle<()>) {
    let socket = folder.join("agent.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap());
        let mut line = Vec::new();
        while lines
            .read_until(b'\n', &mut line)
            .is_ok_and(|count| count > 0)
        {
            answer(&line, &mut stream);
            line.clear();
        }
    });
    (socket, thread)
}

/// The answer to a greeting, where the line is one.
fn greeting(line: &[u8]) -> Option<Vec<u8>> {
    let request: Value = serde_json::from_slice(line.strip_prefix(b"\xff")?).unwrap();
    assert_eq!(request["execute"], "guest-sync-delimited");
    let answer = json!({ "return": request["arguments"]["id"] });
    Some(format!("{answer}\n").into_bytes())
}

#[test]
fn what_was_left_over_is_passed_by() {
    let folder = tempfile::tempdir().unwrap();
    let (socket, thread) = pretender(folder.path(), |line, stream| {
        let said = match greeting(line) {
            Some(answer) => [
                b"{\"return\": 1}\n{\"retu\xff{\"return\": 5}\n\xff".as_slice(),
                &answer,
            ]
            .concat(),
            None => b"{\"return\": {}}\n".to_vec(),
        };
        stream.write_all(&said).unwrap();
    });
    let mut agent = GuestAgent::connect(&socket, patience()).unwrap();
    agent.ping(patience()).unwrap();
    drop(agent);
    thread.join().unwrap();
}

#[test]
fn a_guest_that_starts_is_greeted_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut greetings = 0;
    let (socket, thread) = pretender(folder.path(), move |line, stream| {
        let answer = greeting(line);
        greetings += u32::from(answer.is_some());
        // The first greeting is lost.
        if greetings > 1 {
            let answer = answer.unwrap_or_else(|| b"{\"return\": {}}\n".to_vec());
            stream
                .write_all(&[b"\xff".as_slice(), &answer].concat())
                .unwrap();
        }
    });
    drop(GuestAgent::connect(&socket, patience()).unwrap());
    thread.join().unwrap();
}

#[test]
fn an_answer_that_comes_too_late_is_nobody_elses() {
    let folder = tempfile::tempdir().unwrap();
    let mut kept = Vec::new();
    let (socket, thread) = pretender(folder.path(), move |line, stream| match greeting(line) {
        Some(answer) => {
            kept.extend_from_slice(b"\xff");
            kept.extend_from_slice(&answer);
            stream.write_all(&kept).unwrap();
            kept.clear();
        }
        None if line.windows(10).any(|part| part == b"guest-info") => {
            let answer = json!({ "return": { "version": "9", "supported_commands": [] } });
            stream.write_all(format!("{answer}\n").as_bytes()).unwrap();
        }
        None => kept.extend_from_slice(b"{\"return\": \"late\"}\n"),
    });
    let mut agent = GuestAgent::connect(&socket, patience()).unwrap();
    let silent = agent.freeze_status(soon()).unwrap_err();
    assert_eq!(silent.code(), "vm.agent-silent");
    assert_eq!(agent.info(patience()).unwrap().version, "9");
    drop(agent);
    thread.join().unwrap();
}

#[test]
fn nobody_there_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("agent.sock");
    let missing = GuestAgent::connect(&socket, patience()).unwrap_err();
    assert_eq!(missing.code(), "vm.agent-unreachable");
    let listener = UnixListener::bind(&socket).unwrap();
    let silent = GuestAgent::connect(&socket, soon()).unwrap_err();
    assert!(matches!(silent, AgentError::Silent { .. }), "{silent:?}");
    drop(listener);
    let refused = GuestAgent::connect(&socket, patience()).unwrap_err();
    assert_eq!(refused.code(), "vm.agent-unreachable");
}

#[test]
fn an_agent_that_lies_is_told() {
    for said in [
        b"\n".as_slice(),
        b"{}\n",
        b"\xff\xfe\n",
        b"{\"return\": {\"pid\": \"x\"}}\n",
        b"{\"return\": []}\n",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (socket, thread) = pretender(folder.path(), move |line, stream| {
            let greeted = greeting(line).map(|answer| [b"\xff".as_slice(), &answer].concat());
            stream
                .write_all(greeted.as_deref().unwrap_or(said))
                .unwrap();
        });
        let mut agent = GuestAgent::connect(&socket, patience()).unwrap();
        let error = agent
            .execute(&argv(&["true"]), None, patience())
            .unwrap_err();
        assert_eq!(error.code(), "vm.agent-garbled", "{said:?} {error}");
        drop(agent);
        thread.join().unwrap();
    }
}

#[test]
fn an_agent_that_never_ends_a_line_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let (socket, thread) = pretender(folder.path(), |line, stream| match greeting(line) {
        Some(answer) => stream
            .write_all(&[b"\xff".as_slice(), &answer].concat())
            .unwrap(),
        // Until nobody listens any more.
        None => while stream.write_all(&[b'x'; 1 << 20]).is_ok() {},
    });
    let mut agent = GuestAgent::connect(&socket, patience()).unwrap();
    let error = agent.ping(patience()).unwrap_err();
    assert_eq!(error.code(), "vm.agent-garbled", "{error}");
    drop(agent);
    thread.join().unwrap();
}

#[test]
fn a_guest_is_a_host_by_its_agent() {
    require!(Capability::QemuGuestAgent);
    let real = RealAgent::start();
    let guest = guest_host("vault", &real.socket, patience()).unwrap();
    assert_eq!((guest.name(), guest.is_live()), ("vault", true));
    let path = real.folder.path().join("settings");
    assert_eq!(guest.read(&path).unwrap(), None);
    assert_eq!(
        guest.write(&path, b"a\0b\n", 0o640).unwrap(),
        Change::Created
    );
    assert_eq!(
        guest.write(&path, b"a\0b\n", 0o640).unwrap(),
        Change::Unchanged
    );
    assert_eq!(guest.read(&path).unwrap().unwrap(), b"a\0b\n");
    assert_eq!(guest.status(&path).unwrap().unwrap().mode, 0o640);
    let secret = Secret::from("hunter2\n".to_owned());
    let count = HostCommand::new("wc").arg("-c").stdin_secret(secret);
    assert_eq!(guest.run(&count, patience()).unwrap().text(), "8\n");
    let failed = guest
        .run(&HostCommand::new("false"), patience())
        .unwrap_err();
    assert!(failed.to_string().contains("exit status"), "{failed}");
    let lock = guest.lock("x", "a test", patience()).unwrap_err();
    assert!(chain_text(&lock).contains("guest agent"), "{lock}");
    let large = guest
        .write(&path, &vec![0; 2 * LARGEST_INPUT], 0o640)
        .unwrap_err();
    assert!(
        chain_text(&large).contains("more than can be carried"),
        "{large}"
    );
    assert_eq!(guest.remove(&path).unwrap(), Change::Removed);
    drop(real);
    let gone = guest.run(&count, patience()).unwrap_err();
    assert_eq!(gone.code(), "host.way-unusable", "{gone}");
}

//! A lock that is let go when the ctdbd of the node that holds it hangs.
//!
//! ctdb's own program for a lock on a file belongs to ctdb's recovery daemon, which lives on while ctdbd hangs, and so
//! does the lock. [`content`] is a program that set-up writes to [`PATH`] on every node. It starts ctdb's own
//! one, hands on what that says, and asks ctdbd by its socket whether it is there. Where it gets no answer for as long as
//! other nodes wait for one that is silent, it ends the program that holds the lock, itself, and the recovery daemon:
//! that would go on to lead when ctdbd wakes, until ctdb bans the node for five minutes (4.17). ctdbd starts a
//! new one, which it looks for every 30 seconds.
//!
//! Only time in which it runs itself counts, and its clock is one that nobody sets.

use std::path::Path;

/// Where the program is.
pub const PATH: &str = "/etc/ctdb/smbgw-lock";

const PERL: &str = "/usr/bin/perl";

const CONTENT: &str = include_str!("let_go.pl");

/// The program, for perl, which every Debian has (`perl-base` is essential there).
pub fn content() -> &'static str {
    CONTENT
}

/// The words of `cluster lock` that have the program hold a lock by `holder`, and let go of it after so many
/// milliseconds of silence.
pub(super) fn words(milliseconds: u32, holder: Vec<String>) -> Vec<String> {
    let program = [PERL, PATH].map(str::to_owned).into_iter();
    program
        .chain([milliseconds.to_string()])
        .chain(holder)
        .collect()
}

/// What holds the lock, of the words of a `cluster lock`; `None` where it is not held by this program.
pub(super) fn holder(words: &[String]) -> Option<&[String]> {
    match words {
        [perl, program, milliseconds, holder @ ..] if perl == PERL && program == PATH => {
            milliseconds.parse::<u32>().ok().map(|_| holder)
        }
        _ => None,
    }
}

/// Whether a value of `cluster lock` in ctdb.conf has the lock let go when the ctdbd of the leader hangs.
pub fn is_let_go(setting: &str) -> bool {
    let name = Path::new(PATH).file_name();
    let mut words = setting.split_whitespace();
    setting.starts_with('!') && words.any(|word| Path::new(word).file_name() == name)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixListener;
    use std::os::unix::process::ExitStatusExt;
    use std::path::PathBuf;
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, Instant};

    use super::*;
    use crate::client::{self, wire};

    /// The program with a socket of the test's own.
    struct Holder {
        folder: tempfile::TempDir,
        socket: PathBuf,
        child: Option<Child>,
    }

    impl Holder {
        /// Has it hold by `program`, for 2 s of silence.
        fn start(program: &str) -> (Self, UnixListener) {
            let folder = tempfile::tempdir().unwrap();
            let socket = folder.path().join("socket");
            let listener = UnixListener::bind(&socket).unwrap();
            let holder = Self {
                folder,
                socket,
                child: None,
            };
            (holder.run(program), listener)
        }

        fn run(mut self, program: &str) -> Self {
            let text = content().replace(client::SOCKET, self.socket.to_str().unwrap());
            assert_ne!(text, content());
            let file = self.folder.path().join("program");
            std::fs::write(&file, text).unwrap();
            // What stands for the recovery daemon is ended where the lock is let go.
            let child = Command::new("/bin/sh")
                .args(["-c", "\"$@\"; :", "sh", PERL])
                .arg(file)
                .args(["2000", "/bin/sh", "-c", program])
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            self.child = Some(child);
            self
        }

        fn child(&mut self) -> &mut Child {
            self.child.as_mut().unwrap()
        }

        fn says(&mut self) -> String {
            let mut one = [0];
            let said = self
                .child()
                .stdout
                .as_mut()
                .unwrap()
                .read(&mut one)
                .unwrap();
            String::from_utf8_lossy(&one[..said]).into_owned()
        }

        /// Waits until it has ended, and returns what it wrote to its log, and the signal that ended its parent.
        fn end(&mut self) -> (String, Option<i32>) {
            let mut log = String::new();
            let mut stderr = self.child().stderr.take().unwrap();
            let status = self.child().wait().unwrap();
            stderr.read_to_string(&mut log).unwrap();
            (log, status.signal())
        }
    }

    impl Drop for Holder {
        fn drop(&mut self) {
            if let Some(mut child) = self.child.take() {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }

    /// A reply to `ping` of a daemon with no other client.
    fn reply() -> Vec<u8> {
        let numbers = [44_u32, 0x4354_4442, 1, 7, 8, 0, 0, 1, 0, 0, 0];
        numbers.into_iter().flat_map(u32::to_ne_bytes).collect()
    }

    #[test]
    fn it_lets_go_when_the_daemon_has_gone_silent() {
        let (mut holder, listener) = Holder::start("printf 0; exec sleep 600");
        assert_eq!(holder.says(), "0");
        let (mut daemon, _) = listener.accept().unwrap();
        let mut question = [0; 64];
        let mut expected = Vec::new();
        let ping = wire::Request {
            id: 1,
            control: 3,
            ..wire::Request::default()
        };
        ping.write(&mut expected);
        // For longer than it would wait for an answer.
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(3) {
            daemon.read_exact(&mut question).unwrap();
            assert_eq!(question[..], expected);
            daemon.write_all(&reply()).unwrap();
        }
        assert_eq!(holder.child().try_wait().unwrap(), None);
        // The connection stays, and nobody answers.
        let (log, signal) = holder.end();
        assert!(log.contains("silent for 2 s"), "{log}");
        assert_eq!(signal, Some(9));
        assert_eq!(holder.says(), "");
        drop(daemon);
    }

    #[test]
    fn what_the_holder_says_is_handed_on() {
        for said in ["1", "2", "3"] {
            let (mut holder, _listener) = Holder::start(&format!("printf {said}"));
            assert_eq!(holder.says(), said);
            assert_eq!(holder.end(), (String::new(), None));
        }
        let (mut silent, _listener) = Holder::start("exit 1");
        assert_eq!(silent.says(), "3");
        // One that held the lock and has lost it.
        let (mut lost, _listener) = Holder::start("printf 0; exec sleep 0.3");
        assert_eq!(lost.says(), "0");
        assert_eq!(lost.end(), (String::new(), None));
    }

    #[test]
    fn a_daemon_that_never_answered_is_not_watched() {
        let (mut holder, listener) = Holder::start("printf 0; exec sleep 4");
        drop(listener);
        let start = Instant::now();
        assert_eq!(holder.end(), (String::new(), None));
        assert!(start.elapsed() > Duration::from_secs(3));
    }

    #[test]
    fn settings_are_told_apart() {
        let holder = vec!["/bin/hold".to_owned(), "/srv/lock".to_owned()];
        let words = words(2_500, holder.clone());
        assert_eq!(super::holder(&words), Some(&holder[..]));
        assert_eq!(super::holder(&holder), None);
        let setting = format!("!/usr/bin/setpriv --pdeathsig KILL {}", words.join(" "));
        assert!(is_let_go(&setting));
        for other in ["/etc/ctdb/smbgw-lock", "!/bin/hold /srv/lock", ""] {
            assert!(!is_let_go(other), "{other}");
        }
    }
}

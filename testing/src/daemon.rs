//! Helper processes that end with their value, and waiting for things to become true.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::process::{Seen, descendants, show};
use crate::{Error, Result, keep, shout, sys};

/// How long a daemon may take to end after SIGTERM before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// Asks `check` again and again until it gives a value, at most for `limit`.
///
/// `what` names the thing waited for, as in "smbd to listen"; it is in the error.
///
/// ```
/// use std::time::Duration;
/// use smbgw_testing::wait_until;
///
/// let mut tries = 0;
/// let third = wait_until(Duration::from_secs(5), "the third try", || {
///     tries += 1;
///     (tries == 3).then_some("here")
/// });
/// assert_eq!(third.unwrap(), "here");
/// ```
pub fn wait_until<T>(
    limit: Duration,
    what: &str,
    mut check: impl FnMut() -> Option<T>,
) -> Result<T> {
    let start = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(value) = check() {
            return Ok(value);
        }
        let left = limit.saturating_sub(start.elapsed());
        if left.is_zero() {
            return Err(Error::new(format!("waited {limit:?} for {what} in vain")));
        }
        sleep(pause.min(left));
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// A running helper process. Dropping it ends it, with everything it started.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    shown: String,
}

impl Daemon {
    /// Starts `command`, which must stay in the foreground.
    ///
    /// Its standard input is empty; output goes where the command says, by default to nowhere.
    pub fn start(mut command: Command) -> Result<Daemon> {
        command.stdin(Stdio::null());
        Daemon::spawn(command.stdout(Stdio::null()).stderr(Stdio::null()))
    }

    /// Like [`Daemon::start`], leaving the three standard streams as the command has them.
    pub fn spawn(command: &mut Command) -> Result<Daemon> {
        let shown = show(command);
        // Apart from the test's process group, which some daemons signal at their end.
        let child = command
            .process_group(0)
            .spawn()
            .map_err(Error::doing(format!("`{shown}` cannot be started")))?;
        Ok(Daemon { child, shown })
    }

    /// The number of the process that was started. For a command of a
    /// [`LightHost`](crate::LightHost) that is the helper which entered the host; the program
    /// itself is [`Daemon::program_pid`].
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The number, as seen from here, of the program itself: the first child where the process
    /// started is a helper such as `nsenter`, else the process.
    pub fn program_pid(&self) -> u32 {
        let helper = std::fs::read_to_string(format!("/proc/{}/comm", self.pid()))
            .is_ok_and(|name| name.trim() == "nsenter");
        let below = if helper {
            descendants(self.pid())
        } else {
            Vec::new()
        };
        below.first().map_or(self.pid(), |seen| seen.pid)
    }

    /// The process started, for instance to take its output pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Whether it has ended by itself, and how.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Ends it: SIGTERM to the program, SIGKILL to what is left of it and its children after a
    /// while.
    pub fn stop(mut self) -> Result<()> {
        self.end()
    }

    /// Kills it and everything it started at once, as a crash would.
    pub fn kill(mut self) -> Result<()> {
        self.end_with(libc::SIGKILL)
    }

    fn end(&mut self) -> Result<()> {
        self.end_with(libc::SIGTERM)
    }

    fn end_with(&mut self, first: libc::c_int) -> Result<()> {
        if self.ended().is_some() {
            return Ok(());
        }
        let tree = descendants(self.pid());
        if first == libc::SIGTERM {
            // Failing means it is gone already, which is what is wanted.
            let _ = sys::kill(self.program_pid(), libc::SIGTERM);
            let _ = wait_until(GRACE, "the end", || self.ended());
        }
        let late = descendants(self.pid());
        late.into_iter().chain(tree).for_each(Seen::kill);
        if self.ended().is_none() {
            let _ = self.child.kill();
        }
        self.child
            .wait()
            .map(drop)
            .map_err(Error::doing(format!("waiting for `{}`", self.shown)))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if keep() {
            shout(&format!(
                "KEPT process {} (`{}`)",
                self.child.id(),
                self.shown
            ));
        } else if let Err(error) = self.end() {
            shout(&format!("smbgw-testing: {error}"));
        }
    }
}

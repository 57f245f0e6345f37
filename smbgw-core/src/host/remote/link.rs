//! A program that stays on another machine and does there what it is told.
//!
//! It ends with its standard input, so it ends with this process however that ends.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::process::{self, Child, ExitStatus};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use super::wire::{self, Fields, Garbled};
use crate::deadline::Deadline;

/// As much of its complaints as is kept, in bytes.
const MOST_STDERR: usize = 16 << 10;

/// How long it may take to end by itself.
const ENDING: Duration = Duration::from_secs(5);

/// The program at work, by way of the one here that leads to it.
#[derive(Debug)]
pub(crate) struct Link {
    child: Child,
    /// Readable when the child has ended.
    ended: OwnedFd,
    input: Option<OwnedFd>,
    output: File,
    errors: Option<File>,
    received: Vec<u8>,
    said: Vec<u8>,
    /// Whether what runs there has begun to answer.
    greeted: bool,
    /// The process that started it: a forked one has copies of all this, and leaves it alone.
    owner: u32,
    broken: bool,
}

/// Why no answer came.
#[derive(Debug)]
pub(super) enum Broken {
    /// The way there ended, with this exit status and these complaints.
    Ended { status: Option<i32>, said: String },
    /// It was still awaited at the deadline.
    TimedOut,
    /// Something came that is no message.
    Garbled(&'static str),
    /// The system did not let it be spoken with.
    Io(io::Error),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Errno> for Broken {
    fn from(error: Errno) -> Self {
        Self::Io(error.into())
    }
}

impl From<Garbled> for Broken {
    fn from(Garbled(what): Garbled) -> Self {
        Self::Garbled(what)
    }
}

impl Link {
    /// Starts `program`, which leads to the other machine, and hands `first` to what runs there.
    /// Returns what it says for a greeting.
    pub(super) fn open(
        mut program: process::Command,
        first: &[u8],
        deadline: Deadline,
    ) -> Result<(Self, Fields), Broken> {
        // A socket, unlike a pipe, can be written to without a signal when nobody reads.
        let flags = SocketFlags::CLOEXEC;
        let (near, far) =
            rustix::net::socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        let (output, output_far) = io::pipe()?;
        let (errors, errors_far) = io::pipe()?;
        program.stdin(far).stdout(output_far).stderr(errors_far);
        let mut child = program.spawn()?;
        // Its copies of the other ends would keep them open.
        drop(program);
        let ended = match pidfd_open(Pid::from_child(&child), PidfdFlags::empty()) {
            Ok(ended) => ended,
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(error.into());
            }
        };
        let mut link = Self {
            child,
            ended,
            input: Some(near),
            output: File::from(OwnedFd::from(output)),
            errors: Some(File::from(OwnedFd::from(errors))),
            received: Vec::new(),
            said: Vec::new(),
            greeted: false,
            owner: process::id(),
            broken: false,
        };
        let greeting = link.guarded(|link| {
            rustix::io::ioctl_fionbio(&link.output, true)?;
            if let Some(errors) = &link.errors {
                rustix::io::ioctl_fionbio(errors, true)?;
            }
            let mut greeted = false;
            link.talk(first, deadline, |received| {
                greeted = greeted || wire::take_greeting(received)?;
                if greeted {
                    wire::take_message(received)
                } else {
                    Ok(None)
                }
            })
        })?;
        link.greeted = true;
        Ok((link, greeting))
    }

    /// Sends a message and awaits the answer.
    pub(super) fn ask(&mut self, message: &[u8], deadline: Deadline) -> Result<Fields, Broken> {
        self.guarded(|link| link.talk(message, deadline, wire::take_message))
    }

    /// Whether it is still there, as far as is known here, and this process's own.
    pub(super) fn is_usable(&self) -> bool {
        let mut fds = [PollFd::new(&self.output, PollFlags::IN)];
        let nothing_said = poll(&mut fds, Some(&Timespec::default())).is_ok_and(|ready| ready == 0);
        !self.broken && self.owner == process::id() && nothing_said
    }

    /// After a failure it is not known what will be said next, so it is of no more use.
    fn guarded<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, Broken>,
    ) -> Result<T, Broken> {
        let done = work(self);
        self.broken |= done.is_err();
        done
    }

    /// Sends `message` and reads until `take` finds an answer in what was received.
    fn talk<T>(
        &mut self,
        mut message: &[u8],
        deadline: Deadline,
        mut take: impl FnMut(&mut Vec<u8>) -> Result<Option<T>, Garbled>,
    ) -> Result<T, Broken> {
        loop {
            if let Some(answer) = take(&mut self.received)? {
                return Ok(answer);
            }
            if deadline.has_passed() {
                return Err(Broken::TimedOut);
            }
            self.await_something(!message.is_empty(), deadline)?;
            if !message.is_empty() {
                message = &message[self.send(message)?..];
            }
            self.hear()?;
            // Others may hold its streams open when it has ended.
            let has_ended = self.has_ended();
            let is_over = drain(&mut self.output, &mut self.received)? || has_ended;
            if is_over {
                let answer = take(&mut self.received)?;
                return answer.ok_or_else(|| self.last_words(deadline));
            }
        }
    }

    fn await_something(&self, to_send: bool, deadline: Deadline) -> Result<(), Broken> {
        let mut fds = vec![PollFd::new(&self.output, PollFlags::IN)];
        fds.push(PollFd::new(&self.ended, PollFlags::IN));
        if let Some(errors) = &self.errors {
            fds.push(PollFd::new(errors, PollFlags::IN));
        }
        if let Some(input) = self.input.as_ref().filter(|_| to_send) {
            fds.push(PollFd::new(input, PollFlags::OUT));
        }
        wait(&mut fds, deadline)?;
        Ok(())
    }

    /// Sends what fits; nothing where nobody reads any more, which is then told by the end of its output.
    fn send(&mut self, message: &[u8]) -> Result<usize, Broken> {
        let Some(input) = &self.input else {
            return Ok(message.len());
        };
        match rustix::net::send(input, message, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
            Ok(count) => Ok(count),
            Err(Errno::AGAIN | Errno::INTR) => Ok(0),
            Err(Errno::PIPE | Errno::CONNRESET) => {
                self.input = None;
                Ok(message.len())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps the end of what it complains about.
    fn hear(&mut self) -> Result<(), Broken> {
        if let Some(errors) = &mut self.errors
            && drain(errors, &mut self.said)?
        {
            self.errors = None;
        }
        let surplus = self.said.len().saturating_sub(MOST_STDERR);
        self.said.drain(..surplus);
        Ok(())
    }

    /// What is known of its end, after its output has ended.
    fn last_words(&mut self, deadline: Deadline) -> Broken {
        let ended = self.wait_for_end(deadline.at_most(ENDING));
        if let Err(broken) = self.hear() {
            return broken;
        }
        let mut said = self.said.clone();
        if !self.greeted {
            // A login that is refused may say so on its standard output.
            said.push(b'\n');
            said.extend_from_slice(&self.received[..self.received.len().min(MOST_STDERR)]);
        }
        Broken::Ended {
            status: ended.and_then(|status| status.code()),
            said: String::from_utf8_lossy(&said).into_owned(),
        }
    }

    /// Its exit status, where it ends in time and the embedding process lets exit statuses be seen.
    fn wait_for_end(&mut self, deadline: Deadline) -> Option<ExitStatus> {
        while !deadline.has_passed() {
            let mut fds = [PollFd::new(&self.ended, PollFlags::IN)];
            if wait(&mut fds, deadline).is_err() || !fds[0].revents().is_empty() {
                break;
            }
        }
        self.child.try_wait().ok().flatten()
    }

    fn has_ended(&self) -> bool {
        let mut fds = [PollFd::new(&self.ended, PollFlags::IN)];
        poll(&mut fds, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }
}

impl Drop for Link {
    /// Lets it end, and with it whatever it holds there; kills the way there where that takes too long.
    fn drop(&mut self) {
        self.input = None;
        if self.owner != process::id() {
            return;
        }
        if !self.broken {
            self.wait_for_end(Deadline::after(ENDING));
        }
        if !self.has_ended() {
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

/// Waits until one of `fds` is ready or the deadline passes.
fn wait(fds: &mut [PollFd<'_>], deadline: Deadline) -> io::Result<()> {
    let timeout = deadline.remaining().try_into().map_err(io::Error::other)?;
    match poll(fds, Some(&timeout)) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Adds what is there to `content`, up to a bound, so that what is too much is noticed; whether that was
/// the end.
fn drain(pipe: &mut File, content: &mut Vec<u8>) -> io::Result<bool> {
    let mut buffer = [0; 64 << 10];
    for _ in 0..16 {
        match pipe.read(&mut buffer) {
            Ok(0) => return Ok(true),
            Ok(count) => content.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

//! Running a program on this machine, to its end or to the deadline.
//!
//! Standard input is an unnamed memory file, so nothing is ever written into a pipe: no `SIGPIPE`,
//! no deadlock with a program that writes before it reads. Output is read with `poll`, and the end
//! of the program is awaited by its pidfd, so that no thread is needed and `SIGCHLD` is not touched.

#![allow(unsafe_code)]

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{self, ExitStatus, Stdio};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use super::cmd::{Command, LARGEST_OUTPUT, Stdin};
use crate::deadline::Deadline;

/// Where the programs that this crate calls live, and what they find their own programs by.
pub(crate) const TOOL_PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// How a program ended.
#[derive(Debug)]
pub(crate) enum Ending {
    Exited {
        status: ExitStatus,
        stdout: Vec<u8>,
        stderr: Vec<u8>,
    },
    TimedOut,
    TooMuchOutput,
}

/// Runs `program` with the arguments and input of `command`.
pub(crate) fn run(program: &Path, command: &Command, deadline: Deadline) -> io::Result<Ending> {
    let mut process = prepare(program, command);
    process
        .stdin(stdin_of(&command.stdin)?)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    end_with_this_process(&mut process);
    let status_pipe = if children_are_reaped_unseen() {
        let status_pipe = watch_from_between(&mut process)?;
        end_with_its_parent(&mut process);
        Some(status_pipe)
    } else {
        None
    };
    let mut child = process.spawn()?;
    // Its copies of the pipes' other ends would keep them open.
    drop(process);
    let mut guard = Guard {
        child: &mut child,
        ended: false,
    };
    let ending = guard.wait(deadline, status_pipe)?;
    Ok(ending)
}

/// `program` with the arguments of `command`, as every program is started: in a process group of its own,
/// with nothing of this process's environment.
pub(super) fn prepare(program: &Path, command: &Command) -> process::Command {
    let mut process = process::Command::new(program);
    process
        .args(&command.args)
        .env_clear()
        .env("PATH", TOOL_PATH)
        .env("LC_ALL", "C")
        .env("HOME", "/")
        .current_dir("/")
        .process_group(0);
    process
}

fn stdin_of(stdin: &Stdin) -> io::Result<Stdio> {
    match stdin {
        Stdin::Empty => Ok(Stdio::null()),
        Stdin::Bytes(content) => memory_file(content),
        Stdin::Secret(secret) => memory_file(secret.expose()),
    }
}

fn memory_file(content: &[u8]) -> io::Result<Stdio> {
    let mut file = File::from(memfd_create("smbgw-stdin", MemfdFlags::CLOEXEC)?);
    file.write_all(content)?;
    file.rewind()?;
    Ok(file.into())
}

/// Kills and reaps the child's process group unless it ended on its own.
struct Guard<'a> {
    child: &'a mut process::Child,
    ended: bool,
}

impl Guard<'_> {
    fn wait(
        &mut self,
        deadline: Deadline,
        status_pipe: Option<(OwnedFd, OwnedFd)>,
    ) -> io::Result<Ending> {
        // A process whose exit nobody waits for may be gone already, and its pid another's: what is
        // waited for then is the report of the process in between.
        let end = match status_pipe {
            Some((read, _write)) => End::Report(File::from(read)),
            None => End::Process(pidfd_open(
                Pid::from_child(self.child),
                PidfdFlags::empty(),
            )?),
        };
        let (Some(stdout), Some(stderr)) = (self.child.stdout.take(), self.child.stderr.take())
        else {
            return Err(io::Error::other("the pipes of the child are missing"));
        };
        let mut streams = [Stream::new(stdout.into())?, Stream::new(stderr.into())?];
        loop {
            let exited = wait_for_any(end.as_fd(), &streams, deadline)?;
            for stream in &mut streams {
                stream.drain()?;
            }
            if streams
                .iter()
                .any(|stream| stream.content.len() > LARGEST_OUTPUT)
            {
                return Ok(Ending::TooMuchOutput);
            }
            // What it left running may hold the pipes open: its own end counts.
            if exited {
                break;
            }
            if deadline.has_passed() {
                return Ok(Ending::TimedOut);
            }
        }
        for stream in &mut streams {
            stream.drain()?;
        }
        let status = match end {
            End::Report(mut pipe) => {
                let _ = self.child.wait();
                let mut raw = [0; 4];
                pipe.read_exact(&mut raw)?;
                ExitStatus::from_raw(i32::from_ne_bytes(raw))
            }
            End::Process(_) => self.child.wait()?,
        };
        self.ended = true;
        let [stdout, stderr] = streams.map(|stream| stream.content);
        Ok(Ending::Exited {
            status,
            stdout,
            stderr,
        })
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if !self.ended {
            let _ = kill_process_group(Pid::from_child(self.child), Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

/// What becomes readable when the program has ended.
enum End {
    Process(OwnedFd),
    Report(File),
}

impl AsFd for End {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Process(pidfd) => pidfd.as_fd(),
            Self::Report(pipe) => pipe.as_fd(),
        }
    }
}

struct Stream {
    pipe: Option<File>,
    content: Vec<u8>,
}

impl Stream {
    fn new(pipe: OwnedFd) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&pipe, true)?;
        Ok(Self {
            pipe: Some(pipe.into()),
            content: Vec::new(),
        })
    }

    /// Reads all that is there; closes at the end of the stream.
    fn drain(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16 << 10];
        while let Some(pipe) = &mut self.pipe {
            match pipe.read(&mut buffer) {
                Ok(0) => self.pipe = None,
                Ok(count) => self.content.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if self.content.len() > LARGEST_OUTPUT {
                break;
            }
        }
        Ok(())
    }
}

/// Waits until the process ends (then `true`), a stream has something, or the deadline passes.
fn wait_for_any(end: BorrowedFd<'_>, streams: &[Stream], deadline: Deadline) -> io::Result<bool> {
    let mut fds = vec![PollFd::from_borrowed_fd(end, PollFlags::IN)];
    let open = streams.iter().filter_map(|stream| stream.pipe.as_ref());
    fds.extend(open.map(|pipe| PollFd::new(pipe, PollFlags::IN)));
    // The kernel's timespec of a wait may be cut short; the caller looks at the deadline again.
    let timeout = deadline.remaining().try_into().map_err(io::Error::other)?;
    match poll(&mut fds, Some(&timeout)) {
        Ok(_) => Ok(!fds[0].revents().is_empty()),
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Has the kernel kill the program when this process is killed, so that it does not go on changing
/// the machine while what was interrupted is recovered. What the program itself starts lives on.
fn end_with_this_process(process: &mut process::Command) {
    let own = process::id();
    end_with_its_parent(process);
    // SAFETY: between `fork` and `exec` the closure makes only async-signal-safe system calls and
    // allocates nothing.
    unsafe {
        process.pre_exec(move || {
            // This process may have ended before the kernel was told.
            if libc::getppid().unsigned_abs() == own {
                Ok(())
            } else {
                Err(io::Error::from_raw_os_error(libc::ESRCH))
            }
        });
    }
}

fn end_with_its_parent(process: &mut process::Command) {
    // SAFETY: between `fork` and `exec` the closure makes only async-signal-safe system calls and
    // allocates nothing.
    unsafe {
        process.pre_exec(|| {
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) == 0 {
                Ok(())
            } else {
                Err(io::Error::last_os_error())
            }
        });
    }
}

/// Whether the embedding process ignores `SIGCHLD`, so that the kernel throws exit statuses away.
fn children_are_reaped_unseen() -> bool {
    // SAFETY: an all-zero `sigaction` is a valid value, and asking for the present action with a
    // null new one changes nothing.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGCHLD, std::ptr::null(), &mut action) == 0
            && (action.sa_sigaction == libc::SIG_IGN || action.sa_flags & libc::SA_NOCLDWAIT != 0)
    }
}

/// Puts a process between this one and the program that waits for it and reports its wait status
/// through the pipe that is returned.
///
/// The process-wide disposition of `SIGCHLD` must not change, so the waiting happens in a process
/// of its own.
fn watch_from_between(process: &mut process::Command) -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    let report = write.as_raw_fd();
    // SAFETY: between `fork` and `exec` the closure makes only async-signal-safe system calls and
    // allocates nothing.
    unsafe { process.pre_exec(move || fork_and_report(report)) };
    Ok((read, write))
}

/// Forks: the child goes on to `exec` the program; the parent waits for it, reports and exits.
fn fork_and_report(report: RawFd) -> io::Result<()> {
    // SAFETY: called after `fork` in a process with one thread; all calls are async-signal-safe,
    // and every pointer is to a live local.
    unsafe {
        libc::signal(libc::SIGCHLD, libc::SIG_DFL);
        match libc::fork() {
            -1 => Err(io::Error::last_os_error()),
            0 => Ok(()),
            child => {
                // Everything but the report, or readers of the pipes would wait for this process.
                let report_fd = report as libc::c_uint;
                if report_fd > 0 {
                    libc::syscall(libc::SYS_close_range, 0, report_fd - 1, 0);
                }
                libc::syscall(libc::SYS_close_range, report_fd + 1, libc::c_uint::MAX, 0);
                let mut status = 0;
                while libc::waitpid(child, &mut status, 0) == -1
                    && io::Error::last_os_error().raw_os_error() == Some(libc::EINTR)
                {
                }
                libc::write(report, (&raw const status).cast(), size_of::<libc::c_int>());
                libc::_exit(0)
            }
        }
    }
}

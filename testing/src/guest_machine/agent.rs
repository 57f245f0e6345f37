//! Talking to the guest agent (QEMU's `docs/interop/qemu-ga-ref`): lines of JSON over a socket.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::{Error, Result, wait_until};

/// After this time without an answer the agent is asked again, as it may not have been there.
const AGAIN: Duration = Duration::from_secs(2);

/// Waits until the agent answers.
pub(super) fn wait(socket: &Path, limit: Duration) -> Result<()> {
    connect(socket, limit).map(drop)
}

/// What the agent answers to `command`.
pub(super) fn ask(socket: &Path, command: &str, limit: Duration) -> Result<String> {
    let mut stream = connect(socket, limit)?;
    send(&mut stream, command)?;
    let mut said = Vec::new();
    wait_until(limit, "an answer of the guest agent", || {
        read_some(&mut stream, &mut said);
        let end = said.iter().position(|&byte| byte == b'\n')?;
        Some(String::from_utf8_lossy(&said[..end]).into_owned())
    })
}

/// A connection on which the agent has answered, and nothing of an earlier one is left.
fn connect(socket: &Path, limit: Duration) -> Result<UnixStream> {
    let mut stream = wait_until(limit, "the socket of the guest agent", || {
        UnixStream::connect(socket).ok()
    })?;
    stream
        .set_read_timeout(Some(Duration::from_millis(100)))
        .map_err(Error::doing("setting a time limit"))?;
    let (mut said, mut asked, mut wanted) = (Vec::new(), None::<Instant>, String::new());
    wait_until(limit, "the guest agent", || {
        if asked.is_none_or(|asked| asked.elapsed() > AGAIN) {
            static NEXT: AtomicU32 = AtomicU32::new(1);
            let id = NEXT.fetch_add(1, Ordering::Relaxed);
            wanted = format!("{{\"return\": {id}}}");
            let sync = format!(
                "{{\"execute\": \"guest-sync-delimited\", \"arguments\": {{\"id\": {id}}}}}"
            );
            // The byte has the agent forget half a command that somebody else sent.
            stream.write_all(b"\xff").ok()?;
            send(&mut stream, &sync).ok()?;
            asked = Some(Instant::now());
        }
        read_some(&mut stream, &mut said);
        let last = said.iter().rposition(|&byte| byte == 0xff)?;
        let line = String::from_utf8_lossy(&said[last + 1..]).into_owned();
        (line.trim_end() == wanted && line.ends_with('\n')).then_some(())
    })?;
    Ok(stream)
}

fn send(stream: &mut UnixStream, line: &str) -> Result<()> {
    stream
        .write_all(format!("{line}\n").as_bytes())
        .map_err(Error::doing("asking the guest agent"))
}

/// Adds what has come; nothing within a moment is no error.
fn read_some(stream: &mut UnixStream, said: &mut Vec<u8>) {
    let mut buffer = [0; 65536];
    match stream.read(&mut buffer) {
        Ok(count) => said.extend_from_slice(&buffer[..count]),
        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
        // The end is found by the limit, with the console in the error.
        Err(_) => {}
    }
}

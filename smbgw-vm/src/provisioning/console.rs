//! The end of what a guest writes to its console while it boots.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Command, Host};

use crate::agent::connected;
use crate::vmid::Vmid;

/// How much of it is kept, in bytes.
const KEPT: usize = 2048;

/// How much is read at one look, so that a guest that writes without end holds nobody up.
const READ: usize = 1 << 20;

/// How long the end of a file is waited for.
const TIME_TO_READ: Duration = Duration::from_secs(10);

/// The serial port of a guest, where it can be read. Nothing is lost where it cannot: it is for an error, which stands
/// by itself.
#[derive(Debug)]
pub(super) enum Console<'a> {
    /// Proxmox VE has a socket of the node for it (qm(1), `serial0: socket`), which an administrator may have taken.
    Socket(SerialSocket),
    /// libvirt writes what comes to a file.
    File(&'a dyn Host, PathBuf),
}

/// A serial port that is a socket: what comes while nobody listens is lost.
#[derive(Debug)]
pub(super) struct SerialSocket {
    path: Option<PathBuf>,
    socket: Option<OwnedFd>,
    tail: Vec<u8>,
}

impl<'a> Console<'a> {
    /// The console of the guest `vmid` of a node of Proxmox VE.
    pub(super) fn of_node(host: &dyn Host, vmid: Vmid) -> Self {
        let path = format!("/var/run/qemu-server/{vmid}.serial0");
        Self::Socket(SerialSocket {
            path: host.local_path(Path::new(&path)),
            socket: None,
            tail: Vec::new(),
        })
    }

    /// The console that is written to this file.
    pub(super) fn of_file(host: &'a dyn Host, path: PathBuf) -> Self {
        Self::File(host, path)
    }

    /// Takes what the guest has written since the last look, where it would be lost.
    pub(super) fn look(&mut self) {
        if let Self::Socket(socket) = self {
            socket.look();
        }
    }

    /// What was written last, as plain text.
    pub(super) fn tail(&self) -> String {
        match self {
            Self::Socket(socket) => plain(&String::from_utf8_lossy(&socket.tail)),
            Self::File(host, path) => {
                let kept = KEPT.to_string();
                let command = Command::new("tail").args(["-c", &kept, "--"]).arg(path);
                let read = host.run(&command, Deadline::after(TIME_TO_READ));
                read.map_or_else(|_| String::new(), |output| plain(&output.text()))
            }
        }
    }
}

impl SerialSocket {
    fn look(&mut self) {
        if self.socket.is_none() {
            let path = self.path.as_deref();
            self.socket = path.and_then(|path| connected(path).ok());
        }
        let Some(socket) = &self.socket else { return };
        let mut buffer = [0; 4096];
        let mut read = 0;
        while read < READ {
            match recv(socket, &mut buffer, RecvFlags::empty()) {
                Ok((_, count)) if count > 0 => {
                    read += count;
                    self.tail.extend_from_slice(&buffer[..count]);
                    let more = self.tail.len().saturating_sub(KEPT);
                    self.tail.drain(..more);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                // The guest ended.
                Ok(_) | Err(_) => {
                    self.socket = None;
                    return;
                }
            }
        }
    }
}

/// `text` without what moves the cursor or changes colours (ECMA-48).
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => {
                // One more sign, as where a terminal is reset, or up to a letter or a sign of that range.
                if rest.next() == Some('[') {
                    rest.find(|c| ('@'..='~').contains(c));
                }
            }
            '\n' | '\t' => plain.push(c),
            c if c.is_control() => {}
            c => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixListener;

    use smbgw_core::host::LocalHost;

    use super::*;

    #[test]
    fn text_stays_and_colours_go() {
        let text = "\u{1b}[0;32m  OK  \u{1b}[0m Started\r\nlogin: \u{7}";
        assert_eq!(plain(text), "  OK   Started\nlogin: ");
        assert_eq!(plain("\u{1b}[1;"), "");
        let firmware = "\u{1b}c\u{1b}[?7l\u{1b}[2J\u{1b}[0mSeaBIOS\u{1b}";
        assert_eq!(plain(firmware), "SeaBIOS");
    }

    #[test]
    fn the_end_of_what_was_written_is_kept() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("var/run/qemu-server");
        std::fs::create_dir_all(&folder).unwrap();
        let host = LocalHost::with_root(root.path());
        let mut console = Console::of_node(&host, Vmid::FIRST);
        console.look();
        assert_eq!(console.tail(), "");
        let listener = UnixListener::bind(folder.join("100.serial0")).unwrap();
        console.look();
        let (mut guest, _) = listener.accept().unwrap();
        guest.write_all(&[b'x'; 3 * KEPT]).unwrap();
        guest.write_all(b"panic").unwrap();
        console.look();
        assert!(console.tail().ends_with("xpanic"));
        assert_eq!(console.tail().len(), KEPT);
        drop(guest);
        console.look();
        assert!(console.tail().ends_with("panic"));
        assert!(matches!(
            console,
            Console::Socket(SerialSocket { socket: None, .. })
        ));

        let file = Console::of_file(&host, "/no-such".into());
        assert_eq!(file.tail(), "");
        let machine = LocalHost::new();
        let path = folder.join("a file");
        std::fs::write(&path, [&[b'x'; 3 * KEPT][..], b"\x1b[1mpanic"].concat()).unwrap();
        let tail = Console::of_file(&machine, path).tail();
        assert!(tail.ends_with("xpanic") && tail.len() < KEPT, "{tail}");
    }
}

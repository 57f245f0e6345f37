//! The end of what a guest writes to its console while it boots.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use smbgw_core::host::Host;

use crate::agent::connected;
use crate::vmid::Vmid;

/// How much of it is kept, in bytes.
const KEPT: usize = 2048;

/// How much is read at one look, so that a guest that writes without end holds nobody up.
const READ: usize = 1 << 20;

/// The serial port of a guest, where it can be read: Proxmox VE has a socket of the node for it (qm(1), `serial0:
/// socket`). Nothing is lost where it cannot, as when an administrator reads it.
#[derive(Debug)]
pub(super) struct Console {
    path: Option<PathBuf>,
    socket: Option<OwnedFd>,
    tail: Vec<u8>,
}

impl Console {
    /// The console of the guest `vmid`.
    pub(super) fn of(host: &dyn Host, vmid: Vmid) -> Self {
        let path = format!("/var/run/qemu-server/{vmid}.serial0");
        Self {
            path: host.local_path(Path::new(&path)),
            socket: None,
            tail: Vec::new(),
        }
    }

    /// Takes what the guest has written since the last look.
    pub(super) fn look(&mut self) {
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

    /// What was seen last, as plain text.
    pub(super) fn tail(&self) -> String {
        plain(&String::from_utf8_lossy(&self.tail))
    }
}

/// `text` without what moves the cursor or changes colours (ECMA-48).
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => {
                if rest.clone().next() == Some('[') {
                    // It ends with a letter or a sign of that range.
                    rest.find(|c| ('@'..='~').contains(c) && *c != '[');
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
    }

    #[test]
    fn the_end_of_what_was_written_is_kept() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("var/run/qemu-server");
        std::fs::create_dir_all(&folder).unwrap();
        let host = LocalHost::with_root(root.path());
        let mut console = Console::of(&host, Vmid::FIRST);
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
        assert!(console.socket.is_none() && console.tail().ends_with("panic"));
    }
}

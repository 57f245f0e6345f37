//! Virtual machines under QEMU, without acceleration, from the disk of a template.
//!
//! Each has a layer of its own over the disk. It is reached at a port of 127.0.0.1 that leads to its SMB
//! server, and by its guest agent; it reaches nothing itself.

mod agent;
mod cpio;
mod fast;
mod store;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

pub use fast::FastBoot;
pub use store::cached;

use crate::{Daemon, Error, Result, keep, prefix, run, shout};

/// How a machine starts.
#[derive(Clone, Debug)]
pub enum Start {
    /// With the kernel given to it, and an init of the lab's in the place of systemd and cloud-init: to an
    /// answer of smbd in seconds. What it does of a seed is a part of what cloud-init does.
    Fast(FastBoot),
    /// As on a machine with a BIOS, from the disk.
    Bios,
    /// As on a machine with UEFI, from the disk; this needs the Debian package `ovmf`.
    Uefi,
}

/// What machine to start.
#[derive(Clone, Debug)]
pub struct GuestSetup {
    /// The qcow2 image that its disk is a layer over.
    pub disk: PathBuf,
    /// The image with its NoCloud documents.
    pub seed: Option<PathBuf>,
    /// Further disks, raw images that are written to.
    pub data: Vec<PathBuf>,
    /// Its memory in MiB.
    pub memory_mib: u32,
    /// How it starts.
    pub start: Start,
}

impl GuestSetup {
    /// A machine over `disk` without a seed.
    pub fn new(disk: impl Into<PathBuf>, start: Start) -> GuestSetup {
        GuestSetup {
            disk: disk.into(),
            seed: None,
            data: Vec::new(),
            memory_mib: 384,
            start,
        }
    }
}

/// A machine that runs. Dropping it turns it off and removes its layer.
#[derive(Debug)]
pub struct GuestMachine {
    qemu: Option<Daemon>,
    folder: PathBuf,
    port: u16,
}

impl GuestMachine {
    /// Starts it; that says nothing of what it has come to inside.
    pub fn start(setup: &GuestSetup) -> Result<GuestMachine> {
        let folder = std::env::temp_dir().join(prefix::unique("guest"));
        std::fs::create_dir(&folder).map_err(Error::doing("making the folder of a guest"))?;
        let mut machine = GuestMachine {
            qemu: None,
            folder,
            port: free_port()?,
        };
        let layer = machine.folder.join("disk.qcow2");
        let create = ["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b"];
        run(Command::new("qemu-img")
            .args(create)
            .args([&setup.disk, &layer]))?;
        let mut command = machine.command(setup, &layer);
        let errors = std::fs::File::create(machine.folder.join("errors"))
            .map_err(Error::doing("making the log of QEMU"))?;
        let command = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors);
        machine.qemu = Some(Daemon::spawn(command)?);
        Ok(machine)
    }

    /// The port of 127.0.0.1 that leads to the SMB port of the machine. It takes connections at once: only an
    /// operation says that smbd is there.
    pub fn smb_port(&self) -> u16 {
        self.port
    }

    /// What the machine wrote to its serial port so far.
    pub fn console(&self) -> String {
        let written = std::fs::read(self.folder.join("console")).unwrap_or_default();
        String::from_utf8_lossy(&written).into_owned()
    }

    /// The socket of the guest agent's port.
    pub fn agent_socket(&self) -> PathBuf {
        self.folder.join("agent")
    }

    /// The socket at which QEMU takes commands (QMP).
    pub fn qmp_socket(&self) -> PathBuf {
        self.folder.join("qmp")
    }

    /// Waits until the guest agent answers.
    pub fn wait_for_agent(&self, limit: Duration) -> Result<()> {
        agent::wait(&self.agent_socket(), limit).map_err(|error| self.with_console(error))
    }

    /// What the guest agent, which has answered before, answers to one command: a line of JSON.
    pub fn ask_agent(&self, command: &str, limit: Duration) -> Result<String> {
        agent::ask(&self.agent_socket(), command, limit).map_err(|error| self.with_console(error))
    }

    /// An error that also tells the end of what the machine and QEMU said.
    pub fn with_console(&self, error: Error) -> Error {
        let console = self.console();
        let start = console
            .char_indices()
            .rev()
            .nth(3000)
            .map_or(0, |(at, _)| at);
        let qemu = std::fs::read_to_string(self.folder.join("errors")).unwrap_or_default();
        Error::new(format!(
            "{error}\nconsole: {}\nQEMU: {qemu}",
            &console[start..]
        ))
    }

    fn command(&self, setup: &GuestSetup, layer: &Path) -> Command {
        let mut command = Command::new("qemu-system-x86_64");
        let own = |name: &str| self.folder.join(name).display().to_string();
        command
            .args(["-M", "q35", "-accel", "tcg,thread=multi,tb-size=512"])
            .args([
                "-cpu",
                "qemu64",
                "-smp",
                "1",
                "-nodefaults",
                "-display",
                "none",
            ])
            .args(["-m", &setup.memory_mib.to_string(), "-no-reboot"])
            .args(["-serial", &format!("file:{}", own("console"))])
            .args(["-qmp", &format!("unix:{},server=on,wait=off", own("qmp"))])
            .args(["-device", "virtio-serial-pci", "-chardev"])
            .arg(format!(
                "socket,id=agent,path={},server=on,wait=off",
                own("agent")
            ))
            .args([
                "-device",
                "virtserialport,chardev=agent,name=org.qemu.guest_agent.0",
            ])
            .args(["-device", "virtio-rng-pci", "-netdev"])
            .arg(format!(
                "user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{}-:445",
                self.port
            ))
            .args([
                "-device",
                "virtio-net-pci,netdev=net,mac=52:54:00:12:34:56,romfile=",
            ]);
        let mut disk = |number: usize, path: &Path, options: &str| {
            let (path, id) = (path.display(), format!("disk{number}"));
            command.args(["-drive", &format!("if=none,id={id},file={path},{options}")]);
            command.args(["-device", &format!("virtio-blk-pci,drive={id},serial={id}")]);
        };
        disk(0, layer, "format=qcow2,cache=unsafe,discard=unmap");
        for (number, path) in setup.data.iter().enumerate() {
            disk(number + 1, path, "format=raw,cache=unsafe,discard=unmap");
        }
        if let Some(seed) = &setup.seed {
            disk(setup.data.len() + 1, seed, "format=raw,readonly=on");
        }
        match &setup.start {
            Start::Bios => {}
            Start::Uefi => {
                command.args(["-drive", UEFI]);
            }
            Start::Fast(fast) => {
                command.arg("-kernel").arg(fast.kernel());
                command.arg("-initrd").arg(fast.initrd());
                command.args(["-append", FastBoot::ARGUMENTS]);
            }
        }
        command
    }
}

impl Drop for GuestMachine {
    fn drop(&mut self) {
        drop(self.qemu.take());
        if keep() {
            shout(&format!("kept: {}", self.folder.display()));
        } else {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// The firmware, without a place for what it would remember.
const UEFI: &str = "if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd";

/// A port of 127.0.0.1 that nobody listens at. Somebody could until QEMU does, which it then says.
fn free_port() -> Result<u16> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(Error::doing("finding a free port"))
}

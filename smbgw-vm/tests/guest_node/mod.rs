//! A node of Proxmox VE whose guests are small programs, an smbd that answers for all of them, and a store with a
//! template.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::host::LocalHost;
use smbgw_core::progress::{Progress, Silent};
use smbgw_core::secret::Secret;
use smbgw_core::size::ByteSize;
use smbgw_testing::inside::is_inside;
use smbgw_testing::{LightHost, ProxmoxNode, run};
use smbgw_vm::cloudinit::{DataFilesystem, LoginName};
use smbgw_vm::image::ImageFormat;
use smbgw_vm::provisioning::{
    DataRequest, GuestRequest, Provisioning, ShareRequest, TemplateOrigin, Waits,
};
use smbgw_vm::proxmox::Proxmox;
use smbgw_vm::resources::Policy;
use smbgw_vm::template::{TemplateRecord, TemplateSource};

const TEMPLATES: &str = "/var/lib/smbgw/templates";

/// The password of alice, who is a user of each guest.
pub(crate) const PASSWORD: &str = "correct horse";

/// A node, and what is needed to make guests on it.
pub(crate) struct GuestNode<'a> {
    pub(crate) standin: &'a ProxmoxNode,
    pub(crate) proxmox: Proxmox<'a>,
    passwords: Vec<(LoginName, Secret)>,
}

/// Runs `body` on a node of its own.
pub(crate) fn on_a_node(test: &str, body: impl FnOnce(&GuestNode<'_>)) {
    if !is_inside() {
        let host = LightHost::start().unwrap();
        host.write("/etc/samba/smb.conf", "[global]\nmap to guest = bad user\n")
            .unwrap();
        for (file, line) in [
            (
                "/etc/passwd",
                "alice:x:1500:1500::/nonexistent:/usr/sbin/nologin\n",
            ),
            ("/etc/group", "alice:x:1500:\n"),
        ] {
            let text = host.read(file).unwrap() + line;
            host.write(file, text).unwrap();
        }
        let _smbd = host.start_smbd().unwrap();
        host.run_test(test, &[]).unwrap();
        return;
    }
    let standin = ProxmoxNode::install().unwrap();
    for address in ["192.0.2.10/32", "192.0.2.30/32"] {
        run(Command::new("ip").args(["address", "add", address, "dev", "lo"])).unwrap();
    }
    let program = include_str!("machines.sh");
    standin.write("/srv/machines", program).unwrap();
    // Real quotas are a matter of the kernel.
    standin.write("/srv/without-quotas", "").unwrap();
    standin.machines_are(&["/bin/sh", "/srv/machines"]).unwrap();
    put_template(&standin);
    with_node(&standin, &LocalHost::new(), body);
}

fn with_node(standin: &ProxmoxNode, host: &LocalHost, body: impl FnOnce(&GuestNode<'_>)) {
    body(&GuestNode {
        standin,
        proxmox: Proxmox::open(host, soon()).unwrap(),
        passwords: vec![(of("alice"), Secret::from(PASSWORD.to_owned()))],
    });
}

/// A template in the store, with a disk that is none: nothing starts from it here.
fn put_template(standin: &ProxmoxNode) {
    let mut disk = vec![0; 3 << 20];
    disk[..4].copy_from_slice(b"disk");
    let record = TemplateRecord {
        version: 1,
        name: of("lab"),
        tags: vec![],
        source: TemplateSource::Fetched {
            from: "/srv/image".into(),
            checksum: "sha256:0".into(),
        },
        made_at_seconds: 7,
        format: ImageFormat::Qcow2,
        size_bytes: 3 << 20,
        disk_sha256: "0".into(),
        manifest_sha256: None,
    };
    let record = serde_json::to_string(&record).unwrap();
    let path = |name: &str| format!("{TEMPLATES}/lab/{name}");
    standin.write(&path("disk.qcow2"), disk).unwrap();
    standin.write(&path("template.json"), record).unwrap();
}

pub(crate) fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(300))
}

pub(crate) fn of<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

/// A guest with all that there is.
pub(crate) fn request() -> GuestRequest {
    GuestRequest {
        name: of("vault"),
        vmid: None,
        memory_mib: 1024,
        balloon_mib: None,
        cores: 2,
        template: TemplateOrigin::InStore(of("lab")),
        linked: true,
        storage: of("local-lvm"),
        bridge: of("vmbr0"),
        vlan: Some(7),
        address: of("192.0.2.10/24,gw=192.0.2.1"),
        name_servers: vec![],
        data: Some(DataRequest {
            storage: of("local-lvm"),
            size: ByteSize::from_mib(2048),
            filesystem: DataFilesystem::Xfs,
        }),
        share: Some(ShareRequest {
            name: of("Media"),
            quota: ByteSize::from_mib(100),
            comment: Some("for all".into()),
        }),
        snippets: of("local"),
        ssh_keys: vec![of("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA me")],
        users: vec![of("alice")],
        starts_with_node: true,
        highly_available: true,
    }
}

impl GuestNode<'_> {
    pub(crate) fn world(&self) -> Provisioning<'_> {
        self.world_with(&Silent)
    }

    pub(crate) fn world_with<'w>(&'w self, progress: &'w dyn Progress) -> Provisioning<'w> {
        Provisioning {
            hypervisor: self.proxmox.until(soon()).into(),
            templates: Path::new(TEMPLATES),
            passwords: &self.passwords,
            policy: Policy::default(),
            waits: Waits::default(),
            progress,
        }
    }

    /// All files that an operation could leave: of guests, storages and this program.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut found = self.standin.volumes();
        for folder in [
            "/etc/pve/nodes/pve/qemu-server",
            "/var/lib/smbgw",
            "/srv/up",
            "/run/qemu-server",
        ] {
            files_below(Path::new(folder), &mut found);
        }
        found.sort();
        found
    }

    /// Has something go wrong in guests from now on, or no more.
    pub(crate) fn guests_are(&self, what: &str, so: bool) {
        let path = Path::new("/srv").join(what);
        if so {
            fs::write(path, "").unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
    }
}

/// Has this program run `test` once more as a process that is killed at the event of that number; whether it was.
pub(crate) fn is_killed(test: &str, number: usize) -> bool {
    use std::os::unix::process::ExitStatusExt;
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(VICTIM, number.to_string())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let killed = output.status.signal() == Some(9);
    assert!(
        killed || output.status.success() && said.contains("1 passed"),
        "{number}: {}: {said}",
        output.status
    );
    killed
}

/// Does `work` if this process was started by [`is_killed`]; whether it was. `work` gets the event to be killed at.
pub(crate) fn play(work: impl FnOnce(&GuestNode<'_>, usize)) -> bool {
    let Ok(number) = std::env::var(VICTIM) else {
        return false;
    };
    let number = number.parse().unwrap();
    let standin = ProxmoxNode::installed();
    with_node(&standin, &LocalHost::new(), |node| work(node, number));
    true
}

const VICTIM: &str = "SMBGW_GUEST_VICTIM";

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        match entry.path() {
            path if path.is_dir() => files_below(&path, found),
            path => found.push(path),
        }
    }
}

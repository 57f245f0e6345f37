//! A node of Proxmox VE whose guests are real machines under QEMU, on a bridge of the node, with a template that this
//! library built.

use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::host::LocalHost;
use smbgw_core::progress::{Event, Progress, Silent};
use smbgw_core::secret::Secret;
use smbgw_core::size::ByteSize;
use smbgw_testing::inside::is_inside;
use smbgw_testing::{LightHost, ProxmoxNode, Start, run};
use smbgw_vm::cloudinit::{DataFilesystem, LoginName};
use smbgw_vm::image::{ImageFormat, QemuImg};
use smbgw_vm::provisioning::{
    DataRequest, GuestRequest, Provisioning, ShareRequest, TemplateOrigin, Waits,
};
use smbgw_vm::proxmox::{DiskSource, Executed, GuestSettings, Proxmox};
use smbgw_vm::resources::Policy;
use smbgw_vm::vmid::Vmid;

use crate::template_cache::{self, Ready};

const TEMPLATES: &str = "/var/lib/smbgw/templates";

/// The address of the guest that [`request`] asks for.
pub(crate) const ADDRESS: &str = "192.0.2.10";

/// The password of alice, who is a user of each guest.
pub(crate) const PASSWORD: &str = "correct horse";

/// How much the files of its share may take.
pub(crate) const QUOTA: ByteSize = ByteSize::from_mib(48);

/// How long a guest may take to start anew, on a busy machine without acceleration.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);

/// A node, and what is needed to make guests on it.
pub(crate) struct BootingNode<'a> {
    pub(crate) standin: &'a ProxmoxNode,
    pub(crate) proxmox: Proxmox<'a>,
    passwords: Vec<(LoginName, Secret)>,
}

/// Runs `body` on a node of its own, whose guests start in the way that `start` makes of the template.
pub(crate) fn on_a_node(
    test: &str,
    start: impl FnOnce(&Ready) -> Start,
    body: impl FnOnce(&BootingNode<'_>),
) {
    if !is_inside() {
        // Here, so that several tests wait for it where it has to be built.
        template_cache::ready();
        let host = LightHost::start().unwrap();
        print!("{}", host.run_test(test, &[]).unwrap());
        return;
    }
    if std::env::var_os(VICTIM).is_some() {
        // The node is there.
        let (standin, host) = (ProxmoxNode::installed(), LocalHost::new());
        body(&BootingNode::new(&standin, &host));
        return;
    }
    let ready = template_cache::ready();
    let standin = ProxmoxNode::install().unwrap();
    for words in [
        "link add vmbr0 type bridge",
        "address add 192.0.2.1/24 dev vmbr0",
        "link set vmbr0 up",
    ] {
        run(Command::new("ip").args(words.split(' '))).unwrap();
    }
    let words = standin.real_guests(&start(&ready)).unwrap();
    standin.machines_are(&words).unwrap();
    let host = LocalHost::new();
    // The disk stays where it is, as it is large.
    let folder = Path::new(TEMPLATES).join("lab");
    std::fs::create_dir_all(&folder).unwrap();
    let template = ready.store().join("lab");
    let others = ["template.json", "schemas"].map(|name| template.join(name));
    for original in others.into_iter().chain([ready.disk()]) {
        symlink(&original, folder.join(original.file_name().unwrap())).unwrap();
    }
    body(&BootingNode::new(&standin, &host));
}

/// Set for a process that [`BootingNode::kill_when`] has started.
const VICTIM: &str = "SMBGW_BOOTING_VICTIM";

/// How long guests are waited for that come to serve: nothing here is measured, and other tests are at work.
const LONG: Waits = Waits {
    agent: PATIENCE,
    ready: PATIENCE,
    smb: PATIENCE,
    switch: PATIENCE,
};

pub(crate) fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(1800))
}

pub(crate) fn of<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

/// A guest with a disk for data.
pub(crate) fn request() -> GuestRequest {
    GuestRequest {
        name: of("vault"),
        vmid: None,
        memory_mib: 384,
        balloon_mib: None,
        cores: 1,
        template: TemplateOrigin::InStore(of("lab")),
        linked: true,
        storage: of("local-lvm"),
        bridge: of("vmbr0"),
        vlan: None,
        address: of("192.0.2.10/24,gw=192.0.2.1"),
        name_servers: vec![],
        data: Some(DataRequest {
            storage: of("local-lvm"),
            size: ByteSize::from_mib(1024),
            filesystem: DataFilesystem::Xfs,
        }),
        share: Some(ShareRequest {
            name: of("Media"),
            quota: QUOTA,
            comment: None,
        }),
        snippets: of("local"),
        ssh_keys: vec![],
        users: vec![of("alice")],
        starts_with_node: true,
        highly_available: false,
    }
}

impl<'a> BootingNode<'a> {
    fn new(standin: &'a ProxmoxNode, host: &'a LocalHost) -> Self {
        Self {
            standin,
            proxmox: Proxmox::open(host, soon()).unwrap(),
            passwords: vec![(of("alice"), Secret::from(PASSWORD.to_owned()))],
        }
    }
}

impl BootingNode<'_> {
    /// Runs `test` in one more process on this node, which is killed when the step begins whose title starts so.
    pub(crate) fn kill_when(&self, test: &str, step: &str) {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .env(VICTIM, step)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.signal(), Some(9), "{said}");
    }

    /// When this process is to be killed, if it is one of those.
    pub(crate) fn doom(&self) -> Option<Doom> {
        std::env::var(VICTIM).ok().map(Doom)
    }

    pub(crate) fn world(&self) -> Provisioning<'_> {
        self.world_with(LONG, &Silent)
    }

    pub(crate) fn world_with<'w>(
        &'w self,
        waits: Waits,
        progress: &'w dyn Progress,
    ) -> Provisioning<'w> {
        Provisioning {
            hypervisor: self.proxmox.until(soon()).into(),
            templates: Path::new(TEMPLATES),
            passwords: &self.passwords,
            policy: Policy::default(),
            waits,
            progress,
        }
    }

    /// Makes a template on the node of an image.
    pub(crate) fn put_on_node(&self, vmid: &str, image: PathBuf) -> TemplateOrigin {
        let vmid = of(vmid);
        let disk = DiskSource::Import {
            storage: of("local-lvm"),
            image,
            as_qcow2: false,
        };
        let settings = GuestSettings {
            boot: vec![of("virtio0")],
            disks: vec![(of("virtio0"), disk)],
            ..GuestSettings::default()
        };
        self.proxmox.create(vmid, &settings).unwrap();
        self.proxmox.make_template(vmid).unwrap();
        TemplateOrigin::OnNode(vmid)
    }

    /// The disk of the template in the store.
    pub(crate) fn disk(&self) -> PathBuf {
        Path::new(TEMPLATES).join("lab/disk.qcow2")
    }

    /// A disk on which there is nothing.
    pub(crate) fn blank_disk(&self) -> PathBuf {
        let disk = PathBuf::from("/srv/blank.qcow2");
        let size = ByteSize::from_mib(64);
        let tool = QemuImg::new(self.proxmox.host(), soon());
        tool.create(&disk, ImageFormat::Qcow2, size).unwrap();
        disk
    }

    /// Runs a script in a guest that has to end well, and gives what it wrote.
    pub(crate) fn inside(&self, vmid: Vmid, script: &str) -> String {
        let words = ["/bin/sh", "-c", script];
        let Executed {
            status,
            output,
            errors,
        } = self.proxmox.execute(vmid, &words, None, 60).unwrap();
        assert_eq!(status, 0, "{script}: {output}{errors}");
        output
    }

    /// All files that an operation could leave, of guests, storages and this program, and what runs and is plugged in.
    pub(crate) fn things(&self) -> Vec<PathBuf> {
        let mut found = self.standin.volumes();
        for folder in [
            "/etc/pve/nodes/pve/qemu-server",
            "/var/lib/smbgw",
            "/run/qemu-server",
        ] {
            files_below(Path::new(folder), &mut found);
        }
        // Those of processes: the host sees no others than its own.
        for process in std::fs::read_dir("/proc").unwrap().flatten() {
            let path = process.path();
            let name = std::fs::read_to_string(path.join("comm")).unwrap_or_default();
            if name.starts_with("qemu") {
                found.push(path);
            }
        }
        let links = run(Command::new("ip").args(["-o", "link"])).unwrap();
        let names = links.lines().filter_map(|line| line.split(": ").nth(1));
        let taps = names.filter(|name| name.starts_with("tap"));
        found.extend(taps.map(|name| Path::new("/sys/class/net").join(name)));
        found.sort();
        found
    }
}

/// Kills this process when the step begins whose title starts so.
pub(crate) struct Doom(String);

impl Progress for Doom {
    fn event(&self, event: &Event<'_>) {
        if let Event::StepStarts { title, .. } = event
            && title.starts_with(&self.0)
        {
            let own = std::process::id().to_string();
            run(Command::new("kill").args(["-KILL", &own])).unwrap();
        }
    }
}

/// Does something with the guest's documents right before a guest starts, as somebody could.
pub(crate) struct Tampering<F>(pub(crate) F);

impl<F: Fn(&str) -> String + Sync> Progress for Tampering<F> {
    fn event(&self, event: &Event<'_>) {
        let Event::StepStarts { title, .. } = event else {
            return;
        };
        if !title.starts_with("start ") {
            return;
        }
        let mut snippets = Vec::new();
        files_below(Path::new("/var/lib/vz/snippets"), &mut snippets);
        for path in snippets {
            if path.to_string_lossy().ends_with("-user.yaml") {
                let text = std::fs::read_to_string(&path).unwrap();
                let (head, json) = text.split_once('\n').unwrap();
                let json = (self.0)(json);
                std::fs::write(&path, format!("{head}\n{json}")).unwrap();
            }
        }
    }
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        match entry.path() {
            path if path.is_dir() => files_below(&path, found),
            path => found.push(path),
        }
    }
}

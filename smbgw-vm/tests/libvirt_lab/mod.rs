//! A libvirt with a pool, a network and a store with a template that boots quickly.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Host, NamespaceHost};
use smbgw_core::progress::{Progress, Silent};
use smbgw_core::secret::Secret;
use smbgw_core::size::ByteSize;
use smbgw_testing::{FastBoot, Libvirt, run};
use smbgw_vm::cloudinit::{Argv, DataFilesystem, LoginName};
use smbgw_vm::domain_xml::{Accelerator, Boot, NetworkSource};
use smbgw_vm::libvirt::{Name, Virsh};
use smbgw_vm::provisioning::libvirt::{DataRequest, GuestRequest, provision};
use smbgw_vm::provisioning::{Provisioning, ShareRequest, Waits};
use smbgw_vm::resources::Policy;

use crate::template_cache;

/// The password of alice, who is a user of each guest.
pub(crate) const PASSWORD: &str = "correct horse";

/// The address of the guest.
pub(crate) const ADDRESS: &str = "192.0.2.10";

const TEMPLATES: &str = "/srv/templates";

pub(crate) struct Lab {
    // Ends last.
    pub(crate) host: NamespaceHost,
    pub(crate) libvirt: Option<Libvirt>,
    boot: Boot,
    passwords: Vec<(LoginName, Secret)>,
}

impl Lab {
    pub(crate) fn start() -> Self {
        let template = template_cache::ready();
        let libvirt = Libvirt::start().unwrap();
        libvirt.make_pool("pool").unwrap();
        libvirt.make_network("net").unwrap();
        // The store is this host's own, but for the disk.
        let script = format!(
            "ip address add 192.0.2.1/24 dev net0\n\
             mkdir -p {TEMPLATES}/lab\n\
             touch {TEMPLATES}/lab/disk.qcow2\n\
             cp -r \"$1/lab/template.json\" \"$1/lab/schemas\" {TEMPLATES}/lab/\n\
             mount --bind \"$1/lab/disk.qcow2\" {TEMPLATES}/lab/disk.qcow2"
        );
        let mut prepare = libvirt.command("bash");
        prepare
            .args(["-euc", &script, "prepare"])
            .arg(template.store());
        run(&mut prepare).unwrap();
        let fast = template.fast_boot();
        Self::of(libvirt.pid(), Some(libvirt), &fast.kernel(), &fast.initrd())
    }

    /// The one that another process has, by what [`handle`](Self::handle) said there.
    pub(crate) fn of_another(handle: &str) -> Self {
        let mut words = handle.split('\n');
        let pid = words.next().unwrap().parse().unwrap();
        let mut path = || Path::new(words.next().unwrap());
        Self::of(pid, None, path(), path())
    }

    /// What another process finds it by: the first process of its host, and what a guest boots from.
    pub(crate) fn handle(&self) -> String {
        let Boot::Kernel { kernel, initrd, .. } = &self.boot else {
            panic!("it boots by a kernel");
        };
        let initrd = initrd.as_ref().unwrap();
        let pid = self.libvirt.as_ref().unwrap().pid();
        format!("{pid}\n{}\n{}", kernel.display(), initrd.display())
    }

    fn of(pid: u32, libvirt: Option<Libvirt>, kernel: &Path, initrd: &Path) -> Self {
        let boot = Boot::Kernel {
            kernel: kernel.into(),
            initrd: Some(initrd.into()),
            command_line: FastBoot::ARGUMENTS.into(),
        };
        Self {
            host: NamespaceHost::of_process("vmhost", pid).unwrap(),
            libvirt,
            boot,
            passwords: vec![(of("alice"), Secret::from(PASSWORD.to_owned()))],
        }
    }

    pub(crate) fn virsh(&self) -> Virsh<'_> {
        Virsh::new(&self.host, soon())
    }

    pub(crate) fn world(&self) -> Provisioning<'_> {
        self.world_with(&self.host, &Silent)
    }

    pub(crate) fn world_with<'w>(
        &'w self,
        host: &'w dyn Host,
        progress: &'w dyn Progress,
    ) -> Provisioning<'w> {
        Provisioning {
            hypervisor: Virsh::new(host, soon()).into(),
            templates: Path::new(TEMPLATES),
            passwords: &self.passwords,
            policy: Policy::default(),
            waits: Waits::default(),
            progress,
        }
    }

    /// A guest with all that there is.
    pub(crate) fn request(&self) -> GuestRequest {
        GuestRequest {
            name: of("vault"),
            memory_mib: 256,
            cores: 1,
            template: of("lab"),
            linked: true,
            pool: of("pool"),
            network: NetworkSource::Network("net".into()),
            address: of(&format!("{ADDRESS}/24")),
            name_servers: vec![],
            data: Some(DataRequest {
                pool: of("pool"),
                size: ByteSize::from_mib(700),
                filesystem: DataFilesystem::Ext4,
            }),
            share: Some(ShareRequest {
                name: of("data"),
                quota: ByteSize::from_mib(64),
                comment: None,
            }),
            ssh_keys: vec![],
            users: vec![of("alice")],
            starts_with_host: true,
            accelerator: Accelerator::Qemu,
            boot: self.boot.clone(),
        }
    }

    /// Has a guest that needs nothing but the template, which so is there for others.
    pub(crate) fn keep_template(&self) {
        let keeper = GuestRequest {
            name: of("keeper"),
            address: of("192.0.2.12/24"),
            data: None,
            share: None,
            users: vec![],
            starts_with_host: false,
            ..self.request()
        };
        let made = provision(&self.world(), &keeper).unwrap();
        assert!(made.is_done(), "{made:#?}");
        // What it was made from is all that is wanted of it.
        self.virsh().power_off(&of::<Name>("keeper")).unwrap();
    }

    /// Has a virtual machine carry the mark of another run.
    pub(crate) fn take_mark_from(&self, machine: &str) {
        let libvirt = self.libvirt.as_ref().unwrap();
        let xml = self.virsh().xml(&of::<Name>(machine)).unwrap();
        let (start, rest) = xml.split_once(" run=\"").unwrap();
        let (_, rest) = rest.split_once('"').unwrap();
        libvirt
            .write("/srv/vm/edited", format!("{start} run=\"other\"{rest}"))
            .unwrap();
        let mut define = libvirt.command("virsh");
        define.args(["--connect=qemu:///system", "define", "/srv/vm/edited"]);
        run(&mut define).unwrap();
    }

    /// All that an operation could leave: virtual machines, volumes, and files of this program and of consoles.
    pub(crate) fn things(&self) -> Vec<String> {
        let virsh = self.virsh();
        let mut things = virsh.domains().unwrap();
        virsh.refresh_pool(&of::<Name>("pool")).unwrap();
        let folders = [
            "/srv/vm/pool",
            "/var/lib/smbgw",
            "/etc/libvirt/qemu/autostart",
            "/srv/templates/lab/users",
        ];
        let script = "find \"$@\" -type f -o -type l; find /var/log/libvirt/qemu -name '*.console'";
        let words = ["-c", script, "find"].into_iter().chain(folders);
        let find = smbgw_core::host::Command::new("sh")
            .args(words)
            .accept(&[0, 1]);
        let found = self.host.run(&find, soon()).unwrap().text();
        things.extend(found.lines().map(str::to_owned));
        things.sort();
        things
    }

    /// What a program in the guest prints, which ends well.
    pub(crate) fn inside(&self, words: &[&str]) -> String {
        let command = Argv::new(words.iter().copied()).unwrap();
        let ended = self
            .virsh()
            .execute(&of::<Name>("vault"), &command, None)
            .unwrap();
        assert_eq!(ended.status, Some(0), "{words:?}: {ended:?}");
        String::from_utf8(ended.output).unwrap()
    }

    /// What smbclient says that works as alice in a share of the guest at `address`.
    pub(crate) fn smbclient(&self, address: &str, work: &str) -> String {
        let mut client: Command = self.libvirt.as_ref().unwrap().command("smbclient");
        client.args([&format!("//{address}/data"), "-U"]);
        client.args([&format!("alice%{PASSWORD}"), "-c", work]);
        run(&mut client).unwrap()
    }
}

pub(crate) fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(300))
}

pub(crate) fn of<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

//! What a guest is to be like, as options of `qm create` and `qm set` (qm(1)).

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use smbgw_core::mac::Mac;

use super::name::{BridgeName, DiskSlot, GuestName, GuestTag, MappingId, StorageId, VolumeId};
use crate::address_setting::AddressSetting;
use crate::cloudinit::DiskSerial;

/// What a guest is to be like. What is not said stays as it is, or as Proxmox VE has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GuestSettings {
    /// Its host name.
    pub name: Option<GuestName>,
    /// Its notes, with the [`Mark`](super::Mark) in it.
    pub description: Option<String>,
    /// Its tags.
    pub tags: Vec<GuestTag>,
    /// Its memory, in MiB.
    pub memory_mib: Option<u32>,
    /// The least memory that it is left with where the node is short of it, in MiB; 0 takes none away.
    pub balloon_mib: Option<u32>,
    /// How many processors it has.
    pub cores: Option<u32>,
    /// Its firmware.
    pub firmware: Option<Firmware>,
    /// Its kind of processor, such as `host` or `x86-64-v2-AES`.
    pub cpu: Option<CpuType>,
    /// The order in which disks are tried for booting.
    pub boot: Vec<DiskSlot>,
    /// Its disks.
    pub disks: Vec<(DiskSlot, DiskSource)>,
    /// What disks call themselves, by which a guest finds those on virtio.
    pub serials: Vec<(DiskSlot, DiskSerial)>,
    /// Where the drive for cloud-init is, and on which storage.
    pub cloud_init: Option<(DiskSlot, StorageId)>,
    /// Its network cards, by number.
    pub cards: Vec<(u8, NetworkCard)>,
    /// How each card gets its address, which cloud-init tells the guest.
    pub addresses: Vec<(u8, AddressSetting)>,
    /// Documents for cloud-init instead of those that Proxmox VE makes.
    pub documents: Documents,
    /// The user that cloud-init makes.
    pub user: Option<UserName>,
    /// A file on the node with public keys, one a line, that may log in.
    pub ssh_keys: Option<PathBuf>,
    /// Directories of the node that the guest sees through virtiofs, by number.
    pub shared_directories: Vec<(u8, SharedDirectory)>,
    /// Whether it has a connection to a guest agent.
    pub agent: Option<bool>,
    /// Whether its console is a serial port, on which it can be read.
    pub serial_console: bool,
    /// Whether it starts with the node.
    pub starts_with_node: Option<bool>,
    /// Options to be taken back to what Proxmox VE has.
    pub unset: Vec<OptionName>,
}

/// The firmware of a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Firmware {
    /// SeaBIOS.
    Bios,
    /// OVMF.
    Uefi,
}

/// Where the content of a disk comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskSource {
    /// A new, empty volume of so many GiB on a storage.
    Empty {
        /// The storage.
        storage: StorageId,
        /// Its size in GiB.
        size_gib: u32,
    },
    /// The content of an image file on the node, copied to a volume on a storage.
    Import {
        /// The storage.
        storage: StorageId,
        /// The image, by its absolute path.
        image: PathBuf,
        /// Whether the copy has layers, as guests linked to it need on a storage
        /// [of files](super::Storage::keeps_files). Others have their own.
        as_qcow2: bool,
    },
    /// A volume that is there.
    Volume(VolumeId),
}

/// A network card of a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkCard {
    /// The bridge that it is plugged into.
    pub bridge: BridgeName,
    /// The VLAN that its frames are tagged with, from 1 to 4094.
    pub vlan: Option<u16>,
    /// Its address; one is made where there is none.
    pub mac: Option<Mac>,
    /// Whether the firewall of Proxmox VE stands before it.
    pub firewall: bool,
}

/// Documents for cloud-init, each a snippet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Documents {
    /// user-data.
    pub user: Option<VolumeId>,
    /// meta-data.
    pub meta: Option<VolumeId>,
    /// network-config.
    pub network: Option<VolumeId>,
    /// vendor-data.
    pub vendor: Option<VolumeId>,
}

/// A directory of the node that a guest sees through virtiofs. Its mapping is looked for before, as Proxmox VE
/// does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedDirectory {
    /// The mapping of the directory.
    pub mapping: MappingId,
    /// Whether the guest sees extended attributes.
    pub xattrs: bool,
    /// Whether the guest sees POSIX access control lists; it sees extended attributes then, too.
    pub acls: bool,
}

super::name::names! {
    /// The name of a user in a guest.
    UserName: "the name of a user",
        "a small letter or `_` first, then small letters, digits, `_` and `-`, up to 32",
        |text| {
            (1..=32).contains(&text.len())
                && text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
                && text.bytes().all(|byte| {
                    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte)
                })
        };

    /// A kind of processor.
    CpuType: "a kind of processor",
        "letters, digits, `-`, `_` and `.`",
        |text| {
            (1..=64).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };

    /// The name of an option in the configuration of a guest.
    OptionName: "the name of an option",
        "small letters, then digits",
        |text| {
            let letters = text.trim_end_matches(|c: char| c.is_ascii_digit());
            !letters.is_empty() && text.len() <= 40 && letters.bytes().all(|byte| byte.is_ascii_lowercase())
        };
}

impl GuestSettings {
    /// The settings as options, each with its value.
    pub(super) fn options(&self) -> Vec<(String, String)> {
        let mut options = Options::default();
        options.add_some("name", self.name.as_ref());
        options.add_some("description", self.description.as_ref());
        if !self.tags.is_empty() {
            let tags: Vec<&str> = self.tags.iter().map(GuestTag::as_str).collect();
            options.add("tags", tags.join(";"));
        }
        options.add_some("memory", self.memory_mib);
        options.add_some("balloon", self.balloon_mib);
        options.add_some("cores", self.cores);
        options.add_some("bios", self.firmware);
        options.add_some("cpu", self.cpu.as_ref());
        let is_scsi = |(slot, _): &(DiskSlot, _)| slot.as_str().starts_with("scsi");
        if self.disks.iter().any(is_scsi) {
            options.add("scsihw", "virtio-scsi-pci");
        }
        for (slot, source) in &self.disks {
            let mut serials = self.serials.iter();
            let serial = serials.find(|(of, _)| of == slot);
            let serial = serial.map(|(_, serial)| format!(",serial={serial}"));
            let value = format!("{source},discard=on{}", serial.unwrap_or_default());
            options.add(slot, value);
        }
        if !self.boot.is_empty() {
            let slots: Vec<&str> = self.boot.iter().map(DiskSlot::as_str).collect();
            options.add("boot", format!("order={}", slots.join(";")));
        }
        if let Some((slot, storage)) = &self.cloud_init {
            options.add(slot, format!("{storage}:cloudinit"));
        }
        for (number, card) in &self.cards {
            options.add(format!("net{number}"), card);
        }
        for (number, address) in &self.addresses {
            options.add(format!("ipconfig{number}"), ip_config(address));
        }
        let documents = self.documents.to_string();
        if !documents.is_empty() {
            options.add("cicustom", documents);
        }
        options.add_some("ciuser", self.user.as_ref());
        options.add_some("sshkeys", self.ssh_keys.as_ref().map(|path| path.display()));
        for (number, directory) in &self.shared_directories {
            options.add(format!("virtiofs{number}"), directory);
        }
        options.add_some(
            "agent",
            self.agent.map(|on| format!("enabled={}", u8::from(on))),
        );
        if self.serial_console {
            options.add("serial0", "socket");
            options.add("vga", "serial0");
        }
        options.add_some("onboot", self.starts_with_node.map(u8::from));
        if !self.unset.is_empty() {
            let names: Vec<&str> = self.unset.iter().map(OptionName::as_str).collect();
            options.add("delete", names.join(","));
        }
        options.0
    }
}

/// `ipconfigN` for one address. The gateway of IPv6 has a name of its own.
fn ip_config(setting: &AddressSetting) -> String {
    let AddressSetting::Static(address) = setting else {
        return "ip=dhcp".into();
    };
    let (ip, gw) = match address.address() {
        IpAddr::V4(_) => ("ip", "gw"),
        IpAddr::V6(_) => ("ip6", "gw6"),
    };
    let gateway = address.gateway();
    let gateway = gateway.map(|gateway| format!(",{gw}={gateway}"));
    format!(
        "{ip}={}{}",
        address.with_prefix(),
        gateway.unwrap_or_default()
    )
}

#[derive(Default)]
struct Options(Vec<(String, String)>);

impl Options {
    fn add(&mut self, name: impl ToString, value: impl ToString) {
        self.0.push((name.to_string(), value.to_string()));
    }

    fn add_some(&mut self, name: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }
}

impl fmt::Display for Firmware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bios => "seabios",
            Self::Uefi => "ovmf",
        })
    }
}

impl fmt::Display for DiskSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { storage, size_gib } => write!(f, "{storage}:{size_gib}"),
            // The size is that of the image: 0 stands for it.
            Self::Import {
                storage,
                image,
                as_qcow2,
            } => {
                write!(f, "{storage}:0,import-from={}", image.display())?;
                f.write_str(if *as_qcow2 { ",format=qcow2" } else { "" })
            }
            Self::Volume(volume) => volume.fmt(f),
        }
    }
}

impl fmt::Display for NetworkCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("virtio")?;
        if let Some(mac) = self.mac {
            write!(f, "={}", mac.to_string().to_uppercase())?;
        }
        write!(f, ",bridge={}", self.bridge)?;
        if let Some(vlan) = self.vlan {
            write!(f, ",tag={vlan}")?;
        }
        if self.firewall {
            f.write_str(",firewall=1")?;
        }
        Ok(())
    }
}

impl fmt::Display for Documents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [
            ("user", &self.user),
            ("meta", &self.meta),
            ("network", &self.network),
            ("vendor", &self.vendor),
        ];
        let given = all
            .into_iter()
            .filter_map(|(name, volume)| Some((name, volume.as_ref()?)));
        let parts: Vec<String> = given
            .map(|(name, volume)| format!("{name}={volume}"))
            .collect();
        f.write_str(&parts.join(","))
    }
}

impl fmt::Display for SharedDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dirid={}", self.mapping)?;
        if self.acls {
            f.write_str(",expose-acl=1")?;
        }
        // Lists are extended attributes, and showing them shows those.
        if self.xattrs && !self.acls {
            f.write_str(",expose-xattr=1")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<N: std::str::FromStr<Err: fmt::Debug>>(text: &str) -> N {
        text.parse().unwrap()
    }

    #[test]
    fn settings_become_options() {
        let settings = GuestSettings {
            name: Some(of("vault")),
            description: Some("two\nlines".into()),
            tags: vec![of("smbgw"), of("vault")],
            memory_mib: Some(2048),
            balloon_mib: Some(0),
            cores: Some(2),
            firmware: Some(Firmware::Bios),
            cpu: Some(of("x86-64-v2-AES")),
            boot: vec![of("scsi0")],
            disks: vec![
                (
                    of("scsi0"),
                    DiskSource::Import {
                        storage: of("local-lvm"),
                        image: "/var/lib/t.qcow2".into(),
                        as_qcow2: true,
                    },
                ),
                (
                    of("scsi1"),
                    DiskSource::Empty {
                        storage: of("data"),
                        size_gib: 10,
                    },
                ),
                (of("virtio1"), DiskSource::Volume(of("data:vm-105-disk-3"))),
            ],
            serials: vec![(of("scsi1"), of("vault-data"))],
            cloud_init: Some((of("ide2"), of("local-lvm"))),
            cards: vec![(
                0,
                NetworkCard {
                    bridge: of("vmbr0"),
                    vlan: Some(7),
                    mac: Some(of("bc:24:11:00:00:01")),
                    firewall: true,
                },
            )],
            addresses: vec![
                (0, of("192.0.2.10/24,gw=192.0.2.1")),
                (1, of("2001:db8::5/64,gw=2001:db8::1")),
                (2, of("dhcp")),
            ],
            documents: Documents {
                user: Some(VolumeId::snippet(of("local"), &of("vault-user.yaml"))),
                meta: Some(VolumeId::snippet(of("local"), &of("vault-meta.yaml"))),
                ..Documents::default()
            },
            user: Some(of("admin")),
            ssh_keys: Some("/run/keys".into()),
            shared_directories: vec![(
                0,
                SharedDirectory {
                    mapping: of("vault-data"),
                    xattrs: true,
                    acls: true,
                },
            )],
            agent: Some(true),
            serial_console: true,
            starts_with_node: Some(true),
            unset: vec![of("ide0"), of("ciupgrade")],
        };
        let options: Vec<String> = settings
            .options()
            .into_iter()
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        assert_eq!(
            options,
            [
                "name vault",
                "description two\nlines",
                "tags smbgw;vault",
                "memory 2048",
                "balloon 0",
                "cores 2",
                "bios seabios",
                "cpu x86-64-v2-AES",
                "scsihw virtio-scsi-pci",
                "scsi0 local-lvm:0,import-from=/var/lib/t.qcow2,format=qcow2,discard=on",
                "scsi1 data:10,discard=on,serial=vault-data",
                "virtio1 data:vm-105-disk-3,discard=on",
                "boot order=scsi0",
                "ide2 local-lvm:cloudinit",
                "net0 virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=7,firewall=1",
                "ipconfig0 ip=192.0.2.10/24,gw=192.0.2.1",
                "ipconfig1 ip6=2001:db8::5/64,gw6=2001:db8::1",
                "ipconfig2 ip=dhcp",
                "cicustom user=local:snippets/vault-user.yaml,meta=local:snippets/vault-meta.yaml",
                "ciuser admin",
                "sshkeys /run/keys",
                "virtiofs0 dirid=vault-data,expose-acl=1",
                "agent enabled=1",
                "serial0 socket",
                "vga serial0",
                "onboot 1",
                "delete ide0,ciupgrade",
            ]
        );
        assert!(GuestSettings::default().options().is_empty());
    }

    #[test]
    fn a_card_without_an_address_gets_one_from_proxmox() {
        let card = NetworkCard {
            bridge: of("vmbr1"),
            vlan: None,
            mac: None,
            firewall: false,
        };
        assert_eq!(card.to_string(), "virtio,bridge=vmbr1");
    }
}

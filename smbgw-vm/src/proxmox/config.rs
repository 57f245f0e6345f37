//! The configuration of a guest, as Proxmox VE tells it.

use std::collections::BTreeMap;

use serde_json::Value;
use smbgw_core::mac::Mac;
use smbgw_core::size::ByteSize;

use super::mark::Mark;
use super::name::{DiskSlot, VolumeId};
use crate::cloudinit::DiskSerial;

/// The configuration of a guest: what `/nodes/NODE/qemu/VMID/config` tells, options that are unknown here among it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuestConfig {
    options: BTreeMap<String, String>,
}

/// A disk of a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestDisk {
    /// Where it is.
    pub slot: DiskSlot,
    /// Its volume.
    pub volume: VolumeId,
    /// Its size, where it is told.
    pub size: Option<ByteSize>,
    /// Whether it is a CD, as the drive for cloud-init is.
    pub is_cdrom: bool,
}

impl GuestConfig {
    /// Reads what the API tells, or says nothing where it is no set of options.
    pub(crate) fn read(value: &Value) -> Option<Self> {
        let text = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(set) => Some(u8::from(*set).to_string()),
            _ => None,
        };
        let options = value.as_object()?.iter();
        let options = options.filter_map(|(name, value)| Some((name.clone(), text(value)?)));
        Some(Self {
            options: options.collect(),
        })
    }

    /// The value of an option.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }

    /// All options, by name.
    pub fn options(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.options.iter();
        all.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The host name of the guest.
    pub fn name(&self) -> Option<&str> {
        self.option("name")
    }

    /// The notes of the guest.
    pub fn description(&self) -> Option<&str> {
        self.option("description")
    }

    /// The mark of the guest, where it has one.
    pub fn mark(&self) -> Option<Mark> {
        Mark::find(self.description()?)
    }

    /// The operation that holds the guest.
    pub fn lock(&self) -> Option<&str> {
        self.option("lock")
    }

    /// Whether it is a template.
    pub fn is_template(&self) -> bool {
        self.option("template") == Some("1")
    }

    /// What identifies this state of the configuration.
    pub fn digest(&self) -> Option<&str> {
        self.option("digest")
    }

    /// The memory of the guest, in MiB (512 where it is not said).
    pub fn memory_mib(&self) -> u64 {
        let memory = self.option("memory").unwrap_or_default();
        let current = memory.split(',').next().unwrap_or_default();
        let current = current.strip_prefix("current=").unwrap_or(current);
        current.parse().unwrap_or(512)
    }

    /// Whether the guest has a connection to its agent.
    pub fn has_agent(&self) -> bool {
        let agent = self.option("agent").unwrap_or_default();
        let first = agent.split(',').next().unwrap_or_default();
        first.strip_prefix("enabled=").unwrap_or(first) == "1"
    }

    /// The disks and CDs that have a volume.
    pub fn disks(&self) -> Vec<GuestDisk> {
        let read = |(name, value): (&str, &str)| {
            let slot: DiskSlot = name.parse().ok()?;
            let (volume, rest) = value.split_once(',').unwrap_or((value, ""));
            let volume = volume.strip_prefix("file=").unwrap_or(volume);
            let size = property(rest, "size").and_then(|size| size.parse().ok());
            Some(GuestDisk {
                slot,
                volume: volume.parse().ok()?,
                size,
                is_cdrom: property(rest, "media") == Some("cdrom"),
            })
        };
        self.options().filter_map(read).collect()
    }

    /// The disk in `slot`.
    pub fn disk(&self, slot: &DiskSlot) -> Option<GuestDisk> {
        self.disks().into_iter().find(|disk| disk.slot == *slot)
    }

    /// The disk that calls itself `serial` to the guest.
    pub fn disk_with_serial(&self, serial: &DiskSerial) -> Option<GuestDisk> {
        let mut disks = self.disks().into_iter();
        disks.find(|disk| {
            let value = self.option(disk.slot.as_str()).unwrap_or_default();
            property(value, "serial") == Some(serial.as_str())
        })
    }

    /// The address of the network card `number`.
    pub fn mac(&self, number: u8) -> Option<Mac> {
        let card = self.option(&format!("net{number}"))?;
        // The model has the address as its value: `virtio=BC:24:11:2E:C1:12,bridge=vmbr0`.
        card.split(',')
            .find_map(|part| part.split_once('=')?.1.parse().ok())
    }

    /// The addresses that cloud-init gives to the guest, without the lengths of their networks.
    pub fn addresses(&self) -> Vec<std::net::IpAddr> {
        let cards = self.options().filter(|(name, _)| {
            let number = name.strip_prefix("ipconfig");
            number.is_some_and(|number| number.parse::<u8>().is_ok())
        });
        let address = |part: &str| {
            let value = part
                .strip_prefix("ip=")
                .or_else(|| part.strip_prefix("ip6="))?;
            value.split('/').next()?.parse().ok()
        };
        cards
            .flat_map(|(_, value)| value.split(',').filter_map(address))
            .collect()
    }
}

/// The value of `name` in a list such as `size=4G,media=cdrom`.
pub(super) fn property<'a>(list: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = list.split(',').filter_map(|part| part.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `pvesh get /nodes/pve/qemu/105/config --output-format json` of Proxmox VE 8 prints it.
    const PRINTED: &str = r#"{"agent":"enabled=1","balloon":512,"boot":"order=scsi0","cores":2,
        "description":"Serves the share vault.\n\nsmbgw-mark: 00112233445566778899aabbccddeeff\n",
        "digest":"6bf1e1d0b7c5a6a5f5e6a4c3b2a19088f7e6d5c4","ide2":"local-lvm:vm-105-cloudinit,media=cdrom,size=4M",
        "ipconfig0":"ip=192.0.2.10/24,gw=192.0.2.1,ip6=auto","ipconfig1":"ip=dhcp,ip6=2001:db8::5/64",
        "memory":"2048","name":"vault","net0":"virtio=BC:24:11:2E:C1:12,bridge=vmbr0,tag=7","ostype":"l26",
        "scsi0":"local-lvm:base-9000-disk-0/vm-105-disk-0,discard=on,size=4G","scsi1":"none,media=cdrom",
        "scsi2":"file=data:105/vm-105-disk-1.qcow2,serial=smbgw-data,size=10G","scsihw":"virtio-scsi-single",
        "serial0":"socket","vmgenid":"d1a1b9e2-7c2f-4b5d-9c39-1d8a6c3c5a10"}"#;

    fn printed() -> GuestConfig {
        GuestConfig::read(&serde_json::from_str(PRINTED).unwrap()).unwrap()
    }

    #[test]
    fn what_proxmox_prints_is_understood() {
        let config = printed();
        assert_eq!(config.name(), Some("vault"));
        assert_eq!(config.memory_mib(), 2048);
        assert_eq!(config.option("balloon"), Some("512"));
        let mark = config.mark().map(String::from);
        assert_eq!(mark.as_deref(), Some("00112233445566778899aabbccddeeff"));
        assert!(config.has_agent() && !config.is_template() && config.lock().is_none());
        assert_eq!(config.mac(0), "bc:24:11:2e:c1:12".parse().ok());
        assert_eq!(config.mac(1), None);
    }

    #[test]
    fn disks_are_told_with_their_sizes() {
        let disks: Vec<(String, String, Option<u64>, bool)> = printed()
            .disks()
            .into_iter()
            .map(|disk| {
                let size = disk.size.map(ByteSize::bytes);
                (disk.slot.into(), disk.volume.into(), size, disk.is_cdrom)
            })
            .collect();
        let disk = |slot: &str, volume: &str, size, cdrom| {
            (slot.to_owned(), volume.to_owned(), Some(size), cdrom)
        };
        assert_eq!(
            disks,
            [
                disk("ide2", "local-lvm:vm-105-cloudinit", 4 << 20, true),
                disk(
                    "scsi0",
                    "local-lvm:base-9000-disk-0/vm-105-disk-0",
                    4 << 30,
                    false
                ),
                disk("scsi2", "data:105/vm-105-disk-1.qcow2", 10 << 30, false),
            ]
        );
    }

    #[test]
    fn a_disk_is_found_by_its_serial() {
        let disk = |serial: &str| printed().disk_with_serial(&serial.parse().unwrap());
        assert_eq!(disk("smbgw-data").unwrap().slot.as_str(), "scsi2");
        assert_eq!(disk("smbgw"), None);
    }

    #[test]
    fn addresses_are_those_that_stand_fast() {
        let texts: Vec<String> = printed()
            .addresses()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(texts, ["192.0.2.10", "2001:db8::5"]);
    }

    #[test]
    fn agents_and_memory_are_read_in_each_form() {
        let of = |name: &str, value: &str| {
            GuestConfig::read(&serde_json::json!({ name: value })).unwrap()
        };
        for (text, has) in [
            ("1", true),
            ("enabled=1,fstrim_cloned_disks=1", true),
            ("0", false),
            ("enabled=0", false),
        ] {
            assert_eq!(of("agent", text).has_agent(), has, "{text}");
        }
        assert_eq!(of("memory", "current=768").memory_mib(), 768);
        assert_eq!(of("name", "x").memory_mib(), 512);
        assert!(GuestConfig::read(&serde_json::json!([])).is_none());
    }
}

//! Guests that are asked for in texts, as people and programs give it.

use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use smbgw_core::error::{Coded, Problem};
use smbgw_core::host_label::HostLabel;
use smbgw_core::share::ShareName;
use smbgw_core::size::QuotaSize;

use super::guest_choice::GuestChoice;
use super::request::TemplateOrigin;
use crate::address_setting::AddressSetting;
use crate::cloudinit::{DataFilesystem, LoginName, PublicKey};
use crate::code::Code;
use crate::template::TemplateName;
use crate::vmid::Vmid;

/// A share that is to be in a virtual machine of its own.
///
/// What is not given is chosen when the node is asked ([`GuestChoice::complete`]).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct GuestDraft {
    /// What the share is called, and its guest: the name of a host.
    pub name: String,
    /// The most that the share may hold, such as `10G`.
    pub quota: Option<String>,
    /// A comment that clients show.
    pub comment: Option<String>,
    /// Who may use the share. They are made in the guest, and each gets a password.
    pub users: Vec<String>,
    /// Its number; a free one if not given.
    pub vmid: Option<u32>,
    /// Its memory, in MiB; 2048 if not given.
    pub memory_mib: Option<u32>,
    /// What ballooning leaves it with at least, in MiB; all of its memory if not given.
    pub balloon_mib: Option<u32>,
    /// How many processors it has; 2 if not given.
    pub cores: Option<u32>,
    /// What it is made from: a template of the store by its name, or one of the node by its number. The only one
    /// there is, if not given.
    pub template: Option<String>,
    /// Whether its first disk begins as that of the template and keeps what differs, instead of being a copy.
    pub linked: bool,
    /// The storage of its first disk; the one for disks with the most room if not given.
    pub storage: Option<String>,
    /// The storage of its disk for data; that of its first disk if not given.
    pub data_storage: Option<String>,
    /// What its disk for data is formatted with, `xfs` or `ext4`; `xfs` if not given.
    pub filesystem: Option<String>,
    /// The storage with the documents for its cloud-init; the one for snippets with the most room if not given.
    pub snippets: Option<String>,
    /// The bridge that it is plugged into; the first that is up if not given.
    pub bridge: Option<String>,
    /// The VLAN of its network card.
    pub vlan: Option<u16>,
    /// How it gets its address, such as `192.0.2.10/24,gw=192.0.2.1`; `dhcp` if not given.
    pub address: Option<String>,
    /// Servers for names, beside those that DHCP tells.
    pub name_servers: Vec<String>,
    /// Who may log in as its administrator: lines of public ssh keys.
    pub ssh_keys: Vec<String>,
    /// Whether it starts with the node.
    pub starts_with_node: bool,
    /// Whether the high availability of Proxmox VE keeps it running.
    pub highly_available: bool,
}

impl GuestDraft {
    /// What it means, as far as that does not depend on the node.
    ///
    /// # Errors
    /// Everything that is wrong with it by itself, all at once.
    pub fn check(&self) -> Result<GuestChoice, Vec<Problem>> {
        let mut problems = Vec::new();
        let found = &mut problems;
        let name = self.checked_name(found);
        let quota = self.checked_quota(found);
        let comment = self.checked_comment(found);
        let users = self.checked_users(found);
        let vmid = self.vmid.map(Vmid::try_from).transpose();
        let vmid = coded("vmid", vmid, found);
        let template = self.template.as_deref().map(origin).transpose();
        let template = coded("vm-template", template, found);
        let storage = optional("vm-storage", self.storage.as_deref(), found);
        let data_storage = optional("vm-data-storage", self.data_storage.as_deref(), found);
        let snippets = optional("vm-snippets", self.snippets.as_deref(), found);
        let bridge = optional("bridge", self.bridge.as_deref(), found);
        let address = optional("ip", self.address.as_deref(), found);
        let filesystem = self.checked_filesystem(found);
        let name_servers = self.checked_name_servers(found);
        let ssh_keys = self.checked_keys(found);
        let choice = (|| {
            Some(GuestChoice {
                name: name?,
                quota: quota?,
                comment,
                users,
                vmid: vmid?,
                memory_mib: self.memory_mib.unwrap_or(USUAL_MEMORY_MIB),
                balloon_mib: self.balloon_mib,
                cores: self.cores.unwrap_or(USUAL_CORES),
                template: template?,
                linked: self.linked,
                storage: storage?,
                data_storage: data_storage?,
                filesystem: filesystem?,
                snippets: snippets?,
                bridge: bridge?,
                vlan: self.vlan,
                address: address?.unwrap_or(AddressSetting::Dhcp),
                name_servers,
                ssh_keys,
                starts_with_node: self.starts_with_node,
                highly_available: self.highly_available,
            })
        })();
        match choice {
            Some(choice) if problems.is_empty() => Ok(choice),
            _ => Err(problems),
        }
    }

    /// The name, which the share and the guest both have.
    fn checked_name(&self, problems: &mut Vec<Problem>) -> Option<ShareName> {
        let name = coded("name", self.name.parse::<ShareName>(), problems)?;
        // Names of shares may have what names of hosts may not.
        if let Err(error) = self.name.parse::<HostLabel>() {
            problems.push(invalid("name", error.to_string()));
            return None;
        }
        Some(name)
    }

    fn checked_quota(&self, problems: &mut Vec<Problem>) -> Option<QuotaSize> {
        let Some(quota) = &self.quota else {
            let problem = Problem::invalid("quota", "share.quota-missing", "no quota is given")
                .remedy("give the size the share may grow to, such as --quota 10G");
            problems.push(problem);
            return None;
        };
        coded("quota", quota.parse(), problems)
    }

    fn checked_comment(&self, problems: &mut Vec<Problem>) -> Option<String> {
        let text = self.comment.as_deref()?.trim();
        if text.chars().any(char::is_control) || text.ends_with('\\') {
            let message = "the comment contains a control character or ends with a backslash";
            let code = "share.comment-invalid";
            problems.push(Problem::invalid("comment", code, message));
        }
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn checked_users(&self, problems: &mut Vec<Problem>) -> Vec<LoginName> {
        if self.users.is_empty() {
            let problem =
                Problem::invalid("user", "share.access-missing", "nobody may use the share");
            problems.push(problem.remedy("name who may with --user"));
        }
        let mut users = Vec::new();
        for user in &self.users {
            match coded("user", user.parse::<LoginName>(), problems) {
                Some(user) if !users.contains(&user) => users.push(user),
                _ => {}
            }
        }
        users
    }

    fn checked_filesystem(&self, problems: &mut Vec<Problem>) -> Option<DataFilesystem> {
        match self.filesystem.as_deref() {
            None | Some("xfs") => Some(DataFilesystem::Xfs),
            Some("ext4") => Some(DataFilesystem::Ext4),
            Some(other) => {
                let message = format!("`{other}` is not a filesystem for data: choose xfs or ext4");
                problems.push(invalid("vm-filesystem", message));
                None
            }
        }
    }

    fn checked_name_servers(&self, problems: &mut Vec<Problem>) -> Vec<IpAddr> {
        let parsed = self.name_servers.iter().filter_map(|text| {
            let parsed = text.parse().ok();
            if parsed.is_none() {
                problems.push(invalid("nameserver", format!("`{text}` is not an address")));
            }
            parsed
        });
        parsed.collect()
    }

    /// The keys. One that is none is not shown: it may be a private one.
    fn checked_keys(&self, problems: &mut Vec<Problem>) -> Vec<PublicKey> {
        let parsed = self.ssh_keys.iter().zip(1..).filter_map(|(text, nth)| {
            let parsed = text.parse().ok();
            if parsed.is_none() {
                let message = format!("key {nth} is not the line of a public ssh key");
                problems.push(invalid("ssh-key", message));
            }
            parsed
        });
        parsed.collect()
    }
}

const USUAL_MEMORY_MIB: u32 = 2048;
const USUAL_CORES: u32 = 2;

/// A template of the node by its number, or one of the store by its name.
fn origin(text: &str) -> Result<TemplateOrigin, crate::template::TemplateNameError> {
    match text.parse::<Vmid>() {
        Ok(vmid) => Ok(TemplateOrigin::OnNode(vmid)),
        Err(_) => text.parse::<TemplateName>().map(TemplateOrigin::InStore),
    }
}

/// The value of `field`, where it is given; nothing where it is wrong, which is told.
#[allow(clippy::option_option, reason = "not given is not wrong")]
fn optional<T: FromStr<Err: Coded>>(
    field: &str,
    text: Option<&str>,
    problems: &mut Vec<Problem>,
) -> Option<Option<T>> {
    coded(field, text.map(str::parse).transpose(), problems)
}

fn coded<T, E: Coded>(field: &str, parsed: Result<T, E>, problems: &mut Vec<Problem>) -> Option<T> {
    let told = |error| problems.push(Problem::from_error(field, &error));
    parsed.map_err(told).ok()
}

fn invalid(field: &str, message: String) -> Problem {
    let code = Code::GuestRequestInvalid;
    Problem::invalid(field, code.as_str(), message).remedy(code.fix())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> GuestDraft {
        GuestDraft {
            name: "vault".into(),
            quota: Some("10G".into()),
            users: vec!["alice".into()],
            ..GuestDraft::default()
        }
    }

    fn fields(draft: &GuestDraft) -> Vec<String> {
        let problems = draft.check().unwrap_err();
        problems.into_iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn little_has_to_be_given() {
        let choice = draft().check().unwrap();
        assert_eq!((choice.memory_mib, choice.cores), (2048, 2));
        assert_eq!(choice.address, AddressSetting::Dhcp);
        assert_eq!(choice.filesystem, DataFilesystem::Xfs);
        assert!(choice.storage.is_none() && choice.template.is_none());
    }

    #[test]
    fn a_template_is_named_or_has_a_number() {
        let template = |text: &str| {
            let draft = GuestDraft {
                template: Some(text.into()),
                ..draft()
            };
            draft.check().unwrap().template.unwrap()
        };
        assert_eq!(
            template("9000"),
            TemplateOrigin::OnNode("9000".parse().unwrap())
        );
        assert_eq!(
            template("lab-12"),
            TemplateOrigin::InStore("lab-12".parse().unwrap())
        );
        // No guest has such a number, so that it can only be a name.
        assert_eq!(
            template("12"),
            TemplateOrigin::InStore("12".parse().unwrap())
        );
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let wrong = GuestDraft {
            name: "my vault".into(),
            quota: None,
            comment: Some("a\nb".into()),
            users: vec!["Alice".into(), "alice".into(), "alice".into()],
            vmid: Some(7),
            template: Some("A".into()),
            storage: Some("-".into()),
            data_storage: Some("-".into()),
            snippets: Some("-".into()),
            bridge: Some("a b".into()),
            address: Some("192.0.2.10".into()),
            filesystem: Some("zfs".into()),
            name_servers: vec!["ns1".into()],
            ssh_keys: vec!["-----BEGIN OPENSSH PRIVATE KEY-----".into()],
            ..draft()
        };
        let told = [
            "name",
            "quota",
            "comment",
            "user",
            "vmid",
            "vm-template",
            "vm-storage",
            "vm-data-storage",
            "vm-snippets",
            "bridge",
            "ip",
            "vm-filesystem",
            "nameserver",
            "ssh-key",
        ];
        assert_eq!(fields(&wrong), told);
        let problems = wrong.check().unwrap_err();
        assert!(
            problems
                .iter()
                .all(|problem| !problem.message.contains("PRIVATE"))
        );
        assert_eq!(fields(&GuestDraft::default()), ["name", "quota", "user"]);
    }
}

//! The share inside its guest: its directory and limit on the disk for data, and its definition for Samba.
//!
//! The files below the directory are a project, whose number they inherit (chattr(1), `P`) and whose room is limited
//! (setquota(8)). Both filesystems tell the limit as the size of the filesystem where a program asks in that directory
//! (statvfs(3)), so that clients see what the quota leaves as free space.

use std::path::PathBuf;

use serde::Serialize;
use smbgw_core::catalog::ShareRecord;
use smbgw_core::definition;
use smbgw_core::error::chain_text;
use smbgw_core::host_label::HostLabel;
use smbgw_core::layout::{SHARES_CONF, SMB_CONF};
use smbgw_core::ports::{Filesystem, Handle, Origin, Volume};
use smbgw_core::secret::Secret;
use smbgw_core::share::ShareSpec;
use smbgw_core::size::ByteSize;
use smbgw_core::smbconf::globals::explicit_globals;
use smbgw_core::smbconf::include::{Edit, IncludePath, attach, detach};

use super::error::ProvisioningError;
use super::inside::{ended_inside, failed_inside, run_inside};
use super::request::DataRequest;
use super::share_request::ShareRequest;
use super::world::Provisioning;
use crate::cloudinit::{DataFilesystem, LoginName};

/// The number of the project of a guest's one share.
const PROJECT: &str = "1";

/// How much of a share is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ShareUsage {
    /// What its files take, in bytes.
    pub used: ByteSize,
    /// What they may take, in bytes; 0 where nothing limits them.
    pub limit: ByteSize,
}

/// A share in its guest.
pub(super) struct ShareInside<'w, 'a> {
    pub(super) world: &'w Provisioning<'a>,
    pub(super) guest: &'w HostLabel,
}

impl ShareInside<'_, '_> {
    /// Makes the directory of `share`, limits it, and has `users` work in it.
    pub(super) fn make_directory(
        &self,
        share: &ShareRequest,
        users: &[LoginName],
    ) -> Result<(), ProvisioningError> {
        self.check_mount()?;
        let directory = share.directory();
        let make = ["/usr/bin/install", "-d", "-m", "0770", "-o", "root"];
        self.run(&[&make[..], &["-g", "root", "--", &directory]].concat())?;
        // Before anything is in it, so that all of it is counted.
        self.run(&["/usr/bin/chattr", "-p", PROJECT, "+P", &directory])?;
        self.set_limit(share.quota)?;
        let list = access_list(users);
        self.run(&["/usr/bin/setfacl", "--set", &list, "--", &directory])?;
        Ok(())
    }

    /// Limits what the files of the share take to `limit`, cut to whole KiB. 0 is no limit.
    pub(super) fn set_limit(&self, limit: ByteSize) -> Result<(), ProvisioningError> {
        let kib = match limit.bytes() {
            0 => 0,
            bytes => (bytes / 1024).max(1),
        };
        let kib = kib.to_string();
        let words = ["/usr/sbin/setquota", "-P", PROJECT, "0", &kib, "0", "0"];
        self.run(&[&words[..], &[DataRequest::MOUNT_POINT]].concat())?;
        Ok(())
    }

    /// What the files of the share take, and may take.
    pub(super) fn usage(&self) -> Result<ShareUsage, ProvisioningError> {
        self.check_mount()?;
        let words = ["/usr/sbin/repquota", "-P", "-n", "-O", "csv"];
        let words = [&words[..], &[DataRequest::MOUNT_POINT]].concat();
        let ended = ended_inside(self.world, self.guest, &words, None)?;
        let read = (ended.status == 0).then(|| usage_in(&ended.output));
        read.flatten()
            .ok_or_else(|| failed_inside(self.guest, &words, &ended))
    }

    /// Has Samba serve `share`, and nothing else of its configuration changed.
    pub(super) fn publish(
        &self,
        share: &ShareRequest,
        users: &[LoginName],
        filesystem: DataFilesystem,
    ) -> Result<(), ProvisioningError> {
        let spec = share.spec(users).map_err(ProvisioningError::Refused)?;
        let before = ended_inside(self.world, self.guest, &["/bin/cat", SMB_CONF], None)?;
        let before = (before.status == 0).then_some(before.output.into_bytes());
        let texts = texts(spec, filesystem, before.as_deref());
        // What was checked with the request can be said to Samba.
        let texts = texts.map_err(|said| ProvisioningError::ProgramFailed {
            guest: self.guest.clone(),
            program: "smb.conf".into(),
            status: 0,
            said,
        })?;
        self.write(SHARES_CONF, texts.shares)?;
        let candidate = format!("{SMB_CONF}.smbgw");
        self.write(&candidate, texts.smb_conf)?;
        self.run(&["/usr/bin/testparm", "-s", &candidate])?;
        self.run(&["/usr/bin/mv", "-T", "--", &candidate, SMB_CONF])?;
        // Power may be lost as soon as the guest is in use.
        self.run(&["/usr/bin/sync"])?;
        self.run(&["/usr/bin/smbcontrol", "all", "reload-config"])?;
        Ok(())
    }

    fn write(&self, path: &str, text: Vec<u8>) -> Result<(), ProvisioningError> {
        let words = ["/usr/bin/install", "-m", "0644", "-T", "--", "/dev/stdin"];
        let words = [&words[..], &[path]].concat();
        run_inside(self.world, self.guest, &words, Some(Secret::from(text)))?;
        Ok(())
    }

    /// A disk that could not be mounted would leave the data on the first one, without a limit.
    fn check_mount(&self) -> Result<(), ProvisioningError> {
        let place = DataRequest::MOUNT_POINT;
        let words = ["/usr/bin/findmnt", "-n", "-o", "OPTIONS", "--mountpoint"];
        let words = [&words[..], &[place]].concat();
        let ended = ended_inside(self.world, self.guest, &words, None)?;
        let has_quota = ended.output.trim().split(',').any(|one| one == "prjquota");
        if ended.status == 0 && has_quota {
            return Ok(());
        }
        Err(ProvisioningError::NoDataDisk {
            guest: self.guest.clone(),
            found: match ended.output.trim() {
                "" => "nothing is mounted there".into(),
                options => format!("the options are {options}"),
            },
        })
    }

    fn run(&self, words: &[&str]) -> Result<String, ProvisioningError> {
        run_inside(self.world, self.guest, words, None)
    }
}

/// Samba's files in the guest.
struct Texts {
    shares: Vec<u8>,
    smb_conf: Vec<u8>,
}

/// Samba's files with the share, where its own file is `before`.
fn texts(
    spec: ShareSpec,
    filesystem: DataFilesystem,
    before: Option<&[u8]>,
) -> Result<Texts, String> {
    let include = IncludePath::new(SHARES_CONF).map_err(|error| chain_text(&error))?;
    let without = before.map(|text| match detach(text, &include) {
        Edit::Changed(text) => text,
        Edit::Unchanged => text.to_vec(),
    });
    let theirs = explicit_globals(without.as_deref().unwrap_or_default());
    let volume = Volume {
        path: PathBuf::from(spec.path.to_string()),
        filesystem: match filesystem {
            DataFilesystem::Xfs => Filesystem::Xfs,
            DataFilesystem::Ext4 => Filesystem::Ext4,
        },
        handle: Handle::Project {
            id: 1,
            name: String::new(),
        },
        origin: Origin::Created,
    };
    let record = ShareRecord::new(spec, volume, 0);
    let shares = definition::render(&[record], &theirs).map_err(|error| chain_text(&error))?;
    let smb_conf = match attach(without.as_deref(), &include) {
        Edit::Changed(text) => text,
        Edit::Unchanged => without.unwrap_or_default(),
    };
    Ok(Texts {
        shares: shares.into_bytes(),
        smb_conf,
    })
}

/// The access control list of the directory (setfacl(1)): every user works with every file, whoever made it.
fn access_list(users: &[LoginName]) -> String {
    let mut entries = Vec::new();
    for prefix in ["", "d:"] {
        entries.push(format!("{prefix}u::rwx"));
        entries.extend(users.iter().map(|user| format!("{prefix}u:{user}:rwx")));
        for rest in ["g::---", "m::rwx", "o::---"] {
            entries.push(format!("{prefix}{rest}"));
        }
    }
    entries.join(",")
}

/// What the project of the share uses, in what repquota(8) prints as CSV: KiB.
fn usage_in(printed: &str) -> Option<ShareUsage> {
    let mut lines = printed
        .lines()
        .map(|line| line.split(',').collect::<Vec<_>>());
    let names = lines.find(|fields| fields.contains(&"BlockUsed"))?;
    let column = |name: &str| names.iter().position(|one| *one == name);
    let (used, limit) = (column("BlockUsed")?, column("BlockHardLimit")?);
    let fields = lines.find(|fields| fields[0].strip_prefix('#') == Some(PROJECT))?;
    let size = |index: usize| {
        let kib: u64 = fields.get(index)?.parse().ok()?;
        Some(ByteSize::from_bytes(kib.saturating_mul(1024)))
    };
    Some(ShareUsage {
        used: size(used)?,
        limit: size(limit)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As repquota of quota 4.06 prints it for ext4.
    const PRINTED: &str = "\
Project,BlockStatus,FileStatus,BlockUsed,BlockSoftLimit,BlockHardLimit,BlockGrace,FileUsed,FileSoftLimit,FileHardLimit,FileGrace
#0,ok,ok,20,0,0,,2,0,0,
#1,hard,ok,102396,0,51200,,3,0,0,
";

    #[test]
    fn usage_is_read_as_it_is_printed() {
        let usage = usage_in(PRINTED).unwrap();
        assert_eq!(usage.used.bytes(), 102_396 << 10);
        assert_eq!(usage.limit.bytes(), 50 << 20);
        assert_eq!(usage_in(&PRINTED.replace("#1,", "#10,")), None);
        assert_eq!(usage_in(""), None);
    }

    #[test]
    fn every_user_is_in_both_lists() {
        let users = ["alice".parse().unwrap(), "bob".parse().unwrap()];
        assert_eq!(
            access_list(&users),
            "u::rwx,u:alice:rwx,u:bob:rwx,g::---,m::rwx,o::---,\
             d:u::rwx,d:u:alice:rwx,d:u:bob:rwx,d:g::---,d:m::rwx,d:o::---"
        );
    }

    #[test]
    fn samba_keeps_what_it_has() {
        let share = ShareRequest {
            name: "Media".parse().unwrap(),
            quota: ByteSize::from_mib(1),
            comment: Some("for all".into()),
        };
        let spec = share.spec(&["alice".parse().unwrap()]).unwrap();
        let before =
            b"[global]\n\tworkgroup = LAB\n\tmap to guest = bad user\n[homes]\n\tread only = yes\n";
        let once = texts(spec.clone(), DataFilesystem::Xfs, Some(before)).unwrap();
        let text = String::from_utf8(once.smb_conf.clone()).unwrap();
        assert!(
            text.contains("workgroup = LAB") && text.contains("[homes]"),
            "{text}"
        );
        assert_eq!(text.matches("include = /etc/samba/smbgw.conf").count(), 1);
        let shares = String::from_utf8(once.shares.clone()).unwrap();
        assert!(
            shares.contains("[Media]") && shares.contains("/srv/smbgw/media"),
            "{shares}"
        );
        assert!(!shares.contains("map to guest"), "{shares}");
        // Twice is once.
        let again = texts(spec, DataFilesystem::Xfs, Some(&once.smb_conf)).unwrap();
        assert_eq!((again.smb_conf, again.shares), (once.smb_conf, once.shares));
    }
}

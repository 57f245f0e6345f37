//! The program on the file systems that a general kernel has quotas for, with real clients (root;
//! run by `testing/guest/uml-run` where this machine's kernel has none).

mod cli;
mod lab;

use lab::in_lab;
use smbgw_testing::{Capability, Filesystem, require};

#[test]
fn a_share_lives_on_ext4() {
    require!(Capability::Ext4Prjquota, Capability::Samba);
    in_lab(
        "a_share_lives_on_ext4",
        Filesystem::Ext4Enforced,
        cli::whole_life,
    );
}

#[test]
fn a_share_lives_on_xfs() {
    require!(Capability::XfsPquota, Capability::Samba);
    in_lab(
        "a_share_lives_on_xfs",
        Filesystem::XfsEnforced,
        cli::whole_life,
    );
}

#[test]
fn a_share_lives_on_zfs() {
    require!(Capability::Zfs, Capability::Samba);
    in_lab("a_share_lives_on_zfs", Filesystem::Zfs, cli::whole_life);
}

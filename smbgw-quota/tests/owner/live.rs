//! Names on a running system, with users and groups whose names are numbers: in a host of its own,
//! in which the test program runs once more.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use smbgw_core::host::LocalHost;
use smbgw_quota::Limits;
use smbgw_quota::owner::{OwnerKind, OwnerName, OwnerStorage};
use smbgw_testing::inside::is_inside;
use smbgw_testing::{Filesystem, LightHost, MIB, Scratch, run};

use super::{mib, refusal};
use crate::contract::soon;

/// The mount point of the pool, inside.
const PLACE: &str = "SMBGW_TEST_PLACE";

/// Runs the test `name` once more in a host with some accounts, where `disk` is too.
fn again_inside(name: &str, disk: Option<&Scratch>) {
    let host = LightHost::start().unwrap();
    for (file, line) in [
        ("/etc/passwd", "2222:x:3333:4444::/:/usr/sbin/nologin\n"),
        ("/etc/passwd", "7up:x:3334:4444::/:/usr/sbin/nologin\n"),
        (
            "/etc/passwd",
            "99999999999:x:3335:4444::/:/usr/sbin/nologin\n",
        ),
        ("/etc/group", "2222:x:4444:\n"),
    ] {
        let mut file = OpenOptions::new()
            .append(true)
            .open(host.path(file))
            .unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }
    let mut command = host.command(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--nocapture", "--test-threads=1"]);
    if let Some(disk) = disk {
        host.bind(disk.path(), disk.path()).unwrap();
        command.env(PLACE, disk.path());
    }
    let output = run(&mut command).unwrap();
    assert!(output.contains("1 passed"), "{output}");
}

fn id(text: &str, kind: OwnerKind) -> u32 {
    let name: OwnerName = text.parse().unwrap();
    name.resolve(&LocalHost::new(), kind, soon()).unwrap()
}

pub(crate) fn a_number_is_a_name_first(test: &str) {
    if !is_inside() {
        return again_inside(test, None);
    }
    let user = |text: &str| id(text, OwnerKind::User);
    assert_eq!(user("2222"), 3333);
    assert_eq!(user("+2222"), 2222);
    assert_eq!(user("3333"), 3333);
    assert_eq!(user("7up"), 3334);
    assert_eq!(user("99999999999"), 3335);
    assert_eq!(user("007"), 7);
    assert_eq!(user("4294967294"), 4294967294);
    assert_eq!(user("root"), 0);
    let group = |text: &str| id(text, OwnerKind::Group);
    assert_eq!(group("2222"), 4444);
    assert_eq!(group("+2222"), 2222);
    assert_eq!(group("123456"), 123456);
    for none in ["4294967295", "4294967296", "88888888888", "9lives"] {
        let name: OwnerName = none.parse().unwrap();
        for kind in [OwnerKind::User, OwnerKind::Group] {
            let resolved = name.resolve(&LocalHost::new(), kind, soon());
            assert_eq!(refusal(resolved), "quota.owner-unknown", "{none}");
        }
    }
}

pub(crate) fn zfs_is_given_ids_and_no_names(test: &str) {
    if !is_inside() {
        let disk = Scratch::new(Filesystem::Zfs, 64 * MIB).unwrap();
        return again_inside(test, Some(&disk));
    }
    let host = LocalHost::new();
    let place = std::env::var_os(PLACE).unwrap();
    for (kind, named) in [(OwnerKind::User, 3333), (OwnerKind::Group, 4444)] {
        let quotas = OwnerStorage::open(&host, Path::new(&place), kind).unwrap();
        quotas.set_limits(2222, mib(5), soon()).unwrap();
        let usage = |id| quotas.usage(id, soon()).unwrap();
        assert_eq!(usage(2222).limits, mib(5));
        assert_eq!(usage(named).limits, Limits::default());
        quotas.set_limits(named, mib(6), soon()).unwrap();
        let report: Vec<_> = quotas
            .report(soon())
            .unwrap()
            .into_iter()
            .filter(|owner| owner.id != 0)
            .map(|owner| (owner.id, owner.name, owner.limits))
            .collect();
        let name = Some("2222".to_owned());
        assert_eq!(report, [(2222, None, mib(5)), (named, name, mib(6))]);
    }
}

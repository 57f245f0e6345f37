//! Accounts and access control lists, with the real shadow suite, Samba and acl tools.

mod inside;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use inside::{in_light_host, soon, write};
use smbgw_core::account::{self, UserName};
use smbgw_core::acl::{self, Acl, Permissions, Saved, Subject};
use smbgw_core::change::Change;
use smbgw_core::error::Coded;
use smbgw_core::host::LocalHost;
use smbgw_core::secret::Secret;
use smbgw_testing::{Capability, Daemon, require, run};

const FILES: [&str; 6] = ["passwd", "shadow", "group", "gshadow", "subuid", "subgid"];

fn user(name: &str) -> UserName {
    name.parse().unwrap()
}

fn account_files(root: &str) -> Vec<Option<Vec<u8>>> {
    let read = |name: &&str| fs::read(Path::new(root).join("etc").join(name)).ok();
    FILES.iter().map(read).collect()
}

#[test]
fn a_user_comes_and_goes_without_a_trace() {
    require!(Capability::Root);
    in_light_host("a_user_comes_and_goes_without_a_trace", || {
        let host = LocalHost::new();
        let (alice, soon) = (user("alice"), soon());
        let before = account_files("/");
        assert_eq!(account::find_user(&host, &alice, soon).unwrap(), None);
        assert_eq!(
            account::delete_user(&host, &alice, soon).unwrap(),
            Change::Unchanged
        );

        assert_eq!(
            account::create_user(&host, &alice, soon).unwrap(),
            Change::Created
        );
        assert_eq!(
            account::create_user(&host, &alice, soon).unwrap(),
            Change::Unchanged
        );
        let entry = account::find_user(&host, &alice, soon).unwrap().unwrap();
        let group = account::find_group(&host, &alice, soon).unwrap().unwrap();
        assert_eq!((entry.name.as_str(), entry.gid), ("alice", group.gid));
        assert!(entry.uid >= 1000, "{entry:?}");
        let line = run(Command::new("getent").args(["passwd", "alice"])).unwrap();
        assert!(line.ends_with(":/usr/sbin/nologin\n"), "{line}");
        let after = account_files("/");
        assert_eq!(
            before[4..],
            after[4..],
            "no id ranges for containers were given away"
        );
        assert!(!Path::new("/home/alice").exists());

        assert_eq!(
            account::delete_user(&host, &alice, soon).unwrap(),
            Change::Removed
        );
        assert_eq!(account_files("/"), before);
    });
}

#[test]
fn what_stands_in_the_way_of_an_account_is_named() {
    require!(Capability::Root);
    in_light_host("what_stands_in_the_way_of_an_account_is_named", || {
        let host = LocalHost::new();
        run(Command::new("groupadd").arg("taken")).unwrap();
        let error = account::create_user(&host, &user("taken"), soon()).unwrap_err();
        assert_eq!(error.code(), "account.group-exists");
        let error = account::create_user(&host, &user(r"DOM\alice"), soon()).unwrap_err();
        assert_eq!(error.code(), "account.name-not-creatable");
        // A name that getent would take for an option or an id is no name.
        assert!("1000".parse::<UserName>().is_err() && "--all".parse::<UserName>().is_err());

        let busy = user("busy");
        account::create_user(&host, &busy, soon()).unwrap();
        let mut sleep = Command::new("setpriv");
        sleep.args(["--reuid=busy", "--clear-groups", "sleep", "1000"]);
        let sleep = Daemon::start(sleep).unwrap();
        let owner = || {
            fs::metadata(format!("/proc/{}", sleep.pid()))
                .unwrap()
                .uid()
        };
        let uid = account::find_user(&host, &busy, soon())
            .unwrap()
            .unwrap()
            .uid;
        smbgw_testing::wait_until(std::time::Duration::from_secs(60), "the process", || {
            (owner() == uid).then_some(())
        })
        .unwrap();
        let error = account::delete_user(&host, &busy, soon()).unwrap_err();
        assert_eq!(error.code(), "account.in-use");
        assert_eq!(
            account::create_user(&host, &busy, soon()).unwrap(),
            Change::Unchanged
        );
        sleep.stop().unwrap();
        assert_eq!(
            account::delete_user(&host, &busy, soon()).unwrap(),
            Change::Removed
        );
    });
}

#[test]
fn the_accounts_of_an_image_are_its_own() {
    require!(Capability::Root);
    in_light_host("the_accounts_of_an_image_are_its_own", || {
        fs::create_dir_all("/srv/image/etc").unwrap();
        for name in FILES.iter().chain(&["login.defs"]) {
            if Path::new("/etc").join(name).exists() {
                let to = format!("/srv/image/etc/{name}");
                run(Command::new("cp").args(["-a", &format!("/etc/{name}"), &to])).unwrap();
            }
        }
        let host = LocalHost::with_root("/srv/image");
        let alice = user("alice");
        let (before, outside) = (account_files("/srv/image"), account_files("/"));
        assert_eq!(
            account::create_user(&host, &alice, soon()).unwrap(),
            Change::Created
        );
        assert_eq!(
            account::create_user(&host, &alice, soon()).unwrap(),
            Change::Unchanged
        );
        assert!(account::find_user(&host, &alice, soon()).unwrap().is_some());
        assert_eq!(
            account::delete_user(&host, &alice, soon()).unwrap(),
            Change::Removed
        );
        assert_eq!(account_files("/srv/image"), before);
        assert_eq!(account_files("/"), outside);
    });
}

#[test]
fn samba_learns_and_forgets_a_password() {
    require!(Capability::Samba);
    in_light_host("samba_learns_and_forgets_a_password", || {
        let host = LocalHost::new();
        let (alice, soon) = (user("alice"), soon());
        write("/etc/samba/smb.conf", "[global]\n");
        let secret = |text: &str| Secret::from(text.to_string());
        let unknown = account::set_smb_password(&host, &alice, &secret("x"), soon).unwrap_err();
        assert_eq!(unknown.code(), "account.not-found");
        account::create_user(&host, &alice, soon).unwrap();
        assert!(!account::smb_password_exists(&host, &alice, soon).unwrap());
        assert_eq!(
            account::remove_smb_user(&host, &alice, soon).unwrap(),
            Change::Unchanged
        );

        let set = |text| account::set_smb_password(&host, &alice, &secret(text), soon);
        assert_eq!(set("erstes wört").unwrap(), Change::Created);
        assert!(account::smb_password_exists(&host, &alice, soon).unwrap());
        // MD4 of the text in UTF-16LE: neither cut nor changed on its way.
        let line = run(Command::new("pdbedit").args(["-Lw", "-u", "alice"])).unwrap();
        assert!(
            line.contains(":CA0058F9CDDD282FD361AD9DBAC4894F:"),
            "{line}"
        );
        assert_eq!(set("second").unwrap(), Change::Updated);
        assert_eq!(
            set("two\nlines").unwrap_err().code(),
            "account.password-invalid"
        );

        assert_eq!(
            account::remove_smb_user(&host, &alice, soon).unwrap(),
            Change::Removed
        );
        assert!(!account::smb_password_exists(&host, &alice, soon).unwrap());
        let broken = "[global]\npassdb backend = nonsense\n";
        write("/etc/samba/smb.conf", broken);
        let error = account::smb_password_exists(&host, &alice, soon).unwrap_err();
        assert_eq!(error.code(), "host.command-failed", "{error}");
    });
}

/// The access list of `path` as getfacl(1) has it, in the form that [`Acl`] prints.
fn getfacl(path: &Path, kind: &str) -> String {
    let command = &mut Command::new("getfacl");
    let list = run(command.args(["-cEn", kind]).arg(path)).unwrap();
    list.split_whitespace()
        .collect::<Vec<_>>()
        .join(",")
        .replace("default:", "")
}

#[test]
fn access_lists_are_those_of_the_acl_tools() {
    require!(Capability::Root);
    let host = LocalHost::new();
    let dir = tempfile::tempdir().unwrap();
    let ours = dir.path().join("ours");
    let theirs = dir.path().join("theirs");
    for path in [&ours, &theirs] {
        fs::create_dir(path).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o2750)).unwrap();
    }
    let before = acl::read(&host, &ours).unwrap();
    assert_eq!(
        (before.mode, &before.access, &before.default),
        (0o2750, &None, &None)
    );

    let mut access = before.access_acl().unwrap();
    assert_eq!(access.to_string(), getfacl(&ours, "-a"));
    access.grant_group(2000, Permissions::READ_EXECUTE);
    access.grant_user(1000, Permissions::ALL);
    let mut default = Acl::minimal(0o770);
    default.grant_user(1000, Permissions::ALL);
    let apply = || acl::apply(&host, &ours, &access, Some(&default)).unwrap();
    assert_eq!(apply(), Change::Updated);
    assert_eq!(apply(), Change::Unchanged);

    let setfacl = |args: &[&str]| run(Command::new("setfacl").args(args).arg(&theirs)).unwrap();
    setfacl(&["-m", "u:1000:rwx,g:2000:r-x"]);
    setfacl(&["-d", "--set", "u::rwx,g::rwx,o::-,u:1000:rwx"]);
    for kind in ["-a", "-d"] {
        assert_eq!(getfacl(&ours, kind), getfacl(&theirs, kind));
    }
    let (one, other) = (
        acl::read(&host, &ours).unwrap(),
        acl::read(&host, &theirs).unwrap(),
    );
    assert_eq!(one, other);
    assert_eq!(one.access_acl().unwrap(), access);
    assert_eq!(one.default_acl().unwrap().unwrap(), default);
    // The set-group-id bit survives, and the bits of the group are the mask.
    assert_eq!(one.mode, 0o2770);
    assert_eq!(access.mode(), 0o770);

    // New files get the default list.
    fs::write(ours.join("file"), "").unwrap();
    let file = acl::read(&host, &ours.join("file"))
        .unwrap()
        .access_acl()
        .unwrap();
    assert_eq!(file.get(Subject::User(1000)), Some(Permissions::ALL));

    // What is written to a journal brings everything back.
    let json = serde_json::to_string(&before).unwrap();
    let saved: Saved = serde_json::from_str(&json).unwrap();
    assert_eq!(acl::restore(&host, &ours, &saved).unwrap(), Change::Updated);
    assert_eq!(
        acl::restore(&host, &ours, &saved).unwrap(),
        Change::Unchanged
    );
    assert_eq!(acl::read(&host, &ours).unwrap(), before);

    // A list that says no more than permission bits is kept in them.
    assert_eq!(
        acl::apply(&host, &ours, &Acl::minimal(0o700), None).unwrap(),
        Change::Updated
    );
    assert_eq!(
        acl::apply(&host, &ours, &Acl::minimal(0o700), None).unwrap(),
        Change::Unchanged
    );
    assert_eq!(acl::read(&host, &ours).unwrap().mode, 0o2700);
}

#[test]
fn a_file_system_without_access_lists_is_named_as_such() {
    require!(Capability::Root);
    in_light_host(
        "a_file_system_without_access_lists_is_named_as_such",
        || {
            let host = LocalHost::new();
            fs::create_dir_all("/srv/plain").unwrap();
            run(Command::new("mount").args(["-t", "ramfs", "none", "/srv/plain"])).unwrap();
            let error = acl::read(&host, Path::new("/srv/plain")).unwrap_err();
            assert_eq!(error.code(), "acl.unsupported");
            let error = acl::read(&host, Path::new("/srv/nothing")).unwrap_err();
            assert_eq!(error.code(), "acl.not-found");
        },
    );
}

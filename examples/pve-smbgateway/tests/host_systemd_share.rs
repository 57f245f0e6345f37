//! The main job where systemd is in charge of smbd.

use std::path::Path;

use smbgw_testing::{Capability, Filesystem, MIB, Scratch, SystemdContainer, require, run};

const PROGRAM: &str = env!("CARGO_BIN_EXE_pve-smbgateway");

#[test]
fn a_share_comes_and_goes_with_smbd_as_a_unit() {
    require!(Capability::SystemdContainer, Capability::Btrfs);
    let disk = Scratch::new(Filesystem::BtrfsQuota, 512 * MIB).unwrap();
    let programs = Path::new(PROGRAM).parent().unwrap().to_path_buf();
    let container = SystemdContainer::with(&[programs]).unwrap();
    container.bind(disk.path(), "/srv/disk").unwrap();
    container.add_user("alice", "pw-of-alice").unwrap();
    let state = |unit: &str| {
        let output = container
            .command("systemctl")
            .args(["is-active", unit])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_string()
    };
    run(container.command("systemctl").args(["stop", "smbd"])).unwrap();
    let smb_conf = container.read("/etc/samba/smb.conf").unwrap();

    let said = run(container.command(PROGRAM).args([
        "create",
        "media",
        "--path",
        "/srv/disk/media",
        "--quota",
        "64M",
        "--user",
        "alice",
    ]))
    .unwrap();
    assert!(
        said.contains("✓ start smbd") && said.contains("The share media is there."),
        "{said}"
    );
    assert_eq!(state("smbd"), "active");

    // With smbd running, the second share comes by a reload: its process stays.
    let main_pid = || {
        let args = ["show", "--property=MainPID", "--value", "smbd"];
        run(container.command("systemctl").args(args)).unwrap()
    };
    let before = main_pid();
    run(container.command(PROGRAM).args([
        "create",
        "more",
        "--path",
        "/srv/disk/more",
        "--quota",
        "64M",
        "--user",
        "alice",
    ]))
    .unwrap();
    assert_eq!(main_pid(), before);

    for share in ["media", "more"] {
        let address = format!("//127.0.0.1/{share}");
        run(container
            .command("smbclient")
            .args([&address, "-U", "alice%pw-of-alice", "-c", "ls"]))
        .unwrap();
    }

    run(container
        .command(PROGRAM)
        .args(["delete", "more", "--purge", "--yes"]))
    .unwrap();
    run(container
        .command(PROGRAM)
        .args(["delete", "media", "--purge", "--yes"]))
    .unwrap();
    assert_eq!(container.read("/etc/samba/smb.conf").unwrap(), smb_conf);
    assert!(!disk.path().join("media").exists() && !disk.path().join("more").exists());
    assert_eq!(state("smbd"), "active");
}

//! A cluster of one machine where systemd is in charge of ctdb and smbd.

use std::path::Path;
use std::time::Duration;

use smbgw_testing::{Capability, SystemdContainer, require, run, wait_until};

const PROGRAM: &str = env!("CARGO_BIN_EXE_pve-smbgateway");

const SETUP: &str = "ha-setup --name FILES --nodes gw=10.77.0.1 --reach gw=local --shared /srv/shared \
     --vip 10.77.0.100/24%eth0 --failover-within 10s";

/// An interface with a link, and a folder that nobody has put a lock in.
const PREPARATION: [&str; 5] = [
    "ip link add eth0 type veth peer name wire",
    "ip address add 10.77.0.1/24 dev eth0",
    "ip link set eth0 up",
    "ip link set wire up",
    "mkdir /srv/shared",
];

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn ctdb_is_a_unit_that_starts_with_the_machine() {
    require!(Capability::SystemdContainer, Capability::Ctdb);
    let programs = Path::new(PROGRAM).parent().unwrap().to_path_buf();
    let container = SystemdContainer::with(&[programs]).unwrap();
    let run_line = |line: &str| {
        let mut words = line.split_whitespace();
        let mut command = container.command(words.next().unwrap());
        run(command.args(words))
    };
    // What a unit is, which systemctl tells by its exit status, too.
    let unit = |question: &str, unit: &str| {
        let mut command = container.command("systemctl");
        let output = command.args([question, unit]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let units = || {
        ["ctdb", "smbd"].map(|name| [unit("is-active", name), unit("is-enabled", name)].join(", "))
    };
    for line in PREPARATION {
        run_line(line).unwrap();
    }
    let smb_conf = container.read("/etc/samba/smb.conf").unwrap();
    let before = units();
    assert_eq!(before, ["inactive, disabled", "active, enabled"]);

    let said = run_line(&format!("{PROGRAM} {SETUP}")).unwrap();
    assert!(
        said.contains("The set-up of the cluster FILES is done."),
        "{said}"
    );
    // smbd is started by ctdb now, which waits until the node may serve.
    assert_eq!(units(), ["active, enabled", "active, disabled"]);
    let serves = || run_line("smbclient --no-pass --list //10.77.0.100").is_ok();
    assert!(serves());

    run_line("systemctl restart ctdb").unwrap();
    wait_until(PATIENCE, "the address to serve again", || {
        serves().then_some(())
    })
    .unwrap();

    run_line(&format!("{PROGRAM} ha-teardown --yes")).unwrap();
    assert_eq!(units(), before);
    assert_eq!(container.read("/etc/samba/smb.conf").unwrap(), smb_conf);
}

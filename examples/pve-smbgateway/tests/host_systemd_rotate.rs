//! The shipped timer for the password of a member, run by a real systemd (root).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use smbgw_testing::{Capability, Domain, LightHost, SystemdContainer, require, run};

const PROGRAM: &str = env!("CARGO_BIN_EXE_pve-smbgateway");

const SERVICE: &str = "smbgw-ad-rotate.service";
const TIMER: &str = "smbgw-ad-rotate.timer";

const UNITS: [(&str, &str); 2] = [
    (SERVICE, include_str!("../systemd/smbgw-ad-rotate.service")),
    (TIMER, include_str!("../systemd/smbgw-ad-rotate.timer")),
];

/// A machine with systemd in `host`, on which the program and its units are installed.
struct Machine(SystemdContainer);

impl Machine {
    fn new(host: LightHost) -> Self {
        let machine = Self(SystemdContainer::on(host, &[]).unwrap());
        let container = &machine.0;
        let programs = Path::new(PROGRAM).parent().unwrap();
        container.bind(programs, "/opt/smbgw").unwrap();
        let link = ["-s", "/opt/smbgw/pve-smbgateway", "/usr/bin/pve-smbgateway"];
        run(container.command("ln").args(link)).unwrap();
        for (name, text) in UNITS {
            let path = format!("/usr/lib/systemd/system/{name}");
            container.write(path, text).unwrap();
        }
        machine
    }

    /// The program as an administrator runs it, with the password of the domain's administrator at
    /// hand.
    fn program(&self, arguments: &str) -> Command {
        self.0.write("/run/secret", Domain::PASSWORD).unwrap();
        let mut command = self.0.command("/usr/bin/pve-smbgateway");
        command.args(arguments.split_whitespace());
        command
    }

    #[track_caller]
    fn systemctl(&self, arguments: &[&str]) {
        if let Err(error) = run(self.0.command("systemctl").args(arguments)) {
            panic!("{error}: {}", self.log());
        }
    }

    fn log(&self) -> String {
        let mut journal = self.0.command("journalctl");
        run(journal.args(["--no-pager", "--output=cat", "--unit", SERVICE])).unwrap()
    }
}

#[test]
fn a_machine_in_no_domain_is_left_alone() {
    require!(Capability::SystemdContainer);
    let machine = Machine::new(LightHost::start().unwrap());
    machine.systemctl(&["enable", "--now", TIMER]);
    machine.systemctl(&["is-active", TIMER]);
    machine.systemctl(&["start", SERVICE]);
    let said = machine.log();
    assert!(said.contains("in no domain: nothing to do"), "{said}");
}

#[test]
fn a_password_is_changed_from_inside_the_sandbox() {
    require!(
        Capability::SystemdContainer,
        Capability::DomainController,
        Capability::Winbind
    );
    let domain = Domain::shared();
    let machine = Machine::new(domain.host("rotate1").unwrap());
    // The machine's own, as the small Debian lacks it.
    let tool = machine.0.path("/usr/bin/tdbtool");
    machine
        .0
        .write("/usr/bin/tdbtool", fs::read("/usr/bin/tdbtool").unwrap())
        .unwrap();
    fs::set_permissions(tool, fs::Permissions::from_mode(0o755)).unwrap();
    run(&mut machine.program(
        "ad-join ad.test --user Administrator --password-file /run/secret --computer-name rotate1 \
         --no-winbind --no-nsswitch --no-dns",
    ))
    .unwrap();
    let version = || {
        let account = domain.computer("rotate1").unwrap().unwrap();
        account["msds-keyversionnumber"][0].parse::<u32>().unwrap()
    };
    let before = version();

    machine.systemctl(&["start", SERVICE]);
    assert!(machine.log().contains("nothing to do"), "{}", machine.log());
    assert_eq!(version(), before);

    let at_once = "[Service]\nExecStart=\nExecStart=/usr/bin/pve-smbgateway ad-rotate\n";
    let drop_in = format!("/etc/systemd/system/{SERVICE}.d/now.conf");
    machine.0.write(drop_in, at_once).unwrap();
    machine.systemctl(&["daemon-reload"]);
    machine.systemctl(&["start", SERVICE]);
    assert_eq!(version(), before + 1, "{}", machine.log());
    run(machine.0.command("net").args(["ads", "testjoin"])).unwrap();
    let rights = machine.0.path("/etc/krb5.keytab").metadata().unwrap();
    assert_eq!(rights.permissions().mode() & 0o777, 0o600);
    run(&mut machine.program("ad-leave --user Administrator --password-file /run/secret --delete"))
        .unwrap();
}

#[test]
fn the_units_are_sound_and_confined() {
    require!(Capability::SystemdContainer);
    let machine = Machine::new(LightHost::start().unwrap());
    let analyze = |arguments: &[&str]| {
        let mut command = machine.0.command("systemd-analyze");
        let output = command.args(arguments).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        (output.status.success(), said)
    };
    for (name, _) in UNITS {
        let unit = format!("/usr/lib/systemd/system/{name}");
        assert_eq!(analyze(&["verify", &unit]), (true, String::new()), "{name}");
    }
    let (is_confined, said) = analyze(&[
        "security",
        "--offline=true",
        "--threshold=40",
        "--no-pager",
        &format!("/usr/lib/systemd/system/{SERVICE}"),
    ]);
    assert!(is_confined, "{said}");
}

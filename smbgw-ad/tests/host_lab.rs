//! How tests of this crate work on a host of the lab from outside: files and commands by way of
//! `NamespaceHost`, sockets by way of `on_its_network`.

use std::path::Path;
use std::time::Duration;

use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::host::NamespaceHost;
use smbgw_core::host::{Command, CommandError, Host};
use smbgw_testing::{Capability, LightHost, Network, require};

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(60))
}

#[test]
fn files_and_commands_are_those_of_the_host() {
    require!(Capability::Root);
    let network = Network::start().unwrap();
    let lab = LightHost::on(&network, "m1", network.free()).unwrap();
    lab.resolve_by(&[[10, 99, 0, 10].into()], "ad.test")
        .unwrap();
    let host = NamespaceHost::of_process("m1", lab.pid()).unwrap();
    assert!(host.is_live());
    assert_eq!(host.name(), "m1");

    let resolv = host.read(Path::new("/etc/resolv.conf")).unwrap().unwrap();
    assert!(
        String::from_utf8(resolv)
            .unwrap()
            .contains("nameserver 10.99.0.10\n")
    );
    let file = Path::new("/etc/samba/written");
    assert_eq!(host.write(file, b"here", 0o600).unwrap(), Change::Created);
    assert_eq!(lab.read(file).unwrap(), "here");
    assert!(!file.exists());
    // By a symbolic link too, which is followed inside.
    std::os::unix::fs::symlink("/etc/samba/written", lab.path("/etc/link")).unwrap();
    assert_eq!(
        host.write(Path::new("/etc/link"), b"by a link", 0o600)
            .unwrap(),
        Change::Updated
    );
    assert_eq!(lab.read(file).unwrap(), "by a link");

    let ran = host.run(&Command::new("hostname"), soon()).unwrap();
    assert_eq!(ran.text(), "m1\n");
    let input = Command::new("cat")
        .arg("/dev/stdin")
        .stdin(b"input".to_vec());
    assert_eq!(host.run(&input, soon()).unwrap().text(), "input");
    let failed = host.run(&Command::new("ls").arg("/nowhere"), soon());
    match failed.unwrap_err() {
        CommandError::Failed {
            command, status, ..
        } => assert_eq!(
            (command.as_str(), status.as_str()),
            ("ls /nowhere", "exit status: 2")
        ),
        other => panic!("{other}"),
    }
    let accepted = Command::new("ls").arg("/nowhere").accept(&[2]);
    assert_eq!(host.run(&accepted, soon()).unwrap().status, 2);

    let lock = host.lock("lab", "a test", soon()).unwrap();
    assert!(lab.path("/run/smbgw/lab.lock").exists());
    drop(lock);
}

#[test]
fn sockets_are_those_of_the_host() {
    require!(Capability::Root);
    let network = Network::start().unwrap();
    let [server, client] =
        ["server", "client"].map(|name| LightHost::on(&network, name, network.free()).unwrap());
    for address in server.addresses() {
        let listener =
            server.on_its_network(|| std::net::TcpListener::bind((address, 389)).unwrap());
        client.on_its_network(|| std::net::TcpStream::connect((address, 389)).unwrap());
        let (_, from) = listener.accept().unwrap();
        assert!(client.addresses().contains(&from.ip()), "{from}");
    }
}

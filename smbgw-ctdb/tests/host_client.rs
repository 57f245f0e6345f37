//! The socket of a real ctdbd, and sockets of what is none.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;
use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::error::Coded;
use smbgw_core::host::NamespaceHost;
use smbgw_core::testing::{Faults, FaultyHost};
use smbgw_ctdb::client::{Client, ClientError, Version, question};
use smbgw_ctdb::ctl::{Ctl, RunState};
use smbgw_ctdb::status::{StatusError, read_one};
use smbgw_testing::cluster::Settings;
use smbgw_testing::{Capability, Cluster, require};

const SOCKET: &str = "/run/ctdb/ctdbd.socket";

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(60))
}

#[test]
fn a_ctdbd_answers_by_its_socket_as_by_its_command() {
    require!(Capability::Ctdb);
    let settings = Settings {
        file_server: false,
        ..Settings::default()
    };
    let cluster = Cluster::start(1, settings).unwrap();
    let node = cluster.node(0);
    node.ctdb(&["attach", "smbgw.tdb", "persistent"]).unwrap();
    let host = NamespaceHost::of_process(node.name(), node.pid()).unwrap();

    answers_agree(&host, node.ctdb(&["version"]).unwrap().trim());
    strangers_are_not_believed(&host);

    node.hang().unwrap();
    let error = Client::of_host(&host, Deadline::after(Duration::from_secs(1))).unwrap_err();
    assert!(matches!(error, ClientError::Silent { .. }), "{error}");
    // No command would be answered either.
    let error = read_one(&host, Deadline::after(Duration::from_secs(1))).unwrap_err();
    assert!(matches!(error, StatusError::Socket(_)), "{error}");
    assert_eq!(error.code(), "ha.daemon-silent");
    node.resume().unwrap();

    node.crash().unwrap();
    let error = Client::of_host(&host, soon()).unwrap_err();
    assert!(matches!(error, ClientError::NotRunning { .. }), "{error}");
    assert_eq!(
        read_one(&host, soon()).unwrap_err().code(),
        "ha.daemon-not-running"
    );
}

fn answers_agree(host: &NamespaceHost, version: &str) {
    let ctl = Ctl::new(host, soon());
    let mut client = Client::of_host(host, soon()).unwrap();
    let found = client.version().unwrap();
    assert!(
        version.starts_with(&format!("{found}-")),
        "{found}, {version}"
    );

    assert_eq!(client.get(&question::number(), None, soon()).unwrap(), 0);
    let state = client.get(&question::run_state(), Some(0), soon()).unwrap();
    assert_eq!(state, RunState::Running);
    let mut tunables = client.tunables(None, soon()).unwrap();
    let mut by_command = ctl.tunables(None).unwrap();
    tunables.sort();
    by_command.sort();
    assert_eq!(tunables, by_command);
    assert_eq!(client.leader(soon()).unwrap(), Some(0));

    let databases = client.get(&question::databases(), None, soon()).unwrap();
    let asked: Vec<_> = databases
        .iter()
        .map(|database| client.ask(question::database_name(database.id), None))
        .collect();
    // Answers are told apart, in whatever order they are looked at.
    let mut names: Vec<_> = asked
        .into_iter()
        .rev()
        .map(|asked| client.answer(asked, soon()).unwrap().value)
        .collect();
    names.sort();
    assert_eq!(names, ["ctdb.tdb", "smbgw.tdb"]);

    // What is refused is told, and the connection goes on.
    let refused = client.get(&question::tunable("NoSuchTunable"), None, soon());
    assert!(
        matches!(refused, Err(ClientError::Refused { .. })),
        "{refused:?}"
    );
    let refused = client.get(&question::uptime(), Some(7), soon());
    let Err(ClientError::Refused { why, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert!(why.contains("disconnected"), "{why}");
    assert!(client.get(&question::uptime(), None, soon()).is_ok());
}

/// What a stranger does with a connection after the first bytes came.
type Manner = fn(&mut UnixStream, &[u8]);

fn strangers_are_not_believed(host: &NamespaceHost) {
    let garbage: Manner = |stream, _| {
        let _ = stream.write_all(&[0x5a; 4096]);
    };
    let endless: Manner = |stream, _| {
        let _ = stream.write_all(&u32::MAX.to_ne_bytes());
    };
    let closed: Manner = |_, _| {};
    // A right answer of a process that is no ctdbd: the first one of its host.
    let another: Manner = |stream, request| {
        let id: [u8; 4] = request[28..32].try_into().unwrap();
        let header = [48, 0x4354_4442, 1, 0, 8, 0, 0];
        let mut reply: Vec<u8> = header.into_iter().flat_map(u32::to_ne_bytes).collect();
        reply.extend(id);
        reply.extend([1_u32, 0, 0, 0].into_iter().flat_map(u32::to_ne_bytes));
        let _ = stream.write_all(&reply);
        let _ = stream.read(&mut [0]);
    };
    let none = Faults::none();
    for (what, manner) in [
        ("garbage", garbage),
        ("endless", endless),
        ("closed", closed),
        ("another version", another),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let stranger = thread::spawn(move || {
            for _ in 0..2 {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 64];
                stream.read_exact(&mut request).unwrap();
                manner(&mut stream, &request);
            }
        });
        let fooled = FaultyHost::new(host, &none).reaching(Path::new(SOCKET), Some(&path));
        let error = Client::of_host(&fooled, soon()).unwrap_err();
        assert!(error.has_another_way(), "{what}: {error}");
        if what == "another version" {
            let other: Option<Version> = None;
            assert!(
                matches!(error, ClientError::OtherVersion { version } if version == other),
                "{error}"
            );
        }
        // The command says it then.
        let status = read_one(&fooled, soon()).unwrap();
        assert!(status.is_healthy(), "{what}: {status:#?}");
        stranger.join().unwrap();
    }
}

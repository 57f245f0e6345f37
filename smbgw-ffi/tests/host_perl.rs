//! The Perl modules, each test program of `perl/t` in a host of its own (root).

mod prove;

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use smbgw_testing::cluster::Settings;
use smbgw_testing::{Capability, Cluster, Daemon, Domain, LightHost, Scratch, require};

use prove::{each_is_named, host_with_quotas, library, passes};

/// What Samba is set up with.
const SMB_CONF: &str = "[global]\n\tworkgroup = LAB\n\tload printers = no\n";

macro_rules! programs {
    ($($test:ident $program:literal)+) => {
        $(
            #[test]
            fn $test() {
                require!(Capability::Root);
                prove(&LightHost::start().unwrap(), $program);
            }
        )+
    };
}

programs! {
    names_of_earlier_days_work "deprecated.t"
    errors_have_codes "error.t"
    a_missing_library_is_one_error "load.t"
    memory_stays_flat "memory.t"
    the_methods_are_those_of_the_library "methods.t"
    forks_and_signals_do_no_harm "process.t"
    the_source_is_described_and_in_form "style.t"
    nothing_stays_of_a_password "secret.t"
    taint_checks_do_no_harm "taint.t"
    texts_of_all_kinds_pass "text.t"
    a_machine_without_guests_says_so "machine.t"
}

macro_rules! prove_with_smbd {
    ($($test:ident $program:literal)+) => {
        $(
            #[test]
            fn $test() {
                require!(Capability::Btrfs, Capability::Samba);
                let gateway = Gateway::start();
                prove(&gateway.host, $program);
            }
        )+
    };
}

prove_with_smbd! {
    shares_live "share.t"
    shares_are_watched "watch.t"
}

#[test]
fn a_domain_is_joined_and_left() {
    require!(Capability::DomainController, Capability::Winbind);
    let host = Domain::shared().host("perl1").unwrap();
    host.write("/etc/samba/smb.conf", SMB_CONF).unwrap();
    prove(&host, "domain.t");
}

#[test]
fn a_cluster_is_shown() {
    require!(Capability::Ctdb, Capability::Samba);
    let cluster = Cluster::start(2, Settings::default()).unwrap();
    prove(cluster.node(0), "cluster.t");
}

#[test]
fn every_program_is_run() {
    each_is_named(&perl().join("t"), include_str!("host_perl.rs"));
}

/// A host with smbd and quotas at `/srv/smb`. What is first is dropped first.
struct Gateway {
    _smbd: Daemon,
    host: LightHost,
    _disk: Scratch,
}

impl Gateway {
    fn start() -> Self {
        let (disk, host) = host_with_quotas();
        host.write("/etc/samba/smb.conf", SMB_CONF).unwrap();
        Self {
            _smbd: host.start_smbd().unwrap(),
            host,
            _disk: disk,
        }
    }
}

/// Runs the program of that name on `host`. All of it has to pass, and none may be left out.
fn prove(host: &LightHost, program: &str) {
    let installed = tempfile::tempdir().unwrap();
    let library = library();
    symlink(&library, installed.path().join("libsmbgw.so.0")).unwrap();
    passes(
        host.command("prove")
            .env("SMBGW_LIBRARY", &library)
            // For programs with taint checks, which the variable above does not concern.
            .env("LD_LIBRARY_PATH", installed.path())
            .arg("-I")
            .arg(perl().join("lib"))
            .arg(perl().join("t").join(program)),
    );
}

fn perl() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("perl")
}

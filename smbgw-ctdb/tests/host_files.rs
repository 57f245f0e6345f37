//! Files of a cluster against ctdb's own reader of them.

use std::path::PathBuf;
use std::process::Command;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use smbgw_core::error::Coded;
use smbgw_ctdb::files::{CtdbConf, NodesFile, Setting};
use smbgw_testing::{Capability, require};

#[test]
fn a_setting_has_the_value_that_ctdb_reads() {
    require!(Capability::Ctdb);
    let ctdb = Ctdb::new("read");
    let line = prop::sample::select(vec![
        "[cluster]",
        "[Cluster] x",
        "\t[failover]",
        "[logging]",
        "# cluster lock = /no",
        "; leader timeout = 99",
        "nonsense",
        "leader timeout = 3",
        "  leader  timeout=7",
        "cluster lock = /a b # c",
        "cluster lock = \"/q\"",
        "disabled = yes",
        "disabled=FALSE",
        "disabled = on",
        "log level = INFO",
        "Leader timeout = 5",
        "cluster lock =",
        "",
    ]);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(400));
    let all = runner.run(&prop::collection::vec(line, 0..7), |lines| {
        let text = lines.join("\n");
        ctdb.write(&text);
        if !ctdb.accepts() {
            return Ok(());
        }
        let file = CtdbConf::parse(&text).unwrap();
        compare(&ctdb, &file)
    });
    all.unwrap();
}

#[test]
fn what_is_set_is_what_ctdb_reads() {
    require!(Capability::Ctdb);
    let ctdb = Ctdb::new("set");
    let mut file = CtdbConf::default();
    for (setting, value) in [
        (Setting::LogLocation, "file:/var/log/ctdb/log.ctdb"),
        (Setting::LogLevel, "NOTICE"),
        (Setting::ClusterLock, "!/usr/bin/lock a b"),
        (Setting::LeaderCapability, "true"),
        (Setting::LeaderTimeout, "2"),
        (Setting::NodeAddress, "127.0.0.1"),
        (Setting::VolatileDirectory, "/tmp"),
        (Setting::PersistentDirectory, "/tmp"),
        (Setting::StateDirectory, "/tmp"),
        (Setting::FailoverDisabled, "false"),
        (Setting::StartAsStopped, "true"),
        (Setting::StartAsDisabled, "true"),
        (Setting::RealtimeScheduling, "false"),
    ] {
        file.set(setting, value).unwrap();
        ctdb.write(&file.render());
        assert!(ctdb.accepts(), "{setting:?}");
        assert_eq!(ctdb.get(setting), value, "{setting:?}");
    }
    let set = |setting: &Setting| file.get(*setting).is_some();
    assert!(Setting::ALL.iter().all(set), "a setting is not looked at");
}

#[test]
fn nodes_have_the_numbers_that_ctdb_gives_them() {
    require!(Capability::Ctdb);
    let ctdb = Ctdb::new("nodes");
    let lines = [
        "10.0.0.1",
        " 10.0.0.2\t",
        "fd00::3",
        "#10.0.0.4",
        "# a remark",
        "  # 10.0.0.5",
        "",
        " ",
        "10.0.0.6\r",
        "n7",
        "10.0.0.8 # x",
    ];
    let line = prop::sample::select(lines.to_vec());
    let mut runner = TestRunner::new(ProptestConfig::with_cases(200));
    let all = runner.run(&prop::collection::vec(line, 1..7), |lines| {
        let text = lines.join("\n");
        std::fs::write(ctdb.0.join("nodes"), &text).unwrap();
        let (accepts, listed) = ctdb.run("/usr/bin/ctdb", &["listnodes", "-X"]);
        match NodesFile::parse(&text) {
            Ok(file) => {
                let nodes = file
                    .nodes()
                    .map(|(pnn, address)| format!("|{pnn}|{address}|"));
                prop_assert!(accepts, "{:?}", text);
                prop_assert_eq!(listed, nodes.collect::<Vec<_>>().join("\n"), "{:?}", text);
            }
            // ctdb lets an address be there twice.
            Err(error) => prop_assert!(!accepts || error.code() == "ha.file-address-twice"),
        }
        Ok(())
    });
    all.unwrap();
}

fn compare(ctdb: &Ctdb, file: &CtdbConf) -> Result<(), TestCaseError> {
    let expected = |setting, default| file.get(setting).unwrap_or(default).to_owned();
    prop_assert_eq!(
        ctdb.get(Setting::LeaderTimeout),
        expected(Setting::LeaderTimeout, "5")
    );
    prop_assert_eq!(
        ctdb.get(Setting::ClusterLock),
        expected(Setting::ClusterLock, "")
    );
    let disabled = file.truth(Setting::FailoverDisabled).unwrap();
    prop_assert_eq!(
        ctdb.get(Setting::FailoverDisabled),
        disabled.unwrap_or(false).to_string()
    );
    Ok(())
}

const CONFIG: &str = "/usr/libexec/ctdb/ctdb-config";

/// A folder that ctdb takes for `/etc/ctdb`.
struct Ctdb(PathBuf);

impl Ctdb {
    fn new(name: &str) -> Self {
        let name = format!("smbgw-ctdb-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    fn write(&self, text: &str) {
        std::fs::write(self.0.join("ctdb.conf"), text).unwrap();
    }

    fn accepts(&self) -> bool {
        self.run(CONFIG, &["validate"]).0
    }

    fn get(&self, setting: Setting) -> String {
        let (section, name) = setting.name();
        self.run(CONFIG, &["get", section, name]).1
    }

    fn run(&self, program: &str, arguments: &[&str]) -> (bool, String) {
        let output = Command::new(program)
            .args(arguments)
            .env("CTDB_TEST_MODE", "yes")
            .env("CTDB_BASE", &self.0)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        (output.status.success(), text.trim_end().to_owned())
    }
}

impl Drop for Ctdb {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

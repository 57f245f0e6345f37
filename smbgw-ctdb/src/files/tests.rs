//! Files as they are found, and what is changed in them.

use std::net::IpAddr;

use proptest::prelude::*;
use smbgw_core::error::Coded;

use super::*;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn a_node_is_its_line_and_stays_so() {
    let text = "10.0.0.1\n  10.0.0.2\t\n\n#10.0.0.3\nfd00::4";
    let mut file = NodesFile::parse(text).unwrap();
    assert_eq!(file.render(), text);
    let nodes: Vec<_> = file.nodes().collect();
    let of = |pnn, text| (pnn, address(text));
    assert_eq!(
        nodes,
        [of(0, "10.0.0.1"), of(1, "10.0.0.2"), of(3, "fd00::4")]
    );
    // The address of a node that is gone is a new node's.
    assert_eq!(file.append(address("10.0.0.3")), Ok(4));
    file.remove(1).unwrap();
    assert_eq!(
        file.render(),
        "10.0.0.1\n#  10.0.0.2\t\n\n#10.0.0.3\nfd00::4\n10.0.0.3\n"
    );
    let again = NodesFile::parse(&file.render()).unwrap();
    assert_eq!(again, file);
    let gone: Vec<_> = again
        .slots()
        .iter()
        .filter(|slot| slot.address.is_none())
        .collect();
    assert_eq!(gone.iter().map(|slot| slot.pnn).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn what_cannot_be_done_with_nodes_is_told() {
    let mut file = NodesFile::parse("10.0.0.1\n10.0.0.2\n").unwrap();
    let before = file.clone();
    let there = file.append(address("10.0.0.2")).unwrap_err();
    assert_eq!(there.to_string(), "10.0.0.2 is node 1 already");
    assert_eq!(file.remove(2), Err(FileError::NoNode { pnn: 2, count: 2 }));
    assert_eq!(file, before);
    file.remove(0).unwrap();
    assert_eq!(file.remove(0), Err(FileError::NodeIsGone { pnn: 0 }));
    assert_eq!(file.remove(1), Err(FileError::LastNode { pnn: 1 }));

    let error = NodesFile::parse("10.0.0.1\nnode2\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 2 of nodes: 'node2' is not an address"
    );
    let error = NodesFile::parse("10.0.0.1\n\n10.0.0.1\n").unwrap_err();
    assert_eq!(error.code(), "ha.file-address-twice");
    let remedy = error.remedy().unwrap();
    assert!(remedy.contains("comment line 3 of nodes out"), "{remedy}");
}

#[test]
fn public_addresses_are_read_and_written() {
    let text = "# ours\n10.0.0.100/24 eth0\n\n\t10.0.0.101/24\teth0,eth1 \nfd00::64/64 eth1";
    let file = PublicAddresses::parse(text).unwrap();
    assert_eq!(
        file.render(),
        "10.0.0.100/24 eth0\n10.0.0.101/24 eth0,eth1\nfd00::64/64 eth1\n"
    );
    assert_eq!(PublicAddresses::parse(&file.render()), Ok(file));
    for wrong in [
        "10.0.0.100/24",
        "10.0.0.100 eth0",
        "10.0.0.0/24 eth0",
        "10.0.0.100/24 eth0 eth1",
        "10.0.0.100/24 eth0,",
        "10.0.0.100/24%eth0 eth0",
    ] {
        let error = PublicAddresses::parse(wrong).unwrap_err();
        assert_eq!(error.code(), "ha.file-malformed", "{wrong}");
    }
    let twice = PublicAddresses::parse("10.0.0.9/24 a\n10.0.0.9/16 b\n").unwrap_err();
    assert_eq!(
        twice.to_string(),
        "public_addresses has 10.0.0.9 in line 1 and in line 2"
    );
}

#[test]
fn a_public_address_comes_and_goes_with_its_line_alone() {
    let line = |text: &str| PublicAddresses::parse(text).unwrap().0.remove(0);
    let text = "# ours\n10.0.0.100/24 eth0\n\n\t10.0.0.101/24\teth0,eth1 ";
    let new = line("10.0.0.102/24 eth1");
    let longer = PublicAddresses::with(text, &new).unwrap();
    assert_eq!(longer, format!("{text}\n10.0.0.102/24 eth1\n"));
    assert_eq!(PublicAddresses::with(&longer, &new).unwrap(), longer);
    let there = line("10.0.0.100/16 eth7");
    assert_eq!(PublicAddresses::with(text, &there).unwrap(), text);
    assert_eq!(
        PublicAddresses::with("", &new).unwrap(),
        "10.0.0.102/24 eth1\n"
    );

    let without = |last: u8| PublicAddresses::without(text, [10, 0, 0, last].into()).unwrap();
    assert_eq!(without(101), "# ours\n10.0.0.100/24 eth0\n\n");
    assert_eq!(without(100), text.replace("10.0.0.100/24 eth0\n", ""));
    assert_eq!(without(10), text);
    let wrong = PublicAddresses::with("10.0.0.1\n", &new).unwrap_err();
    assert_eq!(wrong.code(), "ha.file-malformed");
}

/// As Debian's package has it, with its comments shortened.
const DEBIAN: &str = "\
# See ctdb.conf(5) for documentation

[logging]
\t# Enable logging to syslog
\tlocation = syslog

\tlog level = NOTICE

[cluster]
\t# Do NOT run CTDB without a cluster lock file
\t#
\t# cluster lock = !/bin/false CLUSTER LOCK NOT CONFIGURED
";

#[test]
fn a_setting_is_changed_in_its_line_and_added_to_its_section() {
    let mut file = CtdbConf::parse(DEBIAN).unwrap();
    assert_eq!(file.render(), DEBIAN);
    assert_eq!(file.get(Setting::LogLevel), Some("NOTICE"));
    assert_eq!(file.get(Setting::ClusterLock), None);
    file.set(Setting::LogLevel, "INFO").unwrap();
    file.set(Setting::ClusterLock, "/srv/cluster/.lock")
        .unwrap();
    file.set(Setting::StartAsDisabled, "true").unwrap();
    let wanted = DEBIAN.replace("NOTICE", "INFO")
        + "\tcluster lock = /srv/cluster/.lock\n[legacy]\n\tstart as disabled = true\n";
    assert_eq!(file.render(), wanted);
    file.set(Setting::LogLocation, "syslog").unwrap();
    assert_eq!(file.render(), wanted, "it is so already");
    assert_eq!(file.truth(Setting::StartAsDisabled), Ok(Some(true)));
    assert_eq!(file.truth(Setting::FailoverDisabled), Ok(None));
    file.unset(Setting::ClusterLock);
    assert_eq!(file.get(Setting::ClusterLock), None);
    assert_eq!(CtdbConf::parse(&file.render()), Ok(file));
}

#[test]
fn the_last_value_counts_however_it_is_written() {
    let text = "[Cluster]\nleader timeout=3\n[logging]\nleader timeout = 9\n[cluster] x\n  leader  timeout = 4\nLeader timeout = 8\n";
    let mut file = CtdbConf::parse(text).unwrap();
    assert_eq!(file.get(Setting::LeaderTimeout), Some("4"));
    file.set(Setting::LeaderTimeout, "6").unwrap();
    assert_eq!(
        file.render(),
        text.replace("leader  timeout = 4", "leader timeout = 6")
    );
    file.unset(Setting::LeaderTimeout);
    assert_eq!(
        file.render(),
        "[Cluster]\n[logging]\nleader timeout = 9\n[cluster] x\nLeader timeout = 8\n"
    );
}

#[test]
fn a_lock_by_its_former_name_is_read_and_keeps_it() {
    let old = "[cluster]\n  recovery lock = /a\n";
    let mut file = CtdbConf::parse(old).unwrap();
    assert_eq!(file.get(Setting::ClusterLock), Some("/a"));
    file.set(Setting::ClusterLock, "/b").unwrap();
    assert_eq!(file.render(), old.replace("/a", "/b"));
    let both = "[cluster]\ncluster lock = /c\nrecovery lock = /a\n";
    let mut new = CtdbConf::parse(both).unwrap();
    assert_eq!(new.get(Setting::ClusterLock), Some("/c"));
    new.set_as_in(Setting::ClusterLock, &file).unwrap();
    assert_eq!(new.render(), "[cluster]\n\trecovery lock = /b\n");
    new.set_as_in(Setting::ClusterLock, &file).unwrap();
    assert_eq!(new.render(), "[cluster]\n\trecovery lock = /b\n");
    new.set_as_in(Setting::ClusterLock, &CtdbConf::parse(both).unwrap())
        .unwrap();
    assert_eq!(new.render(), "[cluster]\n\tcluster lock = /c\n");
    new.set_as_in(Setting::ClusterLock, &CtdbConf::default())
        .unwrap();
    assert_eq!(new.get(Setting::ClusterLock), None);
}

#[test]
fn a_value_that_cannot_be_is_refused() {
    let mut file = CtdbConf::default();
    for (setting, value) in [
        (Setting::LeaderTimeout, "1"),
        (Setting::LeaderTimeout, "soon"),
        (Setting::FailoverDisabled, "maybe"),
        (Setting::NodeAddress, "n1"),
        (Setting::StateDirectory, "state"),
        (Setting::ClusterLock, ""),
        (Setting::ClusterLock, "/a\n[legacy]"),
        (Setting::ClusterLock, "/a\\"),
    ] {
        let error = file.set(setting, value).unwrap_err();
        assert_eq!(error.code(), "ha.setting-invalid", "{setting:?} {value:?}");
    }
    assert_eq!(file, CtdbConf::default());
    for wrong in [
        "leader timeout = 5\n",
        "[cluster\n",
        "[cluster]\ncluster lock =\n",
        "[cluster]\ncluster lock = /a\\\n",
    ] {
        let error = CtdbConf::parse(wrong).unwrap_err();
        assert_eq!(error.code(), "ha.file-malformed", "{wrong}");
    }
    let file = CtdbConf::parse("[failover]\ndisabled = perhaps\n").unwrap();
    let error = file.truth(Setting::FailoverDisabled).unwrap_err();
    assert_eq!(
        error.to_string(),
        "'perhaps' cannot be the value of 'disabled' in [failover], which is true or false"
    );
}

#[test]
fn options_of_scripts_are_words_of_the_shell() {
    let text = "# CTDB_A=no\nCTDB_A=\"127.0.0.1\"\n CTDB_B='a b'c # remark\nCTDB_C=\"$HOME\"\nif true; then\n";
    let mut file = ScriptOptions::parse(text);
    assert_eq!(file.render(), text);
    assert_eq!(file.get("CTDB_A").as_deref(), Some("127.0.0.1"));
    assert_eq!(file.get("CTDB_B").as_deref(), Some("a bc"));
    assert_eq!(file.get("CTDB_C"), None, "the shell has to say");
    file.set("CTDB_A", "127.0.0.1").unwrap();
    assert_eq!(file.render(), text, "it is so already");
    file.set("CTDB_A", "it's").unwrap();
    file.set("CTDB_NEW", "yes").unwrap();
    file.unset("CTDB_B");
    assert_eq!(
        file.render(),
        "# CTDB_A=no\nCTDB_A='it'\\''s'\nCTDB_C=\"$HOME\"\nif true; then\nCTDB_NEW=yes\n"
    );
    for (name, value) in [
        ("A B", "x"),
        ("", "x"),
        ("1A", "x"),
        ("A;reboot", "x"),
        ("A", "x\ny"),
    ] {
        assert!(
            file.set(name, value).unwrap_err().remedy().is_some(),
            "{name}={value}"
        );
    }
}

proptest! {
    #[test]
    fn what_is_read_is_written_again(text in "[ \t\n#=\\[\\]a-c0-9.:'\"\\\\;]{0,60}") {
        if let Ok(file) = NodesFile::parse(&text) {
            prop_assert_eq!(file.render(), &text[..]);
        }
        if let Ok(file) = CtdbConf::parse(&text) {
            prop_assert_eq!(file.render(), &text[..]);
        }
        let _ = PublicAddresses::parse(&text);
        let file = ScriptOptions::parse(&text);
        prop_assert_eq!(file.render(), &text[..]);
        let _ = file.get("a");
    }

    #[test]
    fn an_option_is_read_as_it_was_set(value in "[^\n\r\0]{0,30}", before in "[ -~\n]{0,40}") {
        let mut file = ScriptOptions::parse(&before);
        file.set("CTDB_X", &value).unwrap();
        let again = ScriptOptions::parse(&file.render());
        prop_assert_eq!(again.get("CTDB_X"), Some(value));
    }

    #[test]
    fn nodes_keep_their_numbers(steps in prop::collection::vec((any::<bool>(), 0_u8..9), 0..20)) {
        let mut file = NodesFile::parse("10.0.0.1\n").unwrap();
        for (adds, which) in steps {
            let before: Vec<_> = file.nodes().collect();
            let changed = match adds {
                true => file.append(IpAddr::from([10, 0, 0, which])).is_ok(),
                false => file.remove(which.into()).is_ok(),
            };
            let after: Vec<_> = file.nodes().collect();
            let kept = before.iter().filter(|node| after.contains(node)).count();
            prop_assert_eq!(kept, before.len() - usize::from(changed && !adds));
            prop_assert_eq!(after.len(), kept + usize::from(changed && adds));
            prop_assert_eq!(&NodesFile::parse(&file.render()).unwrap(), &file);
        }
    }
}

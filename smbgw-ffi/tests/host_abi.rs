//! The whole life of a share from C, on btrfs with a real smbd (root).

mod c;

use c::{Language, Workshop, succeeds};
use smbgw::dispatch::METHODS;
use smbgw_testing::{Capability, Filesystem, LightHost, MIB, Scratch, require, run};

const SMB_CONF: &str = "[global]\n\tworkgroup = LAB\n\tload printers = no\n";

/// A host with a btrfs that has quotas, at /srv/data.
fn host() -> (LightHost, Scratch) {
    let disk = Scratch::new(Filesystem::BtrfsQuota, 256 * MIB).unwrap();
    run(std::process::Command::new("btrfs")
        .args(["quota", "rescan", "-w"])
        .arg(disk.path()))
    .unwrap();
    let host = LightHost::start().unwrap();
    host.bind(disk.path(), "/srv/data").unwrap();
    host.write("/etc/samba/smb.conf", SMB_CONF).unwrap();
    host.write("/etc/smbgw/monitor.toml", MONITOR_TOML).unwrap();
    (host, disk)
}

/// Ways to be told, one of which nobody listens on.
const MONITOR_TOML: &str = r#"[command]
program = "/bin/true"
[webhook]
url = "http://127.0.0.1:9/"
"#;

const LIFE: &str = r#"# a user is made with a password that comes as a secret
password alice
call ok share.check {"name":"media","path":"/srv/data/media","quota":"32M","users":["alice"],"create_users":true}
call ok share.create {"name":"media","path":"/srv/data/media","quota":"32M","users":["alice"],"create_users":true}
call conflict share.create {"name":"media","path":"/srv/data/media2","quota":"32M","users":["alice"]}
# a domain that cannot be one, and none that this machine is in
call invalid ad.discover {"domain":"no domain"}
call invalid ad.test {"domain":"no domain"}
call invalid ad.check {"domain":"no domain","user":"alice"}
call invalid ad.join {"domain":"no domain","user":"alice"}
forget
call invalid ad.join {"domain":"ad.example","user":"alice"}
call invalid ad.provision {"domain":"ad.example","user":"alice","file":"/srv/blob"}
call invalid ad.join.offline {"file":"/srv/blob"}
call not-found ad.spn.list {}
call not-found ad.spn.add {"names":["files"]}
call not-found ad.spn.remove {"names":["files"]}
call not-found ad.keytab {}
call not-found ad.keytab.refresh {}
call ok ad.status {}
says "not-joined"
call ok ad.status {"share":"media"}
says "of_machine"
call not-found ad.status {"share":"other"}
call ok ad.recover {}
call not-found ad.leave {"account":"keep"}
call not-found ad.rotate {}
# a cluster that cannot be one, and none that this machine is in
call invalid ha.adopt {"nodes":["n_1=here"]}
call invalid ha.adopt.check {"nodes":["n_1=here"]}
call invalid ha.check {"nodes":["n_1=here"],"shared":"x"}
call not-found ha.drain {"node":"n1"}
call not-found ha.events {}
call not-found ha.move {"address":"198.51.100.7","node":"n1"}
call invalid ha.node.add {"node":"n_1=here"}
call not-found ha.node.remove {"node":"n1"}
call not-found ha.plan {}
call ok ha.probe {"addresses":["198.51.100.7/24"]}
call ok ha.recover {}
call not-found ha.release {"holder":"media"}
call not-found ha.reserve {"holder":"media"}
call not-found ha.resume {"node":"n1"}
call invalid ha.setup {"nodes":["n_1=here"],"shared":"x"}
call not-found ha.status {}
call not-found ha.teardown {"keep_databases":true}
call invalid ha.test {"nodes":["n1"],"address":"here","share":"media","user":"nobody-told"}
# no templates, and no node of Proxmox VE
call ok template.list {}
call not-found template.show {"name":"lab"}
call not-found template.delete {"name":"lab"}
call not-found template.validate {"name":"lab"}
call invalid template.build {"name":"a lab"}
call invalid template.fetch {"name":"lab","from":"nowhere"}
call invalid template.validate {"name":"lab","root":"/srv"}
call ok vm.list {}
call ok vm.recover {}
call invalid vm.check {"name":"vault"}
call unsupported vm.check {"name":"vault","quota":"1G","users":["alice"]}
call invalid vm.create {"name":"vault"}
call unsupported vm.create {"name":"vault","quota":"1G","users":["alice"]}
call invalid vm.status {"name":"a vault"}
call unsupported vm.status {"name":"vault"}
call unsupported vm.start {"name":"vault"}
call unsupported vm.stop {"name":"vault"}
call unsupported vm.restart {"name":"vault"}
call invalid vm.resize {"name":"vault","quota":"lots"}
call unsupported vm.resize {"name":"vault","quota":"2G"}
call unsupported vm.remove {"name":"vault"}
call ok ad.rotate {"if_older_than_days":25}
call ok share.list {}
says "media"
call ok share.status {"name":"media"}
call ok share.recover {}
call ok share.resize {"name":"media","quota":"48M"}
call ok share.auth {"name":"media","auth":"local"}
call invalid share.resize {"name":"media","quota":"lots"}
call not-found share.status {"name":"other"}
call ok quota.status {}
call ok quota.status {"name":"media"}
call ok quota.usage {"path":"/srv/data/media"}
call conflict quota.set {"path":"/srv/data/media","limit":"16M"}
call ok quota.check {}
call ok quota.check {"name":"media","fix":true}
# btrfs has no quotas of users and groups
call unsupported quota.user.set {"share":"media","owner":"alice","hard":"8M"}
call unsupported quota.user.show {"share":"media","owner":"alice"}
call unsupported quota.user.report {"share":"media"}
call unsupported quota.group.set {"share":"media","owner":"root","hard":"8M"}
call unsupported quota.group.show {"share":"media","owner":"root"}
call unsupported quota.group.report {"share":"media"}
call ok monitor.look {}
call ok monitor.status {}
call ok quota.history {"name":"media"}
call ok alert.list {}
call ok alert.silence {"share":"media","until":4000000000}
call not-found alert.acknowledge {"share":"media"}
call ok alert.unsilence {"share":"media"}
call ok alert.test {"channel":"command"}
call ok alert.test {}
says "delivered":false
call ok share.delete {"name":"media","purge":true}
call not-found share.delete {"name":"media"}
call unsupported share.create {"name":"memory","path":"/srv/memory","quota":"32M","guest":true}
call ok library.methods {}
"#;

fn lives(script: &str, more: &[&str]) {
    let shop = Workshop::new();
    let sources = ["drive.c", "process.c", "password.c"];
    let drive = shop.compile(Language::C99, &sources, more);
    let (host, _disk) = host();
    let _smbd = host.start_smbd().unwrap();
    // A small stack for the main thread, which docs/abi.md says is enough.
    let mut command = host.command("prlimit");
    command.arg("--stack=1048576").arg(drive);
    assert_eq!(succeeds(&mut command, script), "all as expected\n");
}

macro_rules! lives {
    ($($test:ident: $script:expr, $more:expr;)+) => {
        $(
            #[test]
            fn $test() {
                require!(Capability::Btrfs, Capability::Samba);
                lives($script, $more);
            }
        )+
    };
}

lives! {
    a_share_lives_and_the_process_stays_as_it_was: LIFE, &[];
    a_share_lives_in_children_and_then_here:
        &format!("call ok share.list {{}}\nfork\nfork\n{LIFE}"), &[];
    a_share_lives_without_standard_descriptors:
        &format!("close-standard-descriptors\n{LIFE}"), &[];
    a_share_lives_where_sigchld_is_ignored: &format!("ignore-sigchld\nfork\n{LIFE}"), &[];
    nothing_is_lost_in_the_life_of_a_share: LIFE, &["-fsanitize=leak"];
}

#[test]
fn every_method_is_called_in_a_life() {
    for method in METHODS {
        let called = |line: &str| line.split(' ').nth(2) == Some(method.name);
        assert!(LIFE.lines().any(called), "{}", method.name);
    }
}

#[test]
fn usage_and_limit_are_numbers() {
    require!(Capability::Btrfs, Capability::Samba);
    let shop = Workshop::new();
    let usage = shop.compile(Language::C99, &["usage.c"], &[]);
    let (host, disk) = host();
    let limited = disk.path().join("limited");
    let btrfs = |args: &[&str]| {
        run(std::process::Command::new("btrfs").args(args).arg(&limited)).unwrap();
    };
    btrfs(&["subvolume", "create"]);
    btrfs(&["qgroup", "limit", "32M"]);
    std::fs::write(limited.join("file"), vec![7; 4 << 20]).unwrap();
    btrfs(&["filesystem", "sync"]);
    let numbers = |path: &str| -> Vec<Option<u64>> {
        let said = succeeds(host.command(&usage).arg(path), "");
        let words = said.split_whitespace();
        words.map(|word| word.parse().ok()).collect()
    };
    let [used, available, limit, inodes, inode_limit, total] = numbers("/srv/data/limited")[..]
    else {
        panic!("six numbers");
    };
    assert_eq!((limit, total), (Some(32 * MIB), Some(32 * MIB)));
    assert_eq!((inodes, inode_limit), (None, None));
    let used = used.unwrap();
    assert!((4 * MIB..5 * MIB).contains(&used), "{used}");
    assert_eq!(available, Some(32 * MIB - used));

    let whole = numbers("/srv/data");
    assert_eq!(whole[2], None);
    assert!(whole[5] > Some(200 * MIB), "{whole:?}");
}

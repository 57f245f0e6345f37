//! What guests are told, as their own cloud-init sees it.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use smbgw_core::error::Coded;
use smbgw_core::host::LocalHost;
use smbgw_testing::{Capability, DebianPackages, require, run};
use smbgw_vm::cloudinit::{
    Argv, CloudConfig, DataDisk, DataFilesystem, Documents, Interface, NetworkConfig,
    NetworkVersion, PublicKey, Rendered, Schemas, Sentinel, User, WriteFile,
};

/// A gateway with everything that there is.
fn gateway() -> Documents {
    let mut documents = Documents::new(
        "vault-1".parse().unwrap(),
        "vault.example.org".parse().unwrap(),
    );
    let config = &mut documents.user_data;
    config.users = vec![
        User::of_files("alice".parse().unwrap()),
        User::with_keys("admin".parse().unwrap(), vec![key()]),
    ];
    config.write_files = vec![
        WriteFile::new(
            "/etc/smb.conf".parse().unwrap(),
            "[global]\n  a = \"ä\u{85}\u{1f5c4}\"\n",
        ),
        WriteFile::new("/srv/x".parse().unwrap(), vec![0, 159, 146, 150])
            .mode(0o600)
            .owner("alice".parse().unwrap(), "alice".parse().unwrap()),
        WriteFile::new("/etc/hosts".parse().unwrap(), "192.0.2.1 dc\n").append(),
    ];
    config.data_disks = vec![
        disk("data", DataFilesystem::Xfs, "/srv/data"),
        disk("more", DataFilesystem::Ext4, "/srv/more"),
    ];
    config.bootcmd = vec![Argv::new(["modprobe", "xfs"]).unwrap()];
    config.runcmd = vec![Argv::new(["install", "-d", "/srv/data/a b"]).unwrap()];
    documents.vendor_data = Some(CloudConfig::nothing());
    let mut card = Interface::new(
        "52:54:00:12:34:56".parse().unwrap(),
        "192.0.2.10/24,gw=192.0.2.1".parse().unwrap(),
    );
    card.addresses
        .push("2001:db8::10/64,gw=2001:db8::1".parse().unwrap());
    card.name_servers = vec!["192.0.2.1".parse().unwrap()];
    card.search = vec!["example.org".parse().unwrap()];
    card.mtu = Some(9000);
    documents.network = Some(NetworkConfig::of(card));
    documents
}

fn key() -> PublicKey {
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0oV1ZS0nOuZL6uZ7wZ admin@example"
        .parse()
        .unwrap()
}

fn disk(serial: &str, filesystem: DataFilesystem, place: &str) -> DataDisk {
    let serial_number = serial.parse().unwrap();
    DataDisk::new(serial_number, filesystem, serial, place.parse().unwrap()).unwrap()
}

fn json_of(cloud_config: &str) -> Value {
    let json = cloud_config.strip_prefix("#cloud-config\n").unwrap();
    serde_json::from_str(json).unwrap()
}

/// The folder of Python's modules in which cloud-init is.
fn modules() -> PathBuf {
    let root = DebianPackages::CLOUD_INIT.root().unwrap();
    root.join("usr/lib/python3/dist-packages")
}

fn schemas() -> Schemas {
    let directory = modules().join("cloudinit/config/schemas");
    Schemas::read(&LocalHost::new(), &directory).unwrap()
}

/// The documents whose user-data is this.
fn saying(user_data: &Value) -> Rendered {
    Rendered {
        user_data: format!("#cloud-config\n{user_data}\n"),
        meta_data: String::new(),
        network_config: None,
        vendor_data: None,
    }
}

#[test]
fn a_gateway_is_told_what_it_needs() {
    let documents = gateway();
    let told = json_of(&documents.render().user_data);
    assert_eq!(told["hostname"], "vault");
    assert_eq!(told["fqdn"], "vault.example.org");
    assert_eq!(told["package_update"], false);
    assert_eq!(told["ssh_pwauth"], false);
    assert_eq!(told["growpart"]["devices"], json!(["/"]));
    let names: Vec<&Value> = told["users"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| &user["name"])
        .collect();
    assert_eq!(
        names,
        ["root", "alice", "admin"],
        "and none of the distribution's"
    );
    for user in told["users"].as_array().unwrap() {
        assert_eq!(user["lock_passwd"], true);
        assert_eq!(user.get("passwd"), None);
    }
    let files = told["write_files"].as_array().unwrap();
    assert_eq!(
        files[0]["content"],
        "[global]\n  a = \"ä\u{85}\u{1f5c4}\"\n"
    );
    assert_eq!(files[0].get("defer"), None);
    assert_eq!(files[1]["encoding"], "b64");
    assert_eq!(files[1]["content"], "AJ+Slg==");
    assert_eq!(files[1]["permissions"], "0600");
    assert_eq!(files[1]["owner"], "alice:alice");
    assert_eq!(files[1]["defer"], true, "users are made after files");
    assert_eq!(files[2]["append"], true);
    let disks = told["fs_setup"].as_array().unwrap();
    assert_eq!(disks[0]["device"], "/dev/disk/by-id/virtio-data");
    for disk in disks {
        assert_eq!(disk["partition"], "auto", "what is on a disk stays");
        assert_eq!(disk["overwrite"], false);
    }
    for mount in told["mounts"].as_array().unwrap() {
        assert!(
            mount[3]
                .as_str()
                .unwrap()
                .split(',')
                .any(|option| option == "prjquota")
        );
    }
    let vendor = json_of(documents.render().vendor_data.as_deref().unwrap());
    assert_eq!(vendor, json!({}));
}

#[test]
fn the_last_command_says_that_all_was_done() {
    let documents = gateway();
    let told = json_of(&documents.render().user_data);
    let commands = told["runcmd"].as_array().unwrap();
    assert_eq!(commands[0], "set -e", "one that fails is the last one");
    assert_eq!(commands[1], json!(["install", "-d", "/srv/data/a b"]));
    let pending = format!("{}.pending", Sentinel::PATH);
    assert_eq!(commands[2], json!(["mv", "-T", pending, Sentinel::PATH]));
    let files = told["write_files"].as_array().unwrap();
    let written = files
        .iter()
        .find(|file| file["path"] == pending.as_str())
        .unwrap();
    let sentinel = Sentinel::new(documents.meta_data.instance_id.clone());
    assert!(sentinel.is_in(written["content"].as_str().unwrap().as_bytes()));
    assert!(!sentinel.is_in(b"vault-2\n") && !sentinel.is_in(b"vault-1") && !sentinel.is_in(b""));
}

#[test]
fn both_versions_of_the_network_say_the_same() {
    let mut network = gateway().network.unwrap();
    let one: Value = serde_json::to_value(&network).unwrap();
    assert_eq!(
        one,
        json!({"version": 1, "config": [
            {"type": "physical", "name": "eth0", "mac_address": "52:54:00:12:34:56", "mtu": 9000, "subnets": [
                {"type": "static", "address": "192.0.2.10/24", "gateway": "192.0.2.1"},
                {"type": "static6", "address": "2001:db8::10/64", "gateway": "2001:db8::1"},
            ]},
            {"type": "nameserver", "address": ["192.0.2.1"], "search": ["example.org"]},
        ]})
    );
    network.version = NetworkVersion::V2;
    let two: Value = serde_json::to_value(&network).unwrap();
    assert_eq!(
        two,
        json!({"version": 2, "ethernets": {"eth0": {
            "match": {"macaddress": "52:54:00:12:34:56"},
            "set-name": "eth0",
            "dhcp4": false,
            "addresses": ["192.0.2.10/24", "2001:db8::10/64"],
            "gateway4": "192.0.2.1",
            "gateway6": "2001:db8::1",
            "mtu": 9000,
            "nameservers": {"addresses": ["192.0.2.1"], "search": ["example.org"]},
        }}})
    );
}

#[test]
fn contradictions_are_told_all_at_once() {
    let mut documents = gateway();
    assert_eq!(documents.contradictions(), []);
    let config = &mut documents.user_data;
    config.users.push(User::of_files("alice".parse().unwrap()));
    config
        .write_files
        .push(WriteFile::new("/srv/x".parse().unwrap(), ""));
    config
        .data_disks
        .push(disk("data", DataFilesystem::Ext4, "/srv/more"));
    let network = documents.network.as_mut().unwrap();
    let mut card = network.interfaces[0].clone();
    card.mac = "01:00:5e:00:00:01".parse().unwrap();
    network.interfaces.push(card);
    let told: Vec<String> = documents
        .contradictions()
        .into_iter()
        .map(|problem| problem.message)
        .collect();
    assert_eq!(
        told,
        [
            "the user `alice` is there twice",
            "the file `/srv/x` is there twice",
            "the disk `/dev/disk/by-id/virtio-data` is there twice",
            "the label `data` is there twice",
            "the mount point `/srv/more` is there twice",
            "the name `eth0` is there twice",
            "01:00:5e:00:00:01 is not the address of one network adapter",
        ]
    );
}

#[test]
fn what_cannot_be_said_is_refused() {
    assert!("".parse::<PublicKey>().is_err());
    let private = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blb\n-----END OPENSSH PRIVATE KEY-----\n";
    let two_lines = format!("{}\n{}", key(), key());
    for bad in [
        private,
        &two_lines,
        "command=\"x\" ssh-rsa AAAAB3",
        "ssh-rsa QUJD",
        "ssh-dss AAAAB3",
    ] {
        let error = bad.parse::<PublicKey>().unwrap_err();
        assert_eq!(error.code(), "vm.guest-setting-invalid");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
    assert!(Argv::new(Vec::<String>::new()).is_err());
    assert!(Argv::new(["a", "b\0c"]).is_err());
    for bad in ["etc", "/", "/a//b", "/a/../b", "/a/", "/a\nb"] {
        assert!(
            bad.parse::<smbgw_vm::cloudinit::GuestPath>().is_err(),
            "{bad:?}"
        );
    }
    for bad in ["Alice", "1a", "", "a b", "a:b"] {
        assert!(
            bad.parse::<smbgw_vm::cloudinit::LoginName>().is_err(),
            "{bad:?}"
        );
    }
    for bad in ["", "-a", "a b", "a/b"] {
        assert!(
            bad.parse::<smbgw_vm::cloudinit::InstanceId>().is_err(),
            "{bad:?}"
        );
    }
    for bad in ["", "a..b", "-a.b", "a_b", "a.b."] {
        assert!(
            bad.parse::<smbgw_vm::cloudinit::GuestName>().is_err(),
            "{bad:?}"
        );
    }
    let long = DataDisk::new(
        "d".parse().unwrap(),
        DataFilesystem::Xfs,
        "thirteenchars",
        "/a".parse().unwrap(),
    );
    assert!(long.is_err(), "XFS takes twelve");
}

#[test]
fn cloud_init_takes_what_a_gateway_is_told() {
    require!(Capability::CloudInit);
    assert_eq!(schemas().check(&gateway().render()), []);
    let least = Documents::new("a".parse().unwrap(), "a".parse().unwrap());
    assert_eq!(schemas().check(&least.render()), []);
}

/// Each a document that cloud-init does not take, and where that is.
fn wrong_ones() -> Vec<(Value, &'static str)> {
    vec![
        // Keys that are wrong or in a wrong place.
        (
            json!({"users": [{"name": "a", "shel": "/bin/sh"}]}),
            "users.0",
        ),
        (
            json!({"write_files": [{"path": "/a", "mode": "0644"}]}),
            "write_files.0",
        ),
        (
            json!({"fs_setup": [{"device": "/dev/x", "mount": "/x"}]}),
            "fs_setup.0.mount",
        ),
        (json!({"growpart": {"device": "/"}}), "growpart.device"),
        // Types that are wrong.
        (
            json!({"write_files": [{"path": "/a", "permissions": 420}]}),
            "write_files.0.permissions",
        ),
        (json!({"hostname": 7}), "hostname"),
        (json!({"write_files": {"path": "/a"}}), "write_files"),
        (json!({"runcmd": ["a", {"b": "c"}]}), "runcmd.1"),
        (json!({"bootcmd": [["a", 1]]}), "bootcmd.0"),
        (
            json!({"mounts": [["a", "b", "c", "d", "0", "0", "7"]]}),
            "mounts.0",
        ),
        (json!({"growpart": {"mode": "sometimes"}}), "growpart.mode"),
        (json!({"package_update": "no"}), "package_update"),
        (json!({"ntp": {"enabled": "yes"}}), "ntp.enabled"),
        // Something is missing.
        (json!({"write_files": [{"content": "x"}]}), "write_files.0"),
        (json!({"write_files": []}), "write_files"),
        (
            json!({"fs_setup": [{"partition": "first"}]}),
            "fs_setup.0.partition",
        ),
        (json!({"swap": {"size": "much"}}), "swap.size"),
        (
            json!({"users": [{"name": "a", "expiredate": "2026-02-30"}]}),
            "users.0",
        ),
    ]
}

#[test]
fn what_cloud_init_would_not_take_is_told_where_it_is() {
    require!(Capability::CloudInit);
    let schemas = schemas();
    for (document, place) in wrong_ones() {
        let problems = schemas.check(&saying(&document));
        let told: Vec<&str> = problems
            .iter()
            .map(|problem| problem.message.as_str())
            .collect();
        assert!(
            told.iter()
                .any(|message| message.contains(&format!("`{place}"))),
            "{document}: {told:?}"
        );
        assert!(
            problems.iter().all(
                |problem| problem.code == "vm.document-refused" && problem.field == "user-data"
            )
        );
    }
    let mut documents = saying(&json!({}));
    documents.user_data = "#!/bin/sh\n".into();
    documents.vendor_data = Some("#cloud-config\n{".into());
    documents.network_config = Some("{}".into());
    let problems = schemas.check(&documents);
    let fields: Vec<&str> = problems
        .iter()
        .map(|problem| problem.field.as_str())
        .collect();
    assert_eq!(fields, ["user-data", "vendor-data", "network-config"]);
}

#[test]
fn a_schema_that_is_not_there_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let error = Schemas::read(&LocalHost::new(), folder.path()).unwrap_err();
    assert_eq!(error.code(), "vm.schema-missing");
    std::fs::write(folder.path().join(Schemas::CLOUD_CONFIG), "{\"if\": {}}").unwrap();
    let error = Schemas::read(&LocalHost::new(), folder.path()).unwrap_err();
    assert_eq!(error.code(), "vm.schema-not-understood");
}

/// A program of Python's that has cloud-init's own code look at each of the files that are named, and
/// prints a list: what is in each, or `null` where cloud-init does not take it.
const LOOK: &str = r"
import contextlib, io, json, sys, yaml
from cloudinit.config import schema
verdicts = []
for name in sys.argv[1:]:
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            schema.validate_cloudconfig_file(name, schema.get_schema())
        verdicts.append(yaml.safe_load(open(name)))
    except schema.SchemaValidationError:
        verdicts.append(None)
json.dump(verdicts, sys.stdout)
";

#[test]
fn cloud_init_itself_has_the_same_verdicts() {
    require!(Capability::CloudInit);
    let folder = tempfile::tempdir().unwrap();
    let all: Vec<Rendered> = std::iter::once(gateway().render())
        .chain(wrong_ones().iter().map(|(document, _)| saying(document)))
        .collect();
    let mut look = Command::new("python3");
    look.args(["-B", "-c", LOOK]).env("PYTHONPATH", modules());
    for (number, documents) in all.iter().enumerate() {
        let file = folder.path().join(number.to_string());
        std::fs::write(&file, &documents.user_data).unwrap();
        look.arg(file);
    }
    let verdicts: Vec<Value> = serde_json::from_str(&run(&mut look).unwrap()).unwrap();
    assert_eq!(verdicts.len(), all.len());
    assert_eq!(
        verdicts[0],
        json_of(&all[0].user_data),
        "YAML says the same as JSON"
    );
    let schemas = schemas();
    for (documents, theirs) in all.iter().zip(&verdicts) {
        let ours = schemas.check(documents).is_empty();
        assert_eq!(ours, !theirs.is_null(), "{}", documents.user_data);
    }
}

//! Keytabs of ours and of other programs are understood on both sides.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use jiff::Timestamp;
use smbgw_ad::krb::crypto::{EncryptionType, Key, computer_salt, user_salt};
use smbgw_ad::krb::keytab::{Entry, Keytab};
use smbgw_ad::name::{Principal, Realm};
use smbgw_core::secret::Secret;
use smbgw_testing::domain::Domain;
use smbgw_testing::{Capability, require, run};

fn write(path: &Path, keytab: &Keytab) {
    let mut options = fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .unwrap();
    file.write_all(&keytab.render()).unwrap();
}

fn read(path: &Path) -> Keytab {
    Keytab::parse(&fs::read(path).unwrap()).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What `klist` shows of each key: version, principal, type and bytes.
fn klist(path: &Path) -> Vec<String> {
    let shown = run(Command::new("klist").args(["-k", "-e", "-K"]).arg(path)).unwrap();
    shown
        .lines()
        .filter(|line| line.contains("(0x"))
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

/// The same of ours.
fn shown(keytab: &Keytab) -> Vec<String> {
    keytab
        .entries()
        .iter()
        .map(|entry| {
            let key = entry.key().unwrap();
            // `klist` calls what is broken by its name.
            let deprecated = match key.etype() {
                EncryptionType::Rc4 => "DEPRECATED:",
                _ => "",
            };
            format!(
                "{} {} ({deprecated}{}) (0x{})",
                entry.kvno(),
                entry.shown_name(),
                key.etype(),
                hex(key.expose())
            )
        })
        .collect()
}

/// Two principals with keys of every type, of versions with 8, 9 and 32 bits.
fn ours() -> Keytab {
    let mut keytab = Keytab::default();
    for name in ["GW1$@AD.TEST", "cifs/gw1.ad.test@AD.TEST"] {
        let principal: Principal = name.parse().unwrap();
        for (kvno, etype) in [255, 256, 0x0102_0304]
            .into_iter()
            .flat_map(|kvno| EncryptionType::ALL.iter().map(move |etype| (kvno, *etype)))
        {
            let key = Key::random(etype).unwrap();
            keytab.insert(Entry::new(&principal, kvno, Timestamp::now(), &key));
        }
    }
    keytab
}

#[test]
fn mit_kerberos_reads_ours_and_we_read_its() {
    require!(Capability::KerberosTools);
    let folder = tempfile::tempdir().unwrap();
    let (our, its) = (folder.path().join("our"), folder.path().join("its"));
    let keytab = ours();
    write(&our, &keytab);
    assert_eq!(klist(&our), shown(&keytab));

    // `ktutil` reads ours and writes its own.
    let mut ktutil = Command::new("ktutil")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let commands = format!("rkt {}\nwkt {}\nq\n", our.display(), its.display());
    ktutil
        .stdin
        .take()
        .unwrap()
        .write_all(commands.as_bytes())
        .unwrap();
    assert!(ktutil.wait().unwrap().success());
    let again = read(&its);
    assert_eq!(shown(&again), shown(&keytab));
    let time = |keytab: &Keytab| keytab.entries()[0].timestamp();
    assert_eq!(time(&again), time(&keytab));
    assert_eq!(*again.render(), fs::read(&its).unwrap());
}

#[test]
fn samba_writes_what_we_read_and_kinit_takes_what_we_write() {
    require!(Capability::DomainController, Capability::KerberosTools);
    let domain = Domain::start().unwrap();
    domain.add_users(&["alice"]).unwrap();
    let realm: Realm = Domain::REALM.parse().unwrap();
    let folder = tempfile::tempdir().unwrap();

    // Samba writes keytabs with Heimdal.
    let exported = folder.path().join("exported");
    domain
        .samba_tool(&[
            "domain",
            "exportkeytab",
            exported.to_str().unwrap(),
            "--principal=alice",
        ])
        .unwrap();
    let exported = read(&exported);
    let alice = Principal::user("alice", realm.clone()).unwrap();
    let kvno = exported.newest(&alice).unwrap();
    let password = Secret::from(Domain::PASSWORD.to_string());
    let mut own = Keytab::default();
    for etype in [
        EncryptionType::Aes256Sha1,
        EncryptionType::Aes128Sha1,
        EncryptionType::Rc4,
    ] {
        let salt = user_salt(&realm, "alice");
        let key = Key::from_password(etype, &password, &salt, None).unwrap();
        assert!(
            exported.key(&alice, kvno, etype).unwrap().is(&key),
            "{etype}"
        );
        own.insert(Entry::new(&alice, kvno, Timestamp::now(), &key));
    }

    // The salt of a computer is made here as the domain makes it.
    domain.samba_tool(&["computer", "create", "GW7"]).unwrap();
    let new = format!("--newpassword={}", Domain::PASSWORD);
    domain
        .samba_tool(&["user", "setpassword", "GW7$", &new])
        .unwrap();
    let computer = "gw7".parse().unwrap();
    let account = Principal::computer(&computer, realm.clone());
    let salt = computer_salt(&realm, &computer);
    let key = Key::from_password(EncryptionType::Aes256Sha1, &password, &salt, None).unwrap();
    own.insert(Entry::new(&account, 1, Timestamp::now(), &key));

    let client = domain.client("client").unwrap();
    let file = folder.path().join("own");
    write(&file, &own);
    client.bind(folder.path(), "/mnt").unwrap();
    for principal in [alice, account] {
        run(client
            .command("kinit")
            .args(["-c", "MEMORY:", "-k", "-t", "/mnt/own"])
            .arg(principal.to_string()))
        .unwrap();
    }
}

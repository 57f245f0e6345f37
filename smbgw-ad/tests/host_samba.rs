//! Samba on a member: told of the domain by us, serving its users, and brought back to what it was.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use smbgw_ad::krb5conf;
use smbgw_ad::nsswitch;
use smbgw_ad::samba::blob::{Controller, Provision};
use smbgw_ad::samba::{Member, globals, tell, trust};
use smbgw_ad::winbind;
use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::host::Host;
use smbgw_core::host::NamespaceHost;
use smbgw_core::secret::Secret;
use smbgw_core::service::ServiceState;
use smbgw_testing::{Capability, Domain, LightHost, require, run, wait_until};

/// How long changes may take to arrive on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The domain of all tests here, which use names of their own.
fn domain() -> &'static Domain {
    static DOMAIN: OnceLock<Domain> = OnceLock::new();
    DOMAIN.get_or_init(|| Domain::start().unwrap_or_else(|error| panic!("{error}")))
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(120))
}

fn secret(text: &str) -> Secret {
    Secret::from(text.to_string())
}

/// A host of the lab, and its account in the domain.
struct Lab {
    host: LightHost,
    entered: NamespaceHost,
    member: Member,
}

impl Lab {
    fn new(name: &str) -> Self {
        let host = domain().host(name).unwrap();
        let entered = NamespaceHost::of_process(name, host.pid()).unwrap();
        let member = Member::new(
            name.parse().unwrap(),
            Domain::NETBIOS,
            Domain::REALM.parse().unwrap(),
        );
        Self {
            host,
            entered,
            member: member.unwrap(),
        }
    }

    /// Makes the account in the directory, with `password`.
    fn account(&self, password: &str) -> Provision {
        let domain = domain();
        let (name, label) = (self.member.computer.as_str(), self.member.computer.label());
        let fqdn = format!("{label}.{}", Domain::NAME);
        domain
            .controller()
            .directory_add(&format!(
                "dn: CN={name},CN=Computers,{base}\nobjectClass: computer\n\
                 sAMAccountName: {name}$\nuserAccountControl: 4096\ndNSHostName: {fqdn}\n\
                 servicePrincipalName: HOST/{fqdn}\nservicePrincipalName: HOST/{name}\n\
                 msDS-SupportedEncryptionTypes: 24\n",
                base = Domain::BASE
            ))
            .unwrap();
        self.set_password(password);
        let found = domain
            .controller()
            .directory_search("(objectClass=domainDNS)", &["objectSid", "objectGUID"])
            .unwrap();
        let account = domain.computer(name).unwrap().unwrap();
        let sid: smbgw_ad::name::Sid = account["objectsid"][0].parse().unwrap();
        Provision {
            domain: Domain::NAME.parse().unwrap(),
            forest: Domain::NAME.parse().unwrap(),
            netbios: Domain::NETBIOS.into(),
            guid: found[0]["objectguid"][0].parse().unwrap(),
            sid: found[0]["objectsid"][0].parse().unwrap(),
            computer: self.member.computer.clone(),
            password: secret(password),
            rid: sid.rid(),
            controller: Controller {
                host: domain.controller().full_name().parse().unwrap(),
                address: "10.99.0.10".into(),
                site: Some(Domain::SITE.into()),
                client_site: Some(Domain::SITE.into()),
                flags: 0xe000_13fd,
            },
        }
    }

    fn set_password(&self, password: &str) {
        let account = self.member.computer.account();
        let password = format!("--newpassword={password}");
        domain()
            .samba_tool(&["user", "setpassword", &account, &password])
            .unwrap();
    }

    fn settings(&self) -> globals::Decision {
        let theirs = globals::administrators(&self.entered).unwrap();
        let taken = globals::taken_ids(&self.entered).unwrap();
        globals::decide(
            &globals::Settings::new(self.member.clone()),
            &theirs,
            &taken,
        )
        .unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    /// The records of Samba's secrets, all of them with their content.
    fn secrets(&self) -> String {
        run(self
            .host
            .command("tdbdump")
            .arg("/var/lib/samba/private/secrets.tdb"))
        .unwrap()
    }

    fn testjoin(&self) -> Result<String, String> {
        let options = [
            format!("--option=workgroup={}", self.member.netbios),
            format!("--option=realm={}", self.member.realm),
            format!("--option=netbios name={}", self.member.computer),
        ];
        let mut command = self.host.command("net");
        command
            .args(["ads", "testjoin", "--option=security=ads"])
            .args(options);
        run(&mut command).map_err(|error| error.to_string())
    }
}

const STOCK: &str = "\
[global]
   workgroup = WORKGROUP
   server role = standalone server
   map to guest = bad user
   log level = 10

[data]
   path = /srv
   read only = no";

#[test]
fn a_member_serves_users_of_the_domain_and_becomes_what_it_was() {
    require!(Capability::DomainController, Capability::Winbind);
    domain().add_users(&["samson"]).unwrap();
    let lab = Lab::new("sam1");
    let host = &lab.entered;
    lab.host.write("/etc/samba/smb.conf", STOCK).unwrap();
    let switch = lab.host.read("/etc/nsswitch.conf").unwrap();
    let provision = lab.account("First.secret-1234");

    let before = tell::inspect(host, &lab.member, soon()).unwrap();
    let globals_before = globals::inspect(host).unwrap();
    let decision = lab.settings();
    assert_eq!(
        globals::drift(host, &decision).unwrap(),
        globals::Drift::Missing
    );
    assert_eq!(
        globals::apply(host, &decision, soon()).unwrap(),
        Change::Created
    );
    assert_eq!(
        globals::apply(host, &decision, soon()).unwrap(),
        Change::Unchanged
    );
    assert_eq!(
        globals::drift(host, &decision).unwrap(),
        globals::Drift::None
    );
    assert_eq!(globals::who_rotates(host).unwrap(), globals::Rotation::Ours);
    assert_eq!(trust::read(host, &lab.member, soon()).unwrap(), None);

    let told = tell::join(host, &provision, &before, soon()).unwrap();
    assert_eq!(told, Change::Created);
    lab.testjoin().unwrap();
    let known = trust::read(host, &lab.member, soon()).unwrap().unwrap();
    assert_eq!(known.account, "SAM1$");
    assert_eq!(known.sid, provision.sid);
    assert_eq!(known.guid, provision.guid);
    let age = host.now() - known.changed_at.unwrap();
    // Samba rounds up as well.
    assert!((-1..600).contains(&age), "{age}");

    let names = nsswitch::inspect(host).unwrap();
    if let Some(names) = &names {
        nsswitch::apply(host, names).unwrap();
    }
    let wanted = krb5conf::Wanted {
        realm: lab.member.realm.clone(),
        domain: provision.domain.clone(),
        controllers: Vec::new(),
    };
    let kerberos = krb5conf::inspect(host, &wanted).unwrap();
    krb5conf::apply(host, &kerberos).unwrap();

    assert_eq!(winbind::state(host, soon()).unwrap(), ServiceState::Stopped);
    assert_eq!(winbind::start(host, soon()).unwrap(), Change::Updated);
    assert_eq!(winbind::start(host, soon()).unwrap(), Change::Unchanged);
    let controller = wait_until(PATIENCE, "the secure channel", || {
        winbind::check_secret(host, soon()).ok()?;
        winbind::controller(host, soon()).ok()
    })
    .unwrap();
    assert_eq!(controller.as_deref(), Some("dc.ad.test"));
    assert!(winbind::winbindd_version(host, soon()).unwrap().major >= 4);
    // The number of the account, on top of the start of the range.
    let id = run(lab
        .host
        .command("wbinfo")
        .args(["--user-info", r"LAB\samson"]))
    .unwrap();
    let uid: u32 = id.split(':').nth(2).unwrap().parse().unwrap();
    assert!((2_001_000..2_010_000).contains(&uid), "{id}");
    run(lab.host.command("getent").args(["passwd", r"LAB\samson"])).unwrap();

    run(lab.host.command("chmod").args(["1777", "/srv"])).unwrap();
    let smbd = lab.host.start_smbd().unwrap();
    let client = domain().client("samcl").unwrap();
    let address = lab.host.addresses()[0];
    let hosts = client.read("/etc/hosts").unwrap();
    client
        .write(
            "/etc/hosts",
            format!("{hosts}{address} sam1.ad.test sam1\n"),
        )
        .unwrap();
    let put = |file: &str, kerberos: &str| {
        let user = match kerberos {
            "off" => r"LAB\samson%Passw0rd.1",
            _ => "samson@AD.TEST%Passw0rd.1",
        };
        run(client
            .command("smbclient")
            .args([
                "//sam1.ad.test/data",
                "-c",
                &format!("put /etc/hostname {file}"),
            ])
            .args(["-U", user, &format!("--use-kerberos={kerberos}")]))
        .map_err(|error| error.to_string())
    };
    put("by-kerberos", "required").unwrap();
    put("by-ntlm", "off").unwrap();
    assert_eq!(lab.host.read("/srv/by-kerberos").unwrap(), "samcl\n");

    // Samba first, then the directory: it works before, between and after.
    let new = secret("Second.secret-5678");
    let changed = tell::change_password(host, &lab.member, &new, soon()).unwrap();
    assert_eq!(changed, Change::Updated);
    let again = tell::change_password(host, &lab.member, &new, soon()).unwrap();
    assert_eq!(again, Change::Unchanged);
    put("between", "required").unwrap();
    let both = trust::passwords(host, &lab.member, soon())
        .unwrap()
        .unwrap();
    assert!(both.current.expose() == new.expose());
    assert!(both.old.unwrap().expose() == provision.password.expose());
    lab.set_password("Second.secret-5678");
    winbind::check_secret(host, soon()).unwrap();
    lab.testjoin().unwrap();
    put("after", "required").unwrap();

    smbd.stop().unwrap();
    assert_eq!(winbind::stop(host, soon()).unwrap(), Change::Updated);
    assert_eq!(winbind::stop(host, soon()).unwrap(), Change::Unchanged);
    assert_eq!(
        winbind::check_secret(host, soon()).unwrap_err().to_string(),
        "winbindd does not run"
    );

    krb5conf::undo(host, &kerberos).unwrap();
    assert_eq!(host.read(Path::new("/etc/krb5.conf")).unwrap(), None);
    if let Some(names) = &names {
        nsswitch::undo(host, names).unwrap();
    }
    assert_eq!(lab.host.read("/etc/nsswitch.conf").unwrap(), switch);
    let member = lab.secrets();
    let leaving = tell::inspect(host, &lab.member, soon()).unwrap();
    assert_eq!(
        tell::leave(host, &leaving, soon()).unwrap(),
        Change::Removed
    );
    assert_eq!(trust::read(host, &lab.member, soon()).unwrap(), None);
    assert!(!lab.secrets().contains("MACHINE_"));
    // A leave that fails later is taken back.
    tell::undo(host, &leaving, soon()).unwrap();
    assert_eq!(sorted(&lab.secrets()), sorted(&member));
    lab.testjoin().unwrap();
    tell::leave(host, &leaving, soon()).unwrap();
    tell::settle(host, &leaving).unwrap();
    let left = host.list(Path::new("/var/lib/samba/private")).unwrap();
    assert!(
        !left.iter().any(|name| name.starts_with("smbgw")),
        "{left:?}"
    );

    globals::undo(host, &globals_before).unwrap();
    assert_eq!(lab.host.read("/etc/samba/smb.conf").unwrap(), STOCK);
    assert_eq!(host.read(Path::new(globals::DOMAIN_CONF)).unwrap(), None);
}

/// The records of a dump, whatever their order.
fn sorted(dump: &str) -> Vec<&str> {
    let mut records: Vec<&str> = dump.split("}\n").collect();
    records.sort_unstable();
    records
}

#[test]
fn a_former_secret_comes_back_byte_for_byte() {
    require!(Capability::DomainController, Capability::Winbind);
    let lab = Lab::new("sam2");
    let host = &lab.entered;
    let former = lab.account("Former.secret-1234");
    let first = tell::inspect(host, &lab.member, soon()).unwrap();
    tell::join(host, &former, &first, soon()).unwrap();
    tell::settle(host, &first).unwrap();
    let records = lab.secrets();

    let later = Provision {
        password: secret("Later.secret-5678"),
        ..former.clone()
    };
    let second = tell::inspect(host, &lab.member, soon()).unwrap();
    // As it comes from the journal after a crash.
    let second: tell::Undo =
        serde_json::from_str(&serde_json::to_string(&second).unwrap()).unwrap();
    // Nothing was done yet.
    tell::undo(host, &second, soon()).unwrap();
    assert_eq!(sorted(&lab.secrets()), sorted(&records));
    assert_eq!(
        tell::join(host, &later, &second, soon()).unwrap(),
        Change::Updated
    );
    assert_ne!(sorted(&lab.secrets()), sorted(&records));
    let kept = Path::new("/var/lib/samba/private/smbgw-kept-LAB.tdb");
    let status = host.status(kept).unwrap().unwrap();
    assert_eq!((status.mode, status.uid), (0o600, 0));
    tell::undo(host, &second, soon()).unwrap();
    tell::undo(host, &second, soon()).unwrap();
    assert_eq!(sorted(&lab.secrets()), sorted(&records));
    assert_eq!(host.status(kept).unwrap(), None);
    lab.testjoin().unwrap();
}

#[test]
fn what_samba_refuses_is_said_without_the_secret() {
    require!(Capability::DomainController);
    let lab = Lab::new("sam3");
    let host = &lab.entered;
    let text = "Hidden.secret-1234";
    let provision = lab.account(text);
    lab.host
        .write("/etc/samba/smb.conf", "[global]\nlog level = 10\n")
        .unwrap();
    let before = tell::inspect(host, &lab.member, soon()).unwrap();
    run(lab
        .host
        .command("mkdir")
        .args(["-p", "/var/lib/samba/private/secrets.tdb"]))
    .unwrap();
    let error = tell::join(host, &provision, &before, soon()).unwrap_err();
    let shown = format!("{error:?} {}", smbgw_core::error::chain_text(&error));
    assert!(!shown.contains("Hidden"), "{shown}");
    let logs = run(lab
        .host
        .command("grep")
        .args(["-rl", text, "/var/log/samba", "/etc", "/run"]));
    assert!(logs.is_err(), "{logs:?}");
}

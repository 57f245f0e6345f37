//! Controllers that were set up once, in the cache folder.
//!
//! A template is `CACHE/domain/KEY/COUNT/NAME/` for each controller: what is in `/var/lib/samba`, and
//! `smb.conf`. It is taken after a first full start and stop, so that keys, certificates and caches
//! are made. The key holds Samba's version and this file: a change of either makes new ones.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::{Domain, DomainController};
use crate::{Error, LightHost, Network, Result, cache, prefix, run, shout, wait_until};

/// Files in which all that decides about a template is said.
const SOURCES: [&str; 2] = [include_str!("template.rs"), include_str!("smb.conf")];

/// What the names of folders end in while a template is made.
const BUILD: &str = "build";

/// After this time templates that were not used are removed.
const UNUSED: Duration = Duration::from_secs(24 * 60 * 60);

/// A template that is there.
#[derive(Debug)]
pub(super) struct Template {
    folder: PathBuf,
}

impl Template {
    /// Puts the controller of the host's name into the host.
    pub(super) fn copy_to(&self, host: &LightHost) -> Result<()> {
        let from = self.folder.join(host.name());
        let mut source = from.join("samba").into_os_string();
        source.push("/.");
        run(Command::new("cp")
            .arg("-a")
            .arg(source)
            .arg(host.path("/var/lib/samba")))?;
        run(Command::new("cp")
            .arg(from.join("smb.conf"))
            .arg(host.path("/etc/samba/smb.conf")))
        .map(drop)
    }
}

/// Whether a domain can be had here: the template is there, or can be made.
pub(crate) fn available() -> Result<()> {
    ready(1).map(drop)
}

/// The template with `count` controllers, made now if it is missing.
pub(super) fn ready(count: usize) -> Result<Template> {
    let (store, key) = (cache::folder("domain")?, key()?);
    let folder = store.join(&key).join(count.to_string());
    let template = Template { folder };
    if template.folder.exists() {
        touch(&store.join(&key));
        return Ok(template);
    }
    let doing = || Error::doing(format!("preparing {}", store.display()));
    // The one that is built from is looked for before the lock is taken: it has the same lock.
    let one = (count > 1).then(|| ready(1)).transpose()?;
    fs::create_dir_all(&store).map_err(doing())?;
    let lock = File::create(store.join("lock")).map_err(doing())?;
    lock.lock().map_err(doing())?;
    if template.folder.exists() {
        return Ok(template);
    }
    sweep(&store, &key);
    shout(&format!(
        "smbgw-testing: setting up a domain with {count} controller(s), once (ten seconds, or most of a minute)"
    ));
    let build = store.join(prefix::unique(BUILD));
    fs::create_dir_all(&build).map_err(doing())?;
    let built = match one {
        None => build_first(&build),
        Some(one) => build_second(&one, &build),
    }
    .and_then(|()| {
        let parent = template.folder.parent().unwrap_or(&store);
        fs::create_dir_all(parent).map_err(doing())?;
        fs::rename(&build, &template.folder).map_err(doing())
    });
    if built.is_err() {
        let _ = fs::remove_dir_all(&build);
    }
    built.map(|()| template)
}

/// What a template depends on, in short.
fn key() -> Result<String> {
    let version = run(Command::new("samba").arg("--version"))?;
    let mut hasher = DefaultHasher::new();
    (version, SOURCES).hash(&mut hasher);
    Ok(format!("{:016x}", hasher.finish()))
}

/// Removes builds that were interrupted, and templates with other keys that nobody has used for long:
/// test programs built from another state of this file may run beside this one. Called with the lock
/// held.
fn sweep(store: &Path, key: &str) {
    for build in prefix::orphans(store, BUILD) {
        let _ = fs::remove_dir_all(build);
    }
    for entry in fs::read_dir(store).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let in_use =
            name == "lock" || name == key || prefix::maker(&name.to_string_lossy()).is_some();
        let age = entry.metadata().and_then(|found| found.modified());
        let age = age.ok().and_then(|used| used.elapsed().ok());
        if !in_use && age.is_some_and(|age| age > UNUSED) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Notes that the templates in `folder` are in use.
fn touch(folder: &Path) {
    // Where this fails, they are made again some time.
    if let Ok(folder) = File::open(folder) {
        let _ = folder.set_modified(SystemTime::now());
    }
}

/// Provisions a domain with its first controller.
fn build_first(build: &Path) -> Result<()> {
    let network = Network::start()?;
    let dc = DomainController::empty(&network, "dc")?;
    write_smb_conf(&dc)?;
    run(dc
        .command("samba-tool")
        .args(["domain", "provision", "--server-role=dc", "--use-rfc2307"])
        .args(["--dns-backend=SAMBA_INTERNAL", "--host-name=dc"])
        .args(["--host-ip=10.99.0.10", "--host-ip6=fd99::10"])
        .arg(format!("--realm={}", Domain::REALM))
        .arg(format!("--domain={}", Domain::NETBIOS))
        .arg(format!("--adminpass={}", Domain::PASSWORD)))?;
    // Templates get old: no password in them runs out. A password may be changed at once, too.
    run(dc
        .command("samba-tool")
        .args(["domain", "passwordsettings", "set"])
        .args(["--max-pwd-age=0", "--min-pwd-age=0", "--history-length=0"])
        .args(["--account-lockout-threshold=20"]))?;
    // The names of its services, which the part of Samba that is left out would add.
    run(&mut dc.command("samba_spnupdate"))?;
    dc.start()?;
    dc.stop()?;
    save(&dc, build)
}

/// Joins a second controller to the first.
fn build_second(one: &Template, build: &Path) -> Result<()> {
    let network = Network::start()?;
    let first = DomainController::from_template(one, &network, "dc")?;
    first.wait_until_it_serves()?;
    let second = DomainController::empty(&network, "dc2")?;
    second.resolve_by(&first.addresses(), Domain::NAME)?;
    let login = format!("{}%{}", Domain::ADMINISTRATOR, Domain::PASSWORD);
    write_smb_conf(&second)?;
    run(second
        .command("samba-tool")
        .args(["domain", "join", Domain::NAME, "DC", "-U", &login])
        .args(["--dns-backend=SAMBA_INTERNAL"]))
    .map_err(|error| first.error(error.to_string()))?;
    // The names of its services, which the first has to know to give tickets for them.
    run(&mut second.command("samba_spnupdate")).map_err(|error| second.error(error.to_string()))?;
    second.launch()?;
    second.wait_until_it_listens()?;
    replicate(&second, &first, Domain::BASE)?;
    second.wait_until_it_serves()?;
    // Its names in the DNS, which a running controller would register by and by.
    run(second.command("samba_dnsupdate").args(["--use-samba-tool"]))
        .map_err(|error| second.error(error.to_string()))?;
    for (source, target) in [(&first, &second), (&second, &first)] {
        // The ways by which changes travel, which a running controller would find in five minutes.
        run(&mut target.command("samba_kcc")).map_err(|error| target.error(error.to_string()))?;
        for context in contexts() {
            replicate(source, target, &context)?;
        }
    }
    wait_until(
        Duration::from_secs(60),
        "both controllers to know each other's names",
        || {
            let known = |controller: &DomainController| {
                ["dc", "dc2"].into_iter().all(|name| {
                    run(controller.command("host").args([
                        "-t",
                        "A",
                        &format!("{name}.{}", Domain::NAME),
                        "127.0.0.1",
                    ]))
                    .is_ok()
                })
            };
            (known(&first) && known(&second)).then_some(())
        },
    )?;
    second.stop()?;
    first.stop()?;
    save(&first, build)?;
    save(&second, build)
}

/// Fetches what `source` has and `target` lacks of one naming context.
pub(super) fn replicate(
    source: &DomainController,
    target: &DomainController,
    context: &str,
) -> Result<()> {
    let login = format!("{}%{}", Domain::ADMINISTRATOR, Domain::PASSWORD);
    run(target
        .command("samba-tool")
        .args(["drs", "replicate", "-U", &login])
        .args([&target.full_name(), &source.full_name(), context]))
    .map(drop)
    .map_err(|error| target.error(error.to_string()))
}

/// The naming contexts of the forest.
pub(super) fn contexts() -> Vec<String> {
    [
        "",
        "CN=Configuration,",
        "DC=DomainDnsZones,",
        "DC=ForestDnsZones,",
    ]
    .into_iter()
    .map(|start| format!("{start}{}", Domain::BASE))
    .collect()
}

fn write_smb_conf(controller: &DomainController) -> Result<()> {
    controller.write(
        "/etc/samba/smb.conf",
        include_str!("smb.conf").replace("@NAME@", &controller.name().to_uppercase()),
    )
}

/// Puts what `controller` is made of into `build`.
fn save(controller: &DomainController, build: &Path) -> Result<()> {
    let folder = build.join(controller.name());
    fs::create_dir_all(&folder).map_err(Error::doing("making the folder of a template"))?;
    run(Command::new("cp")
        .arg("-a")
        .arg(controller.path("/var/lib/samba"))
        .arg(folder.join("samba")))?;
    run(Command::new("cp")
        .arg(controller.path("/etc/samba/smb.conf"))
        .arg(folder.join("smb.conf")))
    .map(drop)
}

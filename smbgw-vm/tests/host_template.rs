//! Templates for real: built of packages, looked over, and started under QEMU.
//!
//! The templates are in the cache folder after the first run, and so is what building one of them twice has shown.
//! Each of the three builds takes about 70 seconds of processor time.

mod template_cache;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::error::Coded;
use smbgw_core::host::LocalHost;
use smbgw_core::progress::{Event, Progress, Silent};
use smbgw_core::size::ByteSize;
use smbgw_testing::{
    Capability, Filesystem, GuestMachine, GuestSetup, Scratch, Start, guest_machine, require, run,
    wait_until,
};
use smbgw_vm::cloudinit::{Argv, Documents, GuestName, InstanceId, User, WriteFile};
use smbgw_vm::image::{ImageError, ImageFormat, QemuImg};
use smbgw_vm::seed;
use smbgw_vm::template::{
    BuildRequest, Distro, FetchRequest, PackageManifest, Template, TemplateError, TemplateStore,
    Verdict, boots, build, fetch, validate,
};

use template_cache::Ready;

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(300))
}

#[test]
fn a_template_is_sound_and_serves_files() {
    require!(Capability::Root);
    require!(Capability::Qemu);
    require!(Capability::Samba);
    let ready = template_cache::ready();
    let host = LocalHost::new();
    let store = TemplateStore::new(&host, ready.store());
    let template = store.show(&template_cache::name()).unwrap();

    let report = validate(&store, &template_cache::name(), soon()).unwrap();
    assert!(report.is_usable(), "{report:#?}");
    let wanted = [
        "checksum",
        "backing-chain",
        "image",
        "packages",
        "cloud-init",
        "samba",
        "guest-agent",
        "drivers",
        "identity",
        "free-space",
        "age",
        "security-updates",
    ];
    let names: Vec<&str> = report.checks.iter().map(|c| c.check.as_str()).collect();
    assert_eq!(names, wanted);
    let good = report.checks.iter().filter(|c| c.verdict == Verdict::Good);
    assert!(good.count() >= 10, "{report:#?}");
    let left = std::fs::read_dir(ready.store()).unwrap().count();
    assert_eq!(left, 1, "nothing but the template is in the store");

    let manifest = std::fs::read(template.manifest()).unwrap();
    let manifest: PackageManifest = serde_json::from_slice(&manifest).unwrap();
    for package in ["samba", "winbind", "ctdb", "acl", "attr", "xfsprogs"] {
        assert!(manifest.package(package).is_some(), "{package}");
    }
    let schema = template.schemas().join("schema-cloud-config-v1.json");
    let schema = std::fs::read(schema).unwrap();
    serde_json::from_slice::<serde_json::Value>(&schema).unwrap();

    serves_files(&ready, "bookworm");
}

#[test]
fn a_template_of_trixie_is_sound_and_serves_files() {
    require!(Capability::Root);
    require!(Capability::Qemu);
    require!(Capability::Samba);
    let ready = template_cache::ready_of(Distro::Trixie);
    let host = LocalHost::new();
    let store = TemplateStore::new(&host, ready.store());
    let report = validate(&store, &template_cache::name(), soon()).unwrap();
    assert!(report.is_usable(), "{report:#?}");
    serves_files(&ready, "trixie");
}

#[test]
fn the_same_inputs_make_the_same_disk() {
    require!(Capability::Root);
    require!(Capability::Qemu);
    let distro = Distro::Bookworm;
    let ready = template_cache::ready();
    let sums = |template: &Template| {
        let record = &template.record;
        (
            record.manifest_sha256.clone().unwrap(),
            record.disk_sha256.clone(),
        )
    };
    let key = format!("{}-again", template_cache::key(distro));
    let folder = guest_machine::cached(&key, |folder| {
        let store = |name: &str| folder.join(name);
        let again = sums(&template_cache::build_in(&store("again"), distro)?);
        let host = LocalHost::new();
        let known = TemplateStore::new(&host, ready.store());
        let mut first = sums(&known.show(&template_cache::name()).unwrap());
        // The archive has moved on since the template was built.
        if first.0 != again.0 {
            first = sums(&template_cache::build_in(&store("first"), distro)?);
            std::fs::remove_dir_all(store("first")).unwrap();
        }
        std::fs::remove_dir_all(store("again")).unwrap();
        let both = serde_json::to_vec(&[first, again]).unwrap();
        std::fs::write(store("sums"), both).unwrap();
        Ok(())
    });
    let both = std::fs::read(folder.unwrap().join("sums")).unwrap();
    let [first, again]: [(String, String); 2] = serde_json::from_slice(&both).unwrap();
    assert_eq!(first, again);
}

/// Has a guest of the template store a file and give it back.
fn serves_files(ready: &Ready, release: &str) {
    let folder = tempfile::tempdir().unwrap();
    let seed_path = folder.path().join("seed");
    std::fs::write(&seed_path, seed::image(&documents().render()).unwrap()).unwrap();
    let mut setup = GuestSetup::new(ready.disk(), Start::Fast(ready.fast_boot()));
    setup.seed = Some(seed_path);
    let guest = GuestMachine::start(&setup).unwrap();
    let limit = Duration::from_secs(180);
    guest.wait_for_agent(limit).unwrap();
    let ask = |command: &str| {
        let request = format!("{{\"execute\": \"{command}\"}}");
        guest.ask_agent(&request, limit).unwrap()
    };
    assert!(ask("guest-get-osinfo").contains(release));
    // What is written comes back.
    let port = guest.smb_port().to_string();
    let file = folder.path().join("file");
    std::fs::write(&file, "kept").unwrap();
    let back = folder.path().join("back");
    let work = format!("put {} f; get f {}", file.display(), back.display());
    wait_until(limit, "smbd of the guest", || {
        let share = [
            "-N",
            "//127.0.0.1/data",
            "-p",
            &port,
            "-t",
            "5",
            "-c",
            &work,
        ];
        run(Command::new("smbclient").args(share)).ok()
    })
    .map_err(|error| guest.with_console(error))
    .unwrap();
    assert_eq!(std::fs::read_to_string(back).unwrap(), "kept");
    assert!(ask("guest-get-host-name").contains("vault"));
}

/// A guest that has a share for everybody.
fn documents() -> Documents {
    const SMB_CONF: &str = "\
[global]
map to guest = Bad User
[data]
path = /srv/data
read only = no
guest ok = yes
force user = alice
";
    let name: GuestName = "vault".parse().unwrap();
    let mut documents = Documents::new(InstanceId::random(&name).unwrap(), name);
    let settings = &mut documents.user_data;
    let path = "/etc/samba/smb.conf".parse().unwrap();
    settings.write_files.push(WriteFile::new(path, SMB_CONF));
    settings
        .users
        .push(User::of_files("alice".parse().unwrap()));
    let make = ["install", "-d", "-o", "alice", "/srv/data"];
    settings.runcmd.push(Argv::new(make).unwrap());
    documents
}

#[test]
fn what_is_wrong_with_a_template_is_found() {
    require!(Capability::Root);
    require!(Capability::Qemu);
    let ready = template_cache::ready();
    let host = LocalHost::new();
    let folder = tempfile::tempdir().unwrap();
    let store = TemplateStore::new(&host, folder.path());
    let name = template_cache::name();
    let copy = folder.path().join(name.as_str());
    run(Command::new("cp")
        .args(["-a", "--reflink=auto"])
        .args([&ready.store().join(name.as_str()), &copy]))
    .unwrap();
    let disk = copy.join("disk.qcow2");
    // It names another file, which must not be opened.
    let rebase = [
        "rebase",
        "-u",
        "-f",
        "qcow2",
        "-F",
        "raw",
        "-b",
        "/etc/hostname",
    ];
    run(Command::new("qemu-img").args(rebase).arg(&disk)).unwrap();
    let report = validate(&store, &name, soon()).unwrap();
    assert!(!report.is_usable());
    let bad: Vec<&str> = report
        .checks
        .iter()
        .filter(|check| check.verdict == Verdict::Bad)
        .filter_map(|check| check.code.as_deref())
        .collect();
    assert_eq!(bad, ["vm.template-changed", "vm.image-backing"]);
    let remedies = report.checks.iter().filter(|c| c.verdict == Verdict::Bad);
    assert!(remedies.clone().all(|check| check.remedy.is_some()));

    let user = "vault".parse().unwrap();
    store.claim(&name, &user, soon()).unwrap();
    let error = store.delete(&name, soon()).unwrap_err();
    assert!(matches!(&error, TemplateError::InUse { users, .. } if users == &["vault"]));
    assert_eq!(store.list().unwrap().len(), 1);
    store.release(&name, &user, soon()).unwrap();
    store.delete(&name, soon()).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let error = store.delete(&name, soon()).unwrap_err();
    assert_eq!(error.code(), "vm.template-not-found");
}

#[test]
fn a_build_that_fails_leaves_nothing() {
    require!(Capability::Root);
    require!(Capability::Qemu);
    let host = LocalHost::new();
    let folder = tempfile::tempdir().unwrap();
    let store = TemplateStore::new(&host, folder.path());
    // As a run that was killed leaves it.
    let left = folder.path().join(".unfinished-one/root");
    std::fs::create_dir_all(&left).unwrap();
    let mut request = BuildRequest::new("one".parse().unwrap(), Distro::Trixie);
    request.mirror = Some("file:///nonexistent/debian".into());
    request.security_mirror = Some("file:///nonexistent/security".into());
    let error = build(&store, &request, &Silent, soon()).unwrap_err();
    assert_eq!(error.code(), "host.command-failed", "{error}");
    assert!(error.to_string().contains("mmdebstrap"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    assert!(store.list().unwrap().is_empty());
}

/// Says where a process is to build a template that does not come to an end.
const ROLE: &str = "SMBGW_TEMPLATE_VICTIM";

#[test]
fn a_build_that_is_killed_leaves_no_process_and_the_next_one_cleans_up() {
    let test = "a_build_that_is_killed_leaves_no_process_and_the_next_one_cleans_up";
    let host = LocalHost::new();
    let mut request = BuildRequest::new("one".parse().unwrap(), Distro::Bookworm);
    if let Some(role) = std::env::var_os(ROLE) {
        let role = role.into_string().unwrap();
        let (archive, folder) = role.split_once(' ').unwrap();
        request.mirror = Some(archive.into());
        request.security_mirror = Some(archive.into());
        let store = TemplateStore::new(&host, folder);
        panic!("{:?}", build(&store, &request, &Silent, soon()));
    }
    require!(Capability::Root);
    require!(Capability::Qemu);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    // An archive that takes requests and never answers.
    let archive = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/debian", archive.local_addr().unwrap());
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--test-threads=1"])
        .env(ROLE, format!("{address} {path}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    archive.set_nonblocking(true).unwrap();
    let asked = wait_until(Duration::from_secs(120), "somebody who asks", || {
        archive.accept().ok()
    });
    victim.kill().unwrap();
    victim.wait().unwrap();
    let (asked, _) = asked.unwrap();
    asked.set_nonblocking(false).unwrap();

    // Who asked is gone: what remains to be read is a request and an end.
    asked
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let mut said = Vec::new();
    if let Err(error) = (&asked).read_to_end(&mut said) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
    wait_until(Duration::from_secs(30), "the end of all processes", || {
        at_work(path).is_empty().then_some(())
    })
    .unwrap_or_else(|error| panic!("{error}: {:?}", at_work(path)));
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap();
    assert!(!mounts.contains(path), "{mounts}");
    assert!(folder.path().join(".unfinished-one/root").exists());
    let store = TemplateStore::new(&host, folder.path());
    assert!(store.list().unwrap().is_empty());

    request.mirror = Some("file:///nonexistent/debian".into());
    request.security_mirror = request.mirror.clone();
    let error = build(&store, &request, &Silent, soon()).unwrap_err();
    assert_eq!(error.code(), "host.command-failed", "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// The processes that were told of a path.
fn at_work(path: &str) -> Vec<String> {
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.ok()?;
        let number: u32 = entry.file_name().to_str()?.parse().ok()?;
        let told = std::fs::read(entry.path().join("cmdline")).ok()?;
        let told = String::from_utf8_lossy(&told).replace('\0', " ");
        (number != std::process::id() && told.contains(path)).then_some(told)
    };
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(read)
        .collect()
}

/// Fills a disk as soon as something is done on it.
struct Filling<'a>(&'a Path);

impl Progress for Filling<'_> {
    fn event(&self, event: &Event<'_>) {
        if let Event::StepStarts { index: 0, .. } = event {
            fill(self.0);
        }
    }
}

/// Takes all room on the file system of a folder.
fn fill(folder: &Path) {
    let folder = folder.join("filler");
    std::fs::create_dir(&folder).unwrap();
    // What is too large takes what is there, or nothing.
    for size in [
        "4G", "1G", "256M", "64M", "16M", "4M", "1M", "64K", "4K", "4K",
    ] {
        let file = folder.join(std::fs::read_dir(&folder).unwrap().count().to_string());
        let _ = run(Command::new("fallocate").args(["-l", size]).arg(file));
    }
    let more = std::fs::write(folder.join("more"), [1; 65536]);
    assert_eq!(more.unwrap_err().kind(), std::io::ErrorKind::StorageFull);
}

#[test]
fn a_build_on_a_full_disk_leaves_nothing() {
    require!(Capability::Root);
    require!(Capability::Qemu);
    let host = LocalHost::new();
    let disk = Scratch::new(Filesystem::Ext4Plain, 4 << 30).unwrap();
    let path = disk.path().join("templates");
    let store = TemplateStore::new(&host, &path);
    let mut request = BuildRequest::new("one".parse().unwrap(), Distro::Bookworm);
    request.mirror = Some("file:///nonexistent/debian".into());
    request.security_mirror = request.mirror.clone();
    // One that is full before is told of at once.
    fill(disk.path());
    let error = build(&store, &request, &Silent, soon()).unwrap_err();
    let TemplateError::Refused(problems) = &error else {
        panic!("{error}");
    };
    assert_eq!(problems[0].code, "vm.template-room");
    assert!(!path.exists());

    std::fs::remove_dir_all(disk.path().join("filler")).unwrap();
    let error = build(&store, &request, &Filling(disk.path()), soon()).unwrap_err();
    assert!(error.to_string().contains("No space left"), "{error}");
    assert_eq!(std::fs::read_dir(&path).unwrap().count(), 0);
}

/// A server that has one file, and takes ranges. It breaks off the first answer in the middle.
fn serve(content: Vec<u8>) -> (u16, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for number in 0..2 {
            let (stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let head: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
            let range = head.iter().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("range").then(|| value.to_owned())
            });
            let from: usize = range
                .as_deref()
                .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-'))
                .map_or(0, |first| first.parse().unwrap());
            asked.push(range.unwrap_or_default());
            let (length, last) = (content.len(), content.len() - 1);
            let status = match from {
                0 => "200 OK".to_owned(),
                _ => format!("206 Partial\r\nContent-Range: bytes {from}-{last}/{length}"),
            };
            let rest = &content[from..];
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n",
                rest.len()
            );
            let sent = if number == 0 {
                rest.len() / 2
            } else {
                rest.len()
            };
            (&stream).write_all(head.as_bytes()).unwrap();
            (&stream).write_all(&rest[..sent]).unwrap();
        }
        asked
    });
    (port, thread)
}

#[test]
fn an_image_is_fetched_and_compared() {
    require!(Capability::Root);
    require!(Capability::Qemu);
    let host = LocalHost::new();
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    let tool = QemuImg::new(&host, soon());
    tool.create(&image, ImageFormat::Qcow2, ByteSize::from_mib(8))
        .unwrap();
    let sum = run(Command::new("sha512sum").arg(&image)).unwrap();
    let sum = format!("sha512:{}", sum.split_whitespace().next().unwrap());
    let store = TemplateStore::new(&host, folder.path().join("store"));
    let (port, server) = serve(std::fs::read(&image).unwrap());
    let mut request = FetchRequest {
        name: "cloud".parse().unwrap(),
        tags: vec!["test".into()],
        from: format!("http://127.0.0.1:{port}/image"),
        checksum: None,
    };
    let error = fetch(&store, &request, soon()).unwrap_err();
    assert!(matches!(&error, TemplateError::Refused(problems) if problems[0].field == "checksum"));
    request.checksum = Some(sum.clone());
    let error = fetch(&store, &request, soon()).unwrap_err();
    assert_eq!(error.code(), "vm.template-download", "{error}");
    assert!(store.list().unwrap().is_empty());
    let template = fetch(&store, &request, soon()).unwrap();
    let asked = server.join().unwrap();
    assert_eq!(asked[0], "");
    assert!(asked[1].starts_with("bytes="), "it goes on: {asked:?}");
    assert_eq!(template.record.size_bytes, 8 << 20);
    // Nothing starts from an empty disk.
    let check = boots(
        &store,
        &request.name,
        Deadline::after(Duration::from_secs(5)),
    )
    .unwrap();
    assert_eq!(check.verdict, Verdict::Bad);
    assert_eq!(check.code.as_deref(), Some("vm.template-boot"));
    let left = std::fs::read_dir(store.path()).unwrap().count();
    assert_eq!(left, 1, "nothing but the template is in the store");

    request.name = "other".parse().unwrap();
    request.from = image.display().to_string();
    request.checksum = Some(format!("sha256:{}", "0".repeat(64)));
    let error = fetch(&store, &request, soon()).unwrap_err();
    assert_eq!(error.code(), "vm.template-checksum");
    // A layer over another file is refused, whatever its checksum.
    let layer = folder.path().join("layer");
    tool.overlay(&layer, &image, ImageFormat::Qcow2, None)
        .unwrap();
    let sum = run(Command::new("sha256sum").arg(&layer)).unwrap();
    request.from = layer.display().to_string();
    request.checksum = Some(format!("sha256:{}", sum.split_whitespace().next().unwrap()));
    let error = fetch(&store, &request, soon()).unwrap_err();
    assert_eq!(error.code(), "vm.image-backing");
    assert_eq!(store.list().unwrap().len(), 1);
}

#[test]
fn images_are_made_and_chains_are_held_to_what_was_said() {
    require!(Capability::Qemu);
    let host = LocalHost::new();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let image = QemuImg::new(&host, soon());
    let (qcow2, raw) = (ImageFormat::Qcow2, ImageFormat::Raw);
    let mib = ByteSize::from_mib;
    let (base, middle, top): (PathBuf, PathBuf, PathBuf) = (path("base"), path("mid"), path("top"));
    image.create(&base, qcow2, mib(16)).unwrap();
    image.overlay(&middle, &base, qcow2, None).unwrap();
    image.overlay(&top, &middle, qcow2, Some(mib(32))).unwrap();

    let chain = image.chain(&top, &[middle.clone(), base.clone()]).unwrap();
    let sizes: Vec<u64> = chain
        .iter()
        .map(|info| info.virtual_size_bytes >> 20)
        .collect();
    assert_eq!(sizes, [32, 16, 16]);
    assert!(image.check(&top).unwrap().is_sound());
    assert!(matches!(
        image.chain(&top, std::slice::from_ref(&base)),
        Err(ImageError::UnexpectedBacking { .. })
    ));
    assert!(matches!(
        image.chain(&middle, &[base.clone(), top.clone()]),
        Err(ImageError::BackingMissing { .. })
    ));
    assert!(matches!(
        image.overlay(&path("small"), &base, qcow2, Some(mib(8))),
        Err(ImageError::WouldShrink { .. })
    ));
    assert!(!path("small").exists());

    image.resize(&top, qcow2, mib(64)).unwrap();
    let whole = path("whole");
    let refused = image.convert((&top, qcow2), (&whole, raw), None, false);
    assert!(matches!(refused, Err(ImageError::UnexpectedBacking { .. })));
    image
        .convert((&top, qcow2), (&whole, raw), Some(&middle), false)
        .unwrap();
    assert_eq!(std::fs::metadata(&whole).unwrap().len(), 64 << 20);
    assert!(matches!(
        image.expect(&whole, None),
        Err(ImageError::WrongFormat { .. })
    ));

    let outside = path("outside");
    let create = ["create", "-q", "-f", "qcow2", "-o"];
    let data = format!("data_file={},data_file_raw=on", path("data").display());
    run(Command::new("qemu-img")
        .args(create)
        .arg(data)
        .arg(&outside)
        .arg("1M"))
    .unwrap();
    assert!(matches!(
        image.expect(&outside, None),
        Err(ImageError::Foreign { .. })
    ));
    let relative = image.create(Path::new("nbd:localhost"), raw, mib(1));
    assert!(matches!(relative, Err(ImageError::NotAbsolute(_))));
}

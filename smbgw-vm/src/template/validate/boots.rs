//! Whether a machine really starts from a template: once under QEMU, without acceleration and without a network.
//!
//! The machine is told by a seed to look whether smbd runs, to write a word to its serial port, and to turn itself
//! off, so that firmware, boot loader, kernel, systemd, cloud-init with NoCloud and Samba are all proven.

use std::path::Path;

use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Command, CommandError, Host};

use super::{TemplateCheck, TemplateReport, Verdict, validate};
use crate::cloudinit::{Argv, Documents, GuestName, InstanceId, WriteFile};
use crate::code::Code;
use crate::image::{ImageFormat, QemuImg};
use crate::seed;
use crate::template::error::TemplateError;
use crate::template::name::TemplateName;
use crate::template::store::TemplateStore;

const CHECK: &str = "boots";

/// How much of what the machine wrote is told, in characters.
const TAIL: usize = 1000;

/// The memory of the machine in MiB.
const MEMORY: &str = "512";

/// Starts a machine from a template and waits until it has turned itself off. This takes a minute or more of
/// processor time; the deadline decides how long is waited.
///
/// # Errors
/// Where there is no such template, or the machine cannot be made ready.
pub fn boots(
    store: &TemplateStore<'_>,
    name: &TemplateName,
    deadline: Deadline,
) -> Result<TemplateCheck, TemplateError> {
    let _lock = store.lock(name, "start a template", deadline)?;
    let template = store.show(name)?;
    let work = store.begin(name)?;
    let tried = attempt(store.host(), &template.disk(), &work, deadline);
    store.clean(name)?;
    tried
}

/// Looks a template over, and starts a machine from it where nothing bad was found: that is one check more.
///
/// # Errors
/// As those of [`validate`] and [`boots`].
pub fn try_out(
    store: &TemplateStore<'_>,
    name: &TemplateName,
    deadline: Deadline,
) -> Result<TemplateReport, TemplateError> {
    let mut report = validate(store, name, deadline)?;
    let started = match report.is_usable() {
        true => boots(store, name, deadline)?,
        false => TemplateCheck {
            verdict: Verdict::Unknown,
            ..TemplateCheck::good(CHECK, "not tried, as something is wrong with the disk")
        },
    };
    report.checks.push(started);
    Ok(report)
}

fn attempt(
    host: &dyn Host,
    disk: &Path,
    work: &Path,
    deadline: Deadline,
) -> Result<TemplateCheck, TemplateError> {
    let image = QemuImg::new(host, deadline);
    image.expect(disk, None)?;
    let (layer, seed, console) = (work.join("layer"), work.join("seed"), work.join("console"));
    image.overlay(&layer, disk, ImageFormat::Qcow2, None)?;
    let Some((word, content)) = what_it_is_told() else {
        return Ok(TemplateCheck {
            verdict: Verdict::Unknown,
            ..TemplateCheck::good(CHECK, "the documents for the machine could not be made")
        });
    };
    host.write(&seed, &content, 0o600)?;
    let ended = host.run(&command(&layer, &seed, &console, deadline), deadline);
    let written = host.read(&console)?.unwrap_or_default();
    // What moves the cursor of a terminal or colours it says nothing here.
    let mut written = String::from_utf8_lossy(&written).into_owned();
    written.retain(|c| c == '\n' || !c.is_control());
    let bad = |what: &str| {
        let start = written
            .char_indices()
            .rev()
            .nth(TAIL)
            .map_or(0, |(at, _)| at);
        let message = format!(
            "{what}; the end of its console: {}",
            written[start..].trim()
        );
        TemplateCheck::found(CHECK, Verdict::Bad, Code::TemplateBoot, message)
    };
    Ok(match ended {
        Ok(_) if written.contains(&word) => TemplateCheck::good(
            CHECK,
            "a machine started, and cloud-init and smbd worked in it",
        ),
        Ok(_) => bad("the machine ended before cloud-init had done what it was told"),
        Err(CommandError::TimedOut { after, .. }) => bad(&format!(
            "the machine had not done its work after {} s",
            after.as_secs()
        )),
        Err(error) => return Err(error.into()),
    })
}

/// A word that nobody else writes, and the seed that has the machine write it.
fn what_it_is_told() -> Option<(String, Vec<u8>)> {
    let name: GuestName = "template".parse().ok()?;
    let instance = InstanceId::random(&name).ok()?;
    let word = format!("works-{}", instance.as_str());
    let mut documents = Documents::new(instance, name);
    let told = &mut documents.user_data;
    let path = "/run/smbgw-word".parse().ok()?;
    told.write_files
        .push(WriteFile::new(path, format!("{word}\n")));
    let commands: [&[&str]; 3] = [
        &["systemctl", "is-active", "smbd"],
        &["dd", "if=/run/smbgw-word", "of=/dev/ttyS0"],
        &["systemctl", "poweroff"],
    ];
    for words in commands {
        told.runcmd.push(Argv::new(words.iter().copied()).ok()?);
    }
    Some((word, seed::image(&documents.render()).ok()?))
}

fn command(layer: &Path, seed: &Path, console: &Path, deadline: Deadline) -> Command {
    let path = |path: &Path| path.display().to_string().replace(',', ",,");
    Command::new("qemu-system-x86_64")
        .args(["-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "qemu64"])
        .args([
            "-smp",
            "2",
            "-m",
            MEMORY,
            "-nodefaults",
            "-display",
            "none",
            "-no-reboot",
        ])
        .args(["-serial", &format!("file:{}", path(console))])
        .args(["-device", "virtio-rng-pci"])
        .args([
            "-drive",
            &format!("if=virtio,format=qcow2,cache=unsafe,file={}", path(layer)),
        ])
        .args([
            "-drive",
            &format!("if=virtio,format=raw,readonly=on,file={}", path(seed)),
        ])
        .timeout(deadline.remaining())
}

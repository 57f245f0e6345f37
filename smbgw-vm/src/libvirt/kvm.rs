//! Whether machines can be run by the processor itself, found out by doing it.

use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use smbgw_core::deadline::Deadline;

use super::call::About;
use super::{LibvirtError, Name, Virsh};
use crate::domain_xml::tree::Element;

/// How often it is looked whether the kernel has said something.
const PAUSE: Duration = Duration::from_millis(200);

/// How long ending the trial machine may take.
const END: Duration = Duration::from_secs(20);

/// What a kernel says when it has come as far as it can without a root.
const SIGNS: [&str; 2] = ["Unable to mount root fs", "No working init found"];

/// A trial of KVM: a kernel without a root is started by it.
///
/// `/dev/kvm` proves nothing: in a virtual machine it may be there, take everything, and fail at the first
/// register that a kernel asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KvmProbe {
    /// The name of the trial machine, which is never defined and is gone after the trial.
    pub name: Name,
    /// A Linux kernel on the machine of libvirt.
    pub kernel: PathBuf,
    /// A file there that the kernel's messages are written to; it is removed after the trial.
    pub console: PathBuf,
    /// How long the kernel may take.
    pub patience: Duration,
}

/// What came of a trial of KVM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum KvmVerdict {
    /// The kernel ran.
    Usable,
    /// It did not.
    Unusable {
        /// Why.
        why: String,
    },
}

impl Virsh<'_> {
    /// Starts a kernel by KVM, and says whether it ran.
    ///
    /// # Errors
    /// Where libvirt cannot be asked, or the trial machine cannot be taken away again. That it cannot be started is
    /// a verdict.
    pub fn try_kvm(&self, probe: &KvmProbe) -> Result<KvmVerdict, LibvirtError> {
        if !self.machine_types()?.has_kvm_device {
            let why = "libvirt has no device for KVM".to_owned();
            return Ok(KvmVerdict::Unusable { why });
        }
        let about = About::domain(probe.name.as_str());
        let words = ["create", "--file=/dev/stdin"];
        match self.feed(about, words, probe.xml().into_bytes()) {
            Ok(_) => {}
            Err(LibvirtError::Command(error)) if !error.stderr().is_empty() => {
                self.host.remove(&probe.console)?;
                let why = error.stderr().to_owned();
                return Ok(KvmVerdict::Unusable { why });
            }
            Err(error) => return Err(error),
        }
        let verdict = self.watch(probe);
        // Whatever came of it, it may not stay.
        let ended = self.until(Deadline::after(END)).power_off(&probe.name);
        let removed = self.host.remove(&probe.console);
        match ended {
            Err(error) if !error.is_missing() => return Err(error),
            _ => removed?,
        };
        verdict
    }

    fn watch(&self, probe: &KvmProbe) -> Result<KvmVerdict, LibvirtError> {
        let limit = self.deadline.at_most(probe.patience);
        loop {
            let said = self.host.read(&probe.console)?.unwrap_or_default();
            let said = String::from_utf8_lossy(&said);
            if SIGNS.iter().any(|sign| said.contains(sign)) {
                return Ok(KvmVerdict::Usable);
            }
            let state = self.state(&probe.name);
            let why = match state {
                Ok(super::DomainState::Running) if !limit.has_passed() => {
                    sleep(PAUSE.min(limit.remaining()));
                    continue;
                }
                Ok(super::DomainState::Running) => format!(
                    "after {} s a kernel had not got as far as to look for its root",
                    probe.patience.as_secs()
                ),
                Ok(state) => format!("a kernel was stopped at once: {state:?}").to_lowercase(),
                Err(error) if error.is_missing() => "a kernel ended at once".to_owned(),
                Err(error) => return Err(error),
            };
            return Ok(KvmVerdict::Unusable {
                why: with_last_line(why, &said),
            });
        }
    }
}

impl KvmProbe {
    fn xml(&self) -> String {
        let text = |path: &PathBuf| path.to_string_lossy().into_owned();
        let kind = Element::new("type")
            .with("arch", "x86_64")
            .with("machine", "pc")
            .with_text("hvm");
        let os = Element::new("os").with_children([
            kind,
            Element::new("kernel").with_text(&text(&self.kernel)),
            Element::new("cmdline").with_text("console=ttyS0 panic=0"),
        ]);
        let console = Element::new("serial").with("type", "file").with_children([
            Element::new("source").with("path", &text(&self.console)),
            Element::new("target").with("port", "0"),
        ]);
        let devices = Element::new("devices")
            .with_children([console, Element::new("memballoon").with("model", "none")]);
        Element::new("domain")
            .with("type", "kvm")
            .with_child(Element::new("name").with_text(self.name.as_str()))
            .with_child(Element::new("memory").with("unit", "MiB").with_text("256"))
            .with_child(Element::new("vcpu").with_text("1"))
            .with_child(os)
            .with_child(Element::new("features").with_child(Element::new("acpi")))
            .with_child(Element::new("cpu").with("mode", "host-model"))
            .with_child(Element::new("on_reboot").with_text("destroy"))
            .with_child(Element::new("on_crash").with_text("destroy"))
            .with_child(devices)
            .to_indented_text()
    }
}

fn with_last_line(why: String, said: &str) -> String {
    let plain = |c: char| !c.is_control();
    match said.lines().rev().find(|line| !line.trim().is_empty()) {
        None => format!("{why}, and it said nothing"),
        Some(line) => {
            let line: String = line.chars().filter(|c| plain(*c)).take(200).collect();
            format!("{why}; the last that it said is `{}`", line.trim())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain_xml::{Domain, Virtualization};

    #[test]
    fn the_trial_machine_can_be_read() {
        let probe = KvmProbe {
            name: "probe".parse().unwrap(),
            kernel: "/boot/vm & linuz".into(),
            console: "/run/probe.log".into(),
            patience: Duration::from_secs(10),
        };
        let domain = Domain::parse(&probe.xml()).unwrap();
        assert_eq!(domain.virtualization, Virtualization::Kvm);
        assert_eq!(domain.name, "probe");
        assert!(probe.xml().contains("/boot/vm &amp; linuz"));
    }

    #[test]
    fn the_last_words_are_in_the_verdict() {
        let why = |said: &str| with_last_line("no".to_owned(), said);
        assert_eq!(why(""), "no, and it said nothing");
        let said = "one\n\u{1b}[2Jtwo\r\n\n";
        assert_eq!(why(said), "no; the last that it said is `[2Jtwo`");
    }
}

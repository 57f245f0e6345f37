//! Virtual machines: listed, defined, started and stopped.

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;

use super::call::{About, names};
use super::{LibvirtError, Name, ObjectKind, OurDomain, Virsh};
use crate::domain_xml::Domain;

/// Where the XML comes from that `virsh` reads.
const STDIN: &str = "--file=/dev/stdin";

/// What a virtual machine does (virsh(1), `list`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DomainState {
    /// It runs, or waits for something to do.
    Running,
    /// It was stopped in the midst of what it did.
    Paused,
    /// It is about to end.
    ShuttingDown,
    /// It does not run.
    Off,
    /// It ended by a fault.
    Crashed,
    /// It sleeps.
    Suspended,
}

impl DomainState {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "running" | "idle" | "no state" => Self::Running,
            "paused" => Self::Paused,
            "in shutdown" => Self::ShuttingDown,
            "shut off" => Self::Off,
            "crashed" => Self::Crashed,
            "pmsuspended" => Self::Suspended,
            _ => return None,
        })
    }

    /// Whether there is no process for it.
    pub fn is_off(self) -> bool {
        matches!(self, Self::Off | Self::Crashed)
    }
}

impl Virsh<'_> {
    /// The names of all machines, whether they run or not.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn domains(&self) -> Result<Vec<String>, LibvirtError> {
        self.ask(None, ["list", "--all", "--name"])
            .map(|said| names(&said))
    }

    /// What a machine does.
    ///
    /// # Errors
    /// [`LibvirtError::Missing`] where there is no such machine.
    pub fn state(&self, name: &Name) -> Result<DomainState, LibvirtError> {
        let said = self.of(name, "domstate", &[])?;
        let state = DomainState::parse(said.trim());
        state.ok_or_else(|| self.unexpected("domstate", &said))
    }

    /// The XML of a machine as it is started, with all its secrets: what [`redefine`](Self::redefine) takes.
    ///
    /// # Errors
    /// [`LibvirtError::Missing`] where there is no such machine.
    pub fn xml(&self, name: &Name) -> Result<String, LibvirtError> {
        self.of(name, "dumpxml", &["--inactive", "--security-info"])
    }

    /// A machine as it is now: while it runs with the images below its disks, and whether the agent listens.
    ///
    /// # Errors
    /// [`LibvirtError::Missing`] where there is no such machine.
    pub fn domain(&self, name: &Name) -> Result<Domain, LibvirtError> {
        Ok(Domain::parse(&self.of(name, "dumpxml", &[])?)?)
    }

    /// Defines a new machine, which libvirt checks against its schema. One that is there is never changed.
    ///
    /// # Errors
    /// [`LibvirtError::Exists`] where there is a machine of that name; what libvirt says of the XML.
    pub fn define(&self, xml: &str) -> Result<(), LibvirtError> {
        let domain = Domain::parse(xml)?;
        if domain.uuid.is_some() {
            // By its UUID it would replace the machine that has it.
            return Err(crate::domain_xml::XmlError::Value {
                what: "uuid".into(),
                value: domain.uuid.unwrap_or_default(),
            }
            .into());
        }
        self.define_any(&domain.name, xml)
    }

    /// Replaces the XML of a machine that is ours by an edited one. A machine that runs has the change when it is
    /// started again.
    ///
    /// # Errors
    /// [`LibvirtError::NotOurs`] where the XML is of another machine, or has lost our mark.
    pub fn redefine(&self, ours: &OurDomain, xml: &str) -> Result<(), LibvirtError> {
        let domain = Domain::parse(xml)?;
        let same = domain.uuid.as_deref() == Some(ours.uuid())
            && domain.name == ours.name().as_str()
            && domain.mark.as_ref() == Some(ours.mark());
        if !same {
            return Err(LibvirtError::NotOurs {
                name: domain.name,
                wanted: ours.mark().clone(),
            });
        }
        self.define_any(&domain.name, xml)
    }

    /// Starts a machine; [`Change::Unchanged`] where it runs.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn start(&self, name: &Name) -> Result<Change, LibvirtError> {
        changed(self.of(name, "start", &[]), |error| {
            matches!(error, LibvirtError::Running { .. })
        })
    }

    /// Asks a machine to end, and does not wait until it has: by its agent or its power button.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn shut_down(&self, name: &Name) -> Result<Change, LibvirtError> {
        changed(self.of(name, "shutdown", &[]), is_off)
    }

    /// Ends a machine as if its power was cut.
    ///
    /// # Errors
    /// Where it cannot be ended.
    pub fn power_off(&self, name: &Name) -> Result<Change, LibvirtError> {
        changed(self.of(name, "destroy", &[]), is_off)
    }

    /// Whether a machine starts with the machine of libvirt.
    ///
    /// # Errors
    /// [`LibvirtError::Missing`] where there is no such machine.
    pub fn set_autostart(&self, name: &Name, starts: bool) -> Result<(), LibvirtError> {
        let off: &[&str] = if starts { &[] } else { &["--disable"] };
        self.of(name, "autostart", off).map(drop)
    }

    /// Proof that a machine has this mark.
    ///
    /// # Errors
    /// [`LibvirtError::NotOurs`] where it has another or none, [`LibvirtError::Missing`] where there is none.
    pub fn prove(
        &self,
        name: &Name,
        mark: &crate::domain_xml::Mark,
    ) -> Result<OurDomain, LibvirtError> {
        OurDomain::check(name, mark, &Domain::parse(&self.xml(name)?)?)
    }

    /// Takes a machine away that is ours and does not run, with the variables of its firmware. Its disks stay.
    ///
    /// # Errors
    /// [`LibvirtError::Running`] where it runs: libvirt would let it go on until its end, known to nobody.
    pub fn undefine(&self, ours: OurDomain) -> Result<(), LibvirtError> {
        if !self.state(ours.name())?.is_off() {
            return Err(LibvirtError::Running {
                kind: ObjectKind::Domain,
                name: ours.name().to_string(),
            });
        }
        // By its UUID: a machine that has taken its name meanwhile is another one.
        let domain = format!("--domain={}", ours.uuid());
        let words = ["undefine".to_owned(), domain, "--nvram".to_owned()];
        self.ask(About::domain(ours.name().as_str()), words)
            .map(drop)
    }

    /// What a subcommand for one machine prints.
    pub(super) fn of(
        &self,
        name: &Name,
        word: &str,
        more: &[&str],
    ) -> Result<String, LibvirtError> {
        let words = [word.to_owned(), format!("--domain={name}")];
        let more = more.iter().map(|word| (*word).to_owned());
        self.ask(About::domain(name.as_str()), words.into_iter().chain(more))
    }

    fn define_any(&self, name: &str, xml: &str) -> Result<(), LibvirtError> {
        let words = ["define", STDIN, "--validate"];
        let content = xml.as_bytes().to_vec();
        self.feed(About::domain(name), words, content).map(drop)
    }
}

fn is_off(error: &LibvirtError) -> bool {
    matches!(error, LibvirtError::NotRunning { .. })
}

/// What came of a command that has nothing to do where it fails with an error that `is_done`.
pub(super) fn changed(
    result: Result<String, LibvirtError>,
    is_done: impl Fn(&LibvirtError) -> bool,
) -> Result<Change, LibvirtError> {
    match result {
        Ok(_) => Ok(Change::Updated),
        Err(error) if is_done(&error) => Ok(Change::Unchanged),
        Err(error) => Err(error),
    }
}

//! Proof that a machine is ours.

use super::{LibvirtError, Name};
use crate::domain_xml::{Domain, Mark};

/// Proof that a machine has the mark of the run that made it.
///
/// Only [`Virsh::prove`](super::Virsh::prove) makes one, by a look at the machine, and taking the machine away
/// uses it up. It names the machine by its UUID too, which no later machine of the same name has.
#[derive(Debug)]
pub struct OurDomain {
    name: Name,
    uuid: String,
    mark: Mark,
}

impl OurDomain {
    pub(super) fn check(name: &Name, mark: &Mark, domain: &Domain) -> Result<Self, LibvirtError> {
        match (&domain.mark, &domain.uuid) {
            (Some(found), Some(uuid)) if found == mark && domain.name == name.as_str() => {
                Ok(Self {
                    name: name.clone(),
                    uuid: uuid.clone(),
                    mark: mark.clone(),
                })
            }
            _ => Err(LibvirtError::NotOurs {
                name: name.to_string(),
                wanted: mark.clone(),
            }),
        }
    }

    /// The name of the machine.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Its UUID.
    pub fn uuid(&self) -> &str {
        &self.uuid
    }

    /// Its mark.
    pub fn mark(&self) -> &Mark {
        &self.mark
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_mark_is_proof() {
        let mark = |share: &str, run: &str| Mark {
            share: share.into(),
            run: run.into(),
        };
        let name: Name = "a".parse().unwrap();
        let check = |found: &str, uuid: &str| {
            let xml = format!(
                "<domain type='kvm'><name>a</name>{uuid}<memory>1</memory><metadata>{found}</metadata></domain>"
            );
            OurDomain::check(&name, &mark("s", "1"), &Domain::parse(&xml).unwrap())
        };
        let ours = "<x:machine xmlns:x='urn:smbgw:vm:1' share='s' run='1'/>";
        let uuid = "<uuid>u</uuid>";
        assert_eq!(check(ours, uuid).unwrap().uuid(), "u");
        for (found, uuid) in [
            ("", uuid),
            (ours, ""),
            (&ours.replace("run='1'", "run='2'"), uuid),
            (&ours.replace("share='s'", "share='t'"), uuid),
            (&ours.replace("urn:smbgw:vm:1", "urn:else"), uuid),
        ] {
            let error = check(found, uuid).unwrap_err();
            assert!(
                matches!(error, LibvirtError::NotOurs { .. }),
                "{found}: {error}"
            );
        }
    }
}

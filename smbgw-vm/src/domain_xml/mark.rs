//! The mark of machines that are ours.

use serde::{Deserialize, Serialize};

use super::tree::Element;

/// The namespace of what we write into `metadata` of a machine. libvirt keeps it there unread.
pub const NAMESPACE: &str = "urn:smbgw:vm:1";

const PREFIX: &str = "xmlns:smbgw";

/// Which share a machine is for, and which run of ours made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Mark {
    /// The share, by its name.
    pub share: String,
    /// The run, by a text that no other run has.
    pub run: String,
}

impl Mark {
    /// The element that is in `metadata`.
    pub(crate) fn element(&self) -> Element {
        Element::new("smbgw:machine")
            .with(PREFIX, NAMESPACE)
            .with("share", &self.share)
            .with("run", &self.run)
    }

    /// The mark in a `domain`. One that is not whole is none.
    pub(crate) fn of(domain: &Element) -> Option<Self> {
        let metadata = domain.at(&["metadata"])?;
        let at = position(domain, metadata)?;
        let found = metadata.elements().nth(at)?;
        Some(Self {
            share: found.attribute("share")?,
            run: found.attribute("run")?,
        })
    }

    /// The element of the mark in a `domain`, whole or not, to be changed.
    pub(crate) fn element_in(domain: &mut Element) -> Option<&mut Element> {
        let at = position(domain, domain.at(&["metadata"])?)?;
        domain.child_mut("metadata")?.elements_mut().nth(at)
    }
}

/// Which of the elements of `metadata` is ours.
fn position(domain: &Element, metadata: &Element) -> Option<usize> {
    metadata.elements().position(|element| {
        let scopes = [element, metadata, domain];
        element.local_name() == "machine" && namespace(&scopes).as_deref() == Some(NAMESPACE)
    })
}

/// The namespace of the first of `scopes`, which are in each other, the innermost first.
fn namespace(scopes: &[&Element]) -> Option<String> {
    let name = scopes.first()?.name();
    let declared = match name.split_once(':') {
        Some((prefix, _)) => format!("xmlns:{prefix}"),
        None => "xmlns".to_owned(),
    };
    scopes.iter().find_map(|scope| scope.attribute(&declared))
}

#[cfg(test)]
mod tests {
    use super::super::tree::Document;
    use super::*;

    fn mark_of(xml: &str) -> Option<Mark> {
        Mark::of(&Document::parse(xml, "domain").unwrap().root)
    }

    #[test]
    fn it_counts_by_its_namespace_and_not_by_its_prefix() {
        let ours = Some(Mark {
            share: "a & b".into(),
            run: "7".into(),
        });
        let body = "share='a &amp; b' run='7'/></metadata></domain>";
        for start in [
            "<domain><metadata><s:machine xmlns:s='urn:smbgw:vm:1' ",
            "<domain xmlns:x='urn:smbgw:vm:1'><metadata><x:machine ",
            "<domain><metadata xmlns='urn:smbgw:vm:1'><machine ",
        ] {
            assert_eq!(mark_of(&format!("{start}{body}")), ours, "{start}");
        }
        for start in [
            "<domain><metadata><smbgw:machine xmlns:smbgw='urn:other' ",
            "<domain><metadata><smbgw:machine ",
            "<domain><metadata><machine ",
            "<domain><metadata><s:engine xmlns:s='urn:smbgw:vm:1' ",
        ] {
            assert_eq!(mark_of(&format!("{start}{body}")), None, "{start}");
        }
    }

    #[test]
    fn half_a_mark_is_none() {
        let with = |attributes: &str| {
            mark_of(&format!(
                "<domain><metadata><s:machine xmlns:s='urn:smbgw:vm:1' {attributes}/></metadata></domain>"
            ))
        };
        assert_eq!(with("share='a'"), None);
        assert_eq!(with("run='a'"), None);
        assert!(with("share='a' run='b'").is_some());
    }
}

//! The mark by which a guest is known as ours, whatever its number is.

use std::io;

use super::config::GuestConfig;
use crate::vmid::Vmid;

/// What stands before the mark in the description of a guest.
const LABEL: &str = "smbgw-mark:";

super::name::names! {
    /// 128 random bits that a guest carries in its description, as 32 hexadecimal digits.
    ///
    /// It is made and written down before the guest is. A number says nothing of who made a guest: it is given anew
    /// as soon as it is free.
    Mark: "a mark",
        "32 hexadecimal digits in small letters",
        |text| text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
}

impl Mark {
    /// A mark that no other guest has.
    ///
    /// # Errors
    /// Where the system has no random numbers.
    pub fn new() -> io::Result<Self> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        Ok(Self(
            bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        ))
    }

    /// The description of a guest that says `about` to people and has this mark at its end.
    pub fn description(&self, about: &str) -> String {
        match about.trim_end() {
            "" => format!("{LABEL} {self}"),
            about => format!("{about}\n\n{LABEL} {self}"),
        }
    }

    /// The mark in `description`, where there is just one.
    pub fn find(description: &str) -> Option<Self> {
        let mut found = description
            .lines()
            .filter_map(|line| line.trim().strip_prefix(LABEL));
        let mark = found.next()?.trim().parse().ok()?;
        found.next().is_none().then_some(mark)
    }
}

/// Proof that a guest has our mark: it was looked at, and is what was made.
///
/// Only [`Proxmox::ours`](super::Proxmox::ours) makes one. What cannot be taken back uses it up, so that each
/// such thing has a look of its own before it.
#[derive(Debug)]
pub struct Ours {
    vmid: Vmid,
    mark: Mark,
}

impl Ours {
    /// Proof that `config` of the guest `vmid` has `mark`.
    pub(super) fn check(vmid: Vmid, config: &GuestConfig, mark: &Mark) -> Option<Self> {
        let found = Mark::find(config.description()?)?;
        (found == *mark).then_some(Self { vmid, mark: found })
    }

    /// The number of the guest.
    pub fn vmid(&self) -> Vmid {
        self.vmid
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
    fn a_description_gives_its_mark_back() {
        let mark = Mark::new().unwrap();
        assert_ne!(mark, Mark::new().unwrap());
        for about in ["", "Serves the share vault.\n", "one\ntwo"] {
            let description = mark.description(about);
            assert_eq!(
                Mark::find(&description),
                Some(mark.clone()),
                "{description}"
            );
            // Proxmox VE ends a description with a line feed.
            assert_eq!(Mark::find(&(description + "\n")), Some(mark.clone()));
        }
    }

    #[test]
    fn what_is_no_mark_or_two_is_none() {
        let mark = Mark::new().unwrap();
        let text = mark.description("");
        for none in [
            "",
            "smbgw-mark:",
            "smbgw-mark: abc",
            "by the way: smbgw-mark: 0",
        ] {
            assert_eq!(Mark::find(none), None, "{none}");
        }
        assert_eq!(Mark::find(&format!("{text}\n{text}")), None);
        assert_eq!(Mark::find(&text.to_uppercase()), None);
    }

    #[test]
    fn only_a_guest_with_the_same_mark_is_ours() {
        let (mark, other) = (Mark::new().unwrap(), Mark::new().unwrap());
        let of = |description: &str| {
            let value = serde_json::json!({ "description": description });
            GuestConfig::read(&value).unwrap()
        };
        let vmid = Vmid::FIRST;
        assert!(Ours::check(vmid, &of(&mark.description("")), &mark).is_some());
        assert!(Ours::check(vmid, &of(&other.description("")), &mark).is_none());
        assert!(Ours::check(vmid, &of("somebody's"), &mark).is_none());
        let bare = GuestConfig::read(&serde_json::json!({})).unwrap();
        assert!(Ours::check(vmid, &bare, &mark).is_none());
    }
}

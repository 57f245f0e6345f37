//! Attaching inserts and nothing else, and detaching takes the same bytes out.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smbgw_core::smbconf::include::{self, Attachment, Edit, IncludePath};
use smbgw_core::smbconf::lex::{self, Item};
use smbgw_core::smbconf::names;

const PATH: &str = "/etc/samba/smbgw.conf";

/// The parameters and headers in order, but for an include of ours.
fn meaning(text: &[u8]) -> Vec<Item<'_>> {
    let lines = lex::parse(text).lines().to_vec();
    let items = lines.into_iter().map(|line| line.item);
    items
        .filter(|item| match item {
            Item::Blank | Item::Comment | Item::Ignored => false,
            Item::Parameter { key, value } => {
                !(names::same(key, b"include") && value.as_ref() == PATH.as_bytes())
            }
            Item::Section { .. } | Item::Malformed => true,
        })
        .collect()
}

fuzz_target!(|text: &[u8]| {
    let path = IncludePath::new(PATH).unwrap();
    let before = include::attachment(text, &path);
    match include::attach(Some(text), &path) {
        Edit::Unchanged => assert!(include::is_attached(text, &path)),
        Edit::Changed(attached) => {
            assert_eq!(include::attachment(&attached, &path), Attachment::Ours);
            assert_eq!(include::attach(Some(&attached), &path), Edit::Unchanged);
            assert_eq!(meaning(&attached), meaning(text));
            if before == Attachment::Missing {
                assert_eq!(
                    include::detach(&attached, &path),
                    Edit::Changed(text.to_vec())
                );
            }
        }
    }
    if let Edit::Changed(detached) = include::detach(text, &path) {
        assert_eq!(meaning(&detached), meaning(text));
        assert_eq!(include::detach(&detached, &path), Edit::Unchanged);
    }
});

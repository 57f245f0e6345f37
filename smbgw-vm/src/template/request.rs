//! What can be wrong with a template that is asked for, by itself.

use smbgw_core::error::Problem;
use smbgw_core::size::ByteSize;

use crate::code::Code;

/// The least disk that the packages, and a little of the guest's own, fit on.
const LEAST: ByteSize = ByteSize::from_mib(1536);

/// The largest disk, which a partition table of any kind can describe.
const MOST: ByteSize = ByteSize::from_mib(2 << 20);

/// A problem of `field` with the remedy that is known for it.
pub(super) fn invalid(field: &str, code: Code, message: impl Into<String>) -> Problem {
    Problem::invalid(field, code.as_str(), message).remedy(code.fix())
}

/// What is wrong with the size of a disk that is to be built.
pub(super) fn of_size(size: ByteSize) -> Option<Problem> {
    let fits = (LEAST..=MOST).contains(&size) && size.bytes().is_multiple_of(1 << 20);
    (!fits).then(|| {
        let message = format!(
            "a disk of {size} cannot be made: it has whole mebibytes, from {LEAST} to {MOST}"
        );
        invalid("size", Code::TemplateSize, message)
    })
}

/// What is wrong with names of packages.
pub(super) fn of_packages(packages: &[String]) -> impl Iterator<Item = Problem> {
    let wrong = packages.iter().filter(|name| !is_package(name));
    wrong.map(|name| {
        let message = format!("`{name}` is not the name of a Debian package");
        invalid("packages", Code::TemplatePackage, message)
    })
}

/// What is wrong with tags.
pub(super) fn of_tags(tags: &[String]) -> impl Iterator<Item = Problem> {
    tags.iter().filter(|tag| !is_tag(tag)).map(|tag| {
        let message =
            format!("`{tag}` is no tag: it has 1 to 63 letters, digits, `-`, `_` and `.`");
        invalid("tags", Code::TemplateTag, message)
    })
}

/// What is wrong with the address of an archive, where one is given.
pub(super) fn of_mirror(field: &str, mirror: Option<&str>) -> Option<Problem> {
    let mirror = mirror.filter(|mirror| !is_archive(mirror))?;
    let message = format!("`{mirror}` is not the address of an archive");
    Some(invalid(field, Code::TemplateMirror, message))
}

/// Debian Policy 5.6.1: small letters, digits, `+`, `-` and `.`, two at least, the first a letter or digit.
fn is_package(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() >= 2
        && name.starts_with(plain)
        && name.chars().all(|c| plain(c) || "+-.".contains(c))
}

fn is_tag(tag: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (1..=63).contains(&tag.len()) && tag.chars().all(plain)
}

/// Whether a line of sources.list(5) can have it as its address and nothing else with it.
fn is_archive(address: &str) -> bool {
    let known = ["http://", "https://", "file:///"];
    known.iter().any(|scheme| address.starts_with(scheme))
        && address
            .chars()
            .all(|c| c.is_ascii_graphic() && !"[]#\"'".contains(c))
}

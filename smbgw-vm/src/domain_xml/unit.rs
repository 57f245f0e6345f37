//! Amounts of memory and storage with a unit (libvirt's documentation: `unit` of `memory` and `capacity`).

use smbgw_core::size::ByteSize;

use super::XmlError;
use super::tree::Element;

/// The amount that an element has, in the unit that it names; `default` is that of one that names none.
pub(crate) fn amount(element: &Element, default: &str) -> Result<ByteSize, XmlError> {
    let unit = element.attribute("unit");
    let (text, unit) = (element.text(), unit.as_deref().unwrap_or(default));
    let wrong = || XmlError::value(element.name(), &format!("{text} {unit}"));
    let count: u64 = text.parse().map_err(|_| wrong())?;
    let bytes = factor(unit).and_then(|factor| count.checked_mul(factor));
    bytes.map(ByteSize::from_bytes).ok_or_else(wrong)
}

/// How many bytes a unit is. A single letter, and one with `iB`, is of 1024; one with `B` of 1000.
fn factor(unit: &str) -> Option<u64> {
    let lower = unit.to_ascii_lowercase();
    let (base, suffix): (u64, &str) = match lower.as_str() {
        "b" | "byte" | "bytes" => return Some(1),
        other => match other.get(1..)? {
            "" | "ib" => (1024, &lower[..1]),
            "b" => (1000, &lower[..1]),
            _ => return None,
        },
    };
    let power = "kmgtpe".find(suffix)?;
    base.checked_pow(u32::try_from(power).ok()? + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_those_of_libvirt() {
        for (unit, bytes) in [
            ("b", 1),
            ("bytes", 1),
            ("KiB", 1024),
            ("k", 1024),
            ("KB", 1000),
            ("MiB", 1 << 20),
            ("G", 1 << 30),
            ("TB", 1_000_000_000_000),
            ("EiB", 1 << 60),
        ] {
            assert_eq!(factor(unit), Some(bytes), "{unit}");
        }
        for unit in ["", "x", "ZiB", "KiBi", "é", "éiB"] {
            assert_eq!(factor(unit), None, "{unit}");
        }
    }

    #[test]
    fn what_is_too_much_is_no_amount() {
        let memory = |text: &str| amount(&Element::new("memory").with_text(text), "KiB");
        assert_eq!(memory("4096").unwrap(), ByteSize::from_mib(4));
        for wrong in ["18446744073709551615", "-1", "", "4 096"] {
            assert!(memory(wrong).is_err(), "{wrong}");
        }
    }
}

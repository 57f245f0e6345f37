//! Amounts of storage in bytes, read and written the way ZFS and Proxmox do.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An amount of storage in bytes.
///
/// Read from text with binary (IEC) multiples, as `zfs set quota=10G` and Proxmox's disk sizes
/// are: `10G` is 10 × 2³⁰ bytes. `10G`, `10GB`, `10GiB` and `10g` mean the same; a number without a
/// suffix counts bytes; fractions of a multiple are exact and cut to whole bytes.
///
/// ```
/// use smbgw_core::size::ByteSize;
///
/// let size: ByteSize = "1.5T".parse()?;
/// assert_eq!(size.bytes(), 1_649_267_441_664);
/// assert_eq!(size.to_string(), "1.5T");
/// # Ok::<(), smbgw_core::size::SizeError>(())
/// ```
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct ByteSize(u64);

impl ByteSize {
    /// An amount of exactly `bytes` bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// `count` × 2²⁰ bytes; the largest representable amount where that overflows.
    pub const fn from_mib(count: u64) -> Self {
        Self(count.saturating_mul(1 << 20))
    }

    /// The amount in bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

/// The size of a quota: an amount of storage that is not zero.
///
/// Zero means "no limit" to every quota system, which is never what somebody who asks for a quota
/// of zero expects; so it cannot be expressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct QuotaSize(NonZeroU64);

impl QuotaSize {
    /// The quota of `size` bytes, or `None` for zero.
    pub const fn new(size: ByteSize) -> Option<Self> {
        match NonZeroU64::new(size.0) {
            Some(bytes) => Some(Self(bytes)),
            None => None,
        }
    }

    /// The quota in bytes.
    pub const fn bytes(self) -> u64 {
        self.0.get()
    }

    /// The quota as an amount of storage.
    pub const fn size(self) -> ByteSize {
        ByteSize(self.0.get())
    }
}

/// Why a text is no size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// The text does not start with a number.
    #[error("`{0}` is not a size: write a number and a unit, such as 500M, 10G or 1.5T")]
    NotANumber(String),
    /// The number is followed by something that is no unit.
    #[error("`{unit}` in `{text}` is not a unit of size: use K, M, G, T, P or E")]
    UnknownUnit {
        /// The whole text.
        text: String,
        /// What stands where the unit belongs.
        unit: String,
    },
    /// The number is below zero.
    #[error("`{0}` is negative: a size is above zero")]
    Negative(String),
    /// The amount is 2⁶³ bytes or more, which no file system holds.
    #[error("`{0}` is too large: the limit is below 8E (2^63 bytes)")]
    TooLarge(String),
    /// The amount is zero bytes where a quota is asked for.
    #[error("a quota of `{0}` would mean no limit at all: give a size above zero")]
    Zero(String),
}

impl FromStr for ByteSize {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let trimmed = text.trim();
        if trimmed.starts_with('-') {
            return Err(SizeError::Negative(text.into()));
        }
        let split = trimmed
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(split);
        let shift = unit_shift(unit.trim_start()).ok_or_else(|| {
            if number.is_empty() {
                SizeError::NotANumber(text.into())
            } else {
                SizeError::UnknownUnit {
                    text: text.into(),
                    unit: unit.trim().into(),
                }
            }
        })?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() || fraction.contains('.') || number.ends_with('.') {
            return Err(SizeError::NotANumber(text.into()));
        }
        let too_large = || SizeError::TooLarge(text.into());
        let whole: u64 = whole.parse().map_err(|_| too_large())?;
        let scaled = u128::from(whole) << shift;
        let bytes = scaled + fraction_of(fraction, shift);
        match u64::try_from(bytes) {
            Ok(bytes) if bytes <= i64::MAX as u64 => Ok(Self(bytes)),
            _ => Err(too_large()),
        }
    }
}

impl FromStr for QuotaSize {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let size: ByteSize = text.parse()?;
        Self::new(size).ok_or_else(|| SizeError::Zero(text.into()))
    }
}

impl fmt::Display for ByteSize {
    /// The shortest text with at most two decimals; exact amounts read back as the same amount.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exponent = match self.0 {
            0 => 0,
            bytes => bytes.ilog2() / 10,
        };
        if exponent == 0 {
            return f.pad(&self.0.to_string());
        }
        let unit = 1u64 << (exponent * 10);
        let hundredths = (u128::from(self.0) * 100 + u128::from(unit) / 2) / u128::from(unit);
        let (whole, rest) = (hundredths / 100, hundredths % 100);
        let letter = UNITS[exponent as usize - 1];
        let text = match rest {
            0 => format!("{whole}{letter}"),
            rest if rest % 10 == 0 => format!("{whole}.{}{letter}", rest / 10),
            rest => format!("{whole}.{rest:02}{letter}"),
        };
        f.pad(&text)
    }
}

impl fmt::Display for QuotaSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.size().fmt(f)
    }
}

const UNITS: [char; 6] = ['K', 'M', 'G', 'T', 'P', 'E'];

/// The power of two that `unit` stands for: `""` and `"B"` 0, `"K"`, `"KB"`, `"KiB"` 10, and so on.
fn unit_shift(unit: &str) -> Option<u32> {
    let upper = unit.to_ascii_uppercase();
    if upper.is_empty() || upper == "B" {
        return Some(0);
    }
    let mut chars = upper.chars();
    let letter = chars.next()?;
    let index = UNITS.iter().position(|&known| known == letter)?;
    matches!(chars.as_str(), "" | "B" | "IB").then_some((index as u32 + 1) * 10)
}

/// The whole bytes in the decimal `digits` after the point of a number of 2^`shift` bytes.
fn fraction_of(digits: &str, shift: u32) -> u128 {
    // 18 digits are finer than one byte in 2^60 and keep the product below 2^128.
    let digits = &digits[..digits.len().min(18)];
    let value: u128 = digits.parse().unwrap_or(0);
    (value << shift) / 10u128.pow(digits.len() as u32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<u64, SizeError> {
        text.parse::<ByteSize>().map(ByteSize::bytes)
    }

    #[test]
    fn multiples_are_binary() {
        assert_eq!(parse("500M"), Ok(500 << 20));
        for same in ["10G", "10g", "10GB", "10GiB", "10 G", " 10G "] {
            assert_eq!(parse(same), Ok(10 << 30), "{same}");
        }
        assert_eq!(parse("4096"), Ok(4096));
        assert_eq!(parse("4096B"), Ok(4096));
        assert_eq!(parse("1.5K"), Ok(1536));
        assert_eq!(parse("0.001K"), Ok(1));
        assert_eq!(parse("7E"), Ok(7 << 60));
    }

    #[test]
    fn what_is_no_size_is_told_apart() {
        assert!(matches!(parse("-1G"), Err(SizeError::Negative(_))));
        assert!(matches!(parse("8E"), Err(SizeError::TooLarge(_))));
        assert!(matches!(
            parse("99999999999999999999"),
            Err(SizeError::TooLarge(_))
        ));
        assert!(matches!(parse("10X"), Err(SizeError::UnknownUnit { .. })));
        assert!(matches!(
            parse("10GiBs"),
            Err(SizeError::UnknownUnit { .. })
        ));
        for text in ["", "G", ".5G", "5.G", "1.2.3G", "ten", "+5G", "1e3"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(matches!("0".parse::<QuotaSize>(), Err(SizeError::Zero(_))));
        assert!(matches!(
            "0.0001K".parse::<QuotaSize>(),
            Err(SizeError::Zero(_))
        ));
    }

    #[test]
    fn sizes_read_well() {
        for (bytes, text) in [
            (0, "0"),
            (1023, "1023"),
            (1024, "1K"),
            (1536, "1.5K"),
            (10 << 30, "10G"),
            ((10 << 30) + (256 << 20), "10.25G"),
            (64 << 20, "64M"),
        ] {
            assert_eq!(ByteSize(bytes).to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn plain_bytes_read_back(bytes in 0..=i64::MAX as u64) {
            prop_assert_eq!(parse(&bytes.to_string()), Ok(bytes));
        }

        #[test]
        fn what_is_shown_reads_back_within_half_a_hundredth(bytes in 1..=(i64::MAX as u64 >> 1)) {
            let shown = ByteSize(bytes).to_string();
            let back = parse(&shown).unwrap();
            prop_assert!(back.abs_diff(bytes) as f64 <= bytes as f64 * 0.005 + 1.0, "{shown}");
        }

        #[test]
        fn hundredths_are_exact(count in 1u64..1000, hundredths in 0u64..100, power in 1u32..5) {
            let unit = 1u128 << (power * 10);
            let text = format!("{count}.{hundredths:02}{}", UNITS[power as usize - 1]);
            let want = (u128::from(count) * 100 + u128::from(hundredths)) * unit / 100;
            prop_assert_eq!(parse(&text).map(u128::from), Ok(want));
        }

        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = text.parse::<ByteSize>();
            let _ = text.parse::<QuotaSize>();
        }
    }
}

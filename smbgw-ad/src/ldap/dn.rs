//! Distinguished names.

use std::fmt::{self, Write};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::name::{Guid, NameError, Sid, by_text};

/// The name of an object in a directory, such as `CN=GW1,OU=Servers,DC=ad,DC=example` (RFC 4514).
///
/// Two names are equal where they differ in case only, as in Active Directory.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "String")
)]
#[serde(try_from = "String", into = "String")]
pub struct Dn(Vec<Rdn>);

/// One step of a name: usually one pair, more than one where the text has a `+`.
type Rdn = Vec<Pair>;

/// An attribute and its value.
#[derive(Clone, Debug)]
struct Pair {
    attribute: String,
    value: Value,
}

#[derive(Clone, Debug)]
enum Value {
    Text(String),
    /// BER, written as `#` and hexadecimal digits.
    Ber(Vec<u8>),
}

impl Dn {
    /// The name of the object called `attribute=value` right below this one, whatever characters
    /// `value` has.
    ///
    /// # Errors
    /// Where `attribute` is not the name of an attribute, or `value` is empty.
    pub fn child(&self, attribute: &str, value: &str) -> Result<Self, NameError> {
        let wrong = |reason| NameError::new(&format!("{attribute}={value}"), WANTED, reason);
        if !is_attribute(attribute) {
            return Err(wrong(
                "what is before the `=` is not a name of an attribute",
            ));
        }
        if value.is_empty() {
            return Err(wrong("a value is empty"));
        }
        let pair = Pair {
            attribute: attribute.to_string(),
            value: Value::Text(value.to_string()),
        };
        let mut steps = vec![vec![pair]];
        steps.extend(self.0.iter().cloned());
        Ok(Self(steps))
    }

    /// The name of what contains the object; `None` for the empty name.
    pub fn parent(&self) -> Option<Self> {
        self.0.split_first().map(|(_, rest)| Self(rest.to_vec()))
    }

    /// Whether it is the name of nothing, the root of all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the object is `other` or somewhere below it.
    pub fn is_within(&self, other: &Self) -> bool {
        let above = self.0.len().checked_sub(other.0.len());
        above.is_some_and(|above| Self(self.0[above..].to_vec()) == *other)
    }

    /// The value of the first step where it is text, such as `GW1` in `CN=GW1,DC=ad`.
    pub fn first_value(&self) -> Option<&str> {
        match &self.0.first()?.first()?.value {
            Value::Text(text) => Some(text),
            Value::Ber(_) => None,
        }
    }

    /// What equal names have in common.
    fn key(&self) -> String {
        self.to_string().to_lowercase()
    }
}

impl PartialEq for Dn {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.key() == other.key()
    }
}

impl Eq for Dn {}

impl std::hash::Hash for Dn {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl FromStr for Dn {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let wrong = |reason| NameError::new(text, WANTED, reason);
        if text.len() > MOST_TEXT {
            return Err(wrong("it is too long"));
        }
        let mut steps = vec![];
        let mut rest = text.trim_start_matches(' ');
        if rest.is_empty() {
            return Ok(Self(steps));
        }
        let mut step = vec![];
        loop {
            let (pair, separator, after) = pair(rest).map_err(wrong)?;
            step.push(pair);
            if separator != Some('+') {
                steps.push(std::mem::take(&mut step));
            }
            if separator.is_none() {
                return match steps.len() > MOST_STEPS {
                    true => Err(wrong("it has too many parts")),
                    false => Ok(Self(steps)),
                };
            }
            rest = after;
        }
    }
}

impl fmt::Display for Dn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_char(',')?;
            }
            for (index, pair) in step.iter().enumerate() {
                if index > 0 {
                    f.write_char('+')?;
                }
                write!(f, "{}=", pair.attribute)?;
                match &pair.value {
                    Value::Text(text) => escaped(f, text)?,
                    Value::Ber(bytes) => {
                        f.write_char('#')?;
                        bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                    }
                }
            }
        }
        Ok(())
    }
}

by_text!(Dn);

/// Writes a value as RFC 4514 section 2.4 has it; control characters too are written in hexadecimal.
fn escaped(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let last = text.chars().count().saturating_sub(1);
    for (index, character) in text.chars().enumerate() {
        match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' | '=' => write!(f, "\\{character}")?,
            ' ' if index == 0 || index == last => f.write_str("\\ ")?,
            '#' if index == 0 => f.write_str("\\#")?,
            '\0'..' ' | '\u{7f}' => write!(f, "\\{:02x}", u32::from(character))?,
            other => f.write_char(other)?,
        }
    }
    Ok(())
}

/// Reads one pair: what it is, the separator behind it, and what follows that.
fn pair(text: &str) -> Result<(Pair, Option<char>, &str), &'static str> {
    let (attribute, rest) = text
        .split_once('=')
        .ok_or("a part of it has no `=`, as in `OU=Servers,DC=ad,DC=example`")?;
    let attribute = attribute.trim_matches(' ');
    if !is_attribute(attribute) {
        return Err("what is before an `=` is not a name of an attribute");
    }
    let rest = rest.trim_start_matches(' ');
    let (value, rest) = match rest.strip_prefix('#') {
        Some(digits) => ber_value(digits)?,
        None => text_value(rest)?,
    };
    let mut rest = rest.chars();
    let separator = rest.next().map(|found| match found {
        ';' => ',',
        other => other,
    });
    let pair = Pair {
        attribute: attribute.to_string(),
        value,
    };
    Ok((pair, separator, rest.as_str()))
}

/// Reads `#` and hexadecimal digits up to a separator.
fn ber_value(text: &str) -> Result<(Value, &str), &'static str> {
    let end = text.find([',', ';', '+']).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let digits = digits.trim_end_matches(' ').as_bytes();
    let bytes: Option<Vec<u8>> = digits
        .chunks(2)
        .map(|two| match two {
            [high, low] => byte(*high, *low),
            _ => None,
        })
        .collect();
    match bytes {
        Some(bytes) if !bytes.is_empty() => Ok((Value::Ber(bytes), rest)),
        _ => Err("a value that begins with `#` is not hexadecimal; a name has `\\#` there"),
    }
}

/// Reads an escaped text up to a separator.
fn text_value(text: &str) -> Result<(Value, &str), &'static str> {
    let mut bytes = vec![];
    // So much of it stays where blanks at the end go.
    let mut kept = 0;
    let mut characters = text.char_indices();
    let mut end = text.len();
    while let Some((at, character)) = characters.next() {
        match character {
            ',' | ';' | '+' => {
                end = at;
                break;
            }
            '\\' => {
                let (_, next) = characters.next().ok_or("nothing follows its last `\\`")?;
                match next {
                    ' ' | '"' | '#' | '+' | ',' | ';' | '<' | '=' | '>' | '\\' => {
                        bytes.push(next as u8);
                    }
                    high => {
                        let low = characters.next().map_or('\0', |(_, low)| low);
                        let byte = u8::try_from(high)
                            .ok()
                            .zip(u8::try_from(low).ok())
                            .and_then(|(high, low)| byte(high, low))
                            .ok_or("what follows a `\\` is neither a special character nor two hexadecimal digits")?;
                        bytes.push(byte);
                    }
                }
                kept = bytes.len();
            }
            '"' | '<' | '>' | '\0' => {
                return Err("a special character in a value has no `\\` before it");
            }
            ' ' => bytes.push(b' '),
            other => {
                bytes.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes());
                kept = bytes.len();
            }
        }
    }
    bytes.truncate(kept);
    let value = String::from_utf8(bytes).map_err(|_| "a value is not UTF-8")?;
    match value.is_empty() {
        true => Err("a value is empty"),
        false => Ok((Value::Text(value), &text[end..])),
    }
}

/// The byte of two hexadecimal digits.
fn byte(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

/// RFC 4512 section 1.4: a name with letters, digits and `-`, or an object identifier.
fn is_attribute(text: &str) -> bool {
    let letter = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let number = text
        .split('.')
        .all(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
    letter || number
}

const WANTED: &str = "a distinguished name";

/// Longer than what any directory has: 64 levels of 64 characters, escaped.
const MOST_TEXT: usize = 32 * 1024;
const MOST_STEPS: usize = 256;

/// An object that a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// The root of the server (rootDSE), which is no object of a domain.
    Root,
    /// The object of that name.
    Dn(&'a Dn),
    /// The object of that GUID, wherever it was moved to (MS-ADTS 3.1.1.3.1.2.4).
    Guid(Guid),
    /// The object of that SID.
    Sid(&'a Sid),
    /// What `wellKnownObjects` of the object lists under the GUID, which is written in 32
    /// hexadecimal digits.
    WellKnown(&'static str, &'a Dn),
}

impl<'a> From<&'a Dn> for Target<'a> {
    fn from(dn: &'a Dn) -> Self {
        Self::Dn(dn)
    }
}

impl From<Guid> for Target<'_> {
    fn from(guid: Guid) -> Self {
        Self::Guid(guid)
    }
}

impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Dn(dn) => dn.fmt(f),
            Self::Guid(guid) => write!(f, "<GUID={guid}>"),
            Self::Sid(sid) => write!(f, "<SID={sid}>"),
            Self::WellKnown(guid, dn) => write!(f, "<WKGUID={guid},{dn}>"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dn(text: &str) -> Dn {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn examples_of_the_rfc_are_read() {
        // RFC 4514 section 4.
        for text in [
            "UID=jsmith,DC=example,DC=net",
            "OU=Sales+CN=J.  Smith,DC=example,DC=net",
            r#"CN=James \"Jim\" Smith\, III,DC=example,DC=net"#,
            r"CN=Before\0dAfter,DC=example,DC=net",
            "1.3.6.1.4.1.1466.0=#04024869",
            "CN=Lučić",
            "",
        ] {
            assert_eq!(dn(text).to_string(), text);
        }
        assert_eq!(dn(r"CN=Lu\C4\8Di\C4\87"), dn("CN=Lučić"));
        assert_eq!(dn("cn = a b , dc=X").to_string(), "cn=a b,dc=X");
        assert_eq!(dn(r"CN=a\ ").to_string(), r"CN=a\ ");
        assert_eq!(dn("CN=a;DC=b"), dn("CN=a,DC=b"));
    }

    #[test]
    fn wrong_names_are_refused() {
        for wrong in [
            "CN",
            "=a",
            "CN=",
            "CN=a,",
            "CN=a,,DC=b",
            ",CN=a",
            "CN=a\\",
            r"CN=a\zz",
            r"CN=\ff",
            "CN=a\"b",
            "CN=<a>",
            "CN=#",
            "CN=#0",
            "CN=#zz",
            "C N=a",
            "1.=a",
            "CN=a+",
            "CN=a\0",
            "<GUID=1>",
        ] {
            assert!(wrong.parse::<Dn>().is_err(), "{wrong}");
        }
        assert!(format!("CN={}", "a".repeat(40_000)).parse::<Dn>().is_err());
        assert!("CN=a,".repeat(300).parse::<Dn>().is_err());
    }

    #[test]
    fn hostile_values_stay_one_value() {
        let root = dn("DC=ad,DC=test");
        for (value, text) in [
            ("a,OU=b", r"OU=a\,OU\=b,DC=ad,DC=test"),
            ("a+b", r"OU=a\+b,DC=ad,DC=test"),
            ("#1", r"OU=\#1,DC=ad,DC=test"),
            (" a ", r"OU=\ a\ ,DC=ad,DC=test"),
            (" ", r"OU=\ ,DC=ad,DC=test"),
            ("\"q\"", r#"OU=\"q\",DC=ad,DC=test"#),
            ("a\0b\n", r"OU=a\00b\0a,DC=ad,DC=test"),
            (r"\2c", r"OU=\\2c,DC=ad,DC=test"),
            ("Büro <東京>", r"OU=Büro \<東京\>,DC=ad,DC=test"),
        ] {
            let name = root.child("OU", value).unwrap();
            assert_eq!(name.to_string(), text);
            let again = dn(text);
            assert_eq!(again.first_value(), Some(value));
            assert_eq!(again.parent().unwrap(), root);
        }
        assert!(root.child("OU", "").is_err());
        assert!(root.child("O=U", "a").is_err());
    }

    #[test]
    fn case_does_not_matter() {
        let below = dn("CN=GW,OU=Büro,DC=AD,DC=Test");
        assert_eq!(below, dn("cn=gw,ou=BÜRO,dc=ad,dc=test"));
        assert!(below.is_within(&dn("dc=ad,dc=test")));
        assert!(below.is_within(&below) && below.is_within(&Dn::default()));
        assert!(!below.is_within(&dn("DC=d,DC=test")));
        assert!(!dn("DC=test").is_within(&below));
        assert_ne!(dn(r"CN=a\,DC=b"), dn("CN=a,DC=b"));
    }

    #[test]
    fn objects_have_the_forms_of_active_directory() {
        let root = dn("DC=ad");
        let guid: Guid = "00112233-4455-6677-8899-aabbccddeeff".parse().unwrap();
        assert_eq!(Target::Root.to_string(), "");
        assert_eq!(Target::from(&root).to_string(), "DC=ad");
        assert_eq!(
            Target::from(guid).to_string(),
            "<GUID=00112233-4455-6677-8899-aabbccddeeff>"
        );
        assert_eq!(
            Target::WellKnown("ab", &root).to_string(),
            "<WKGUID=ab,DC=ad>"
        );
    }

    proptest! {
        #[test]
        fn any_value_goes_there_and_back(value in "\\PC{1,20}|[ #,+\"\\\\<>;=\0\n]{1,8}") {
            let name = dn("DC=ad").child("CN", &value).unwrap();
            let again: Dn = name.to_string().parse().unwrap();
            prop_assert_eq!(again.first_value(), Some(value.as_str()));
            prop_assert_eq!(again.to_string(), name.to_string());
            prop_assert_eq!(again.parent(), Some(dn("DC=ad")));
        }

        #[test]
        fn any_text_can_be_read(text in ".{0,60}|([a-c=,+#\\\\ \"]|\\\\[0-9a-f]{2}){0,40}") {
            if let Ok(name) = text.parse::<Dn>() {
                let again: Dn = name.to_string().parse().unwrap();
                prop_assert_eq!(again, name);
            }
        }
    }
}

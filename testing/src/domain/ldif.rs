//! The text form of directory entries, as far as tests need it.

use std::collections::BTreeMap;

/// One entry: its attributes, by name in lower case, each with its values. `dn` is one of them.
pub type Entry = BTreeMap<String, Vec<String>>;

/// Reads what `ldbsearch` prints. Values that are not text are left in their base64 form.
pub(super) fn parse(text: &str) -> Vec<Entry> {
    let unfolded = text.replace("\n ", "");
    let entries = unfolded.split("\n\n").map(|block| {
        let mut entry = Entry::new();
        for line in block.lines().filter(|line| !line.starts_with('#')) {
            if let Some((name, value)) = line.split_once(':') {
                let value = value.trim_start_matches(':').trim_start();
                let values = entry.entry(name.to_ascii_lowercase()).or_default();
                values.push(value.to_owned());
            }
        }
        entry
    });
    // References to other naming contexts have no name.
    entries.filter(|entry| entry.contains_key("dn")).collect()
}

/// The form in which a password is set: UTF-16 in quotation marks, in base64.
pub(super) fn password(text: &str) -> String {
    let quoted = format!("\"{text}\"");
    base64(
        &quoted
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<_>>(),
    )
}

pub(super) fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0; 4];
        group[1..=chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes(group);
        for position in 0..4 {
            if position > chunk.len() {
                text.push('=');
            } else {
                let index = bits >> (18 - 6 * position) & 63;
                text.push(char::from(LETTERS[index as usize]));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (plain, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
        assert_eq!(password("a"), "IgBhACIA");
    }

    #[test]
    fn entries_are_read_with_folded_lines_and_several_values() {
        let text = "# record 1\ndn: CN=a,DC=x\nmember: CN=very\n long,DC=x\nmember: CN=b\nobjectSid:: AQI=\n\n\
            # Referral\nref: ldap://x\n\n# returned 2 records\n";
        let entries = parse(text);
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0]["dn"], ["CN=a,DC=x"]);
        assert_eq!(entries[0]["member"], ["CN=verylong,DC=x", "CN=b"]);
        assert_eq!(entries[0]["objectsid"], ["AQI="]);
    }
}

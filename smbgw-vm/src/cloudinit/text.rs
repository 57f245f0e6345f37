//! JSON that PyYAML reads as what it is.

use serde::Serialize;

/// `value` as JSON in several lines, for readers of YAML 1.1.
///
/// YAML takes some characters within quotes for line breaks (U+0085, U+2028, U+2029) and does not allow
/// others (DEL, U+0080 to U+009F, U+FEFF), where JSON has no objection. Escaped, all of them are the same in both. Those
/// beyond U+FFFF stay: JSON escapes them as two, which YAML does not put together.
pub(super) fn yaml(value: &impl Serialize) -> String {
    let json = serde_json::to_string_pretty(value)
        .expect("what cloud-init is told has only texts for keys, and nothing of it fails");
    let mut text = String::with_capacity(json.len() + 1);
    for character in json.chars() {
        match u32::from(character) {
            number @ 0x7f..=0xffff => text.push_str(&format!("\\u{number:04x}")),
            _ => text.push(character),
        }
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_stays_the_same_value(texts in any::<Vec<String>>()) {
            let read: Vec<String> = serde_json::from_str(&yaml(&texts)).unwrap();
            prop_assert_eq!(read, texts);
        }
    }

    #[test]
    fn what_yaml_reads_otherwise_is_escaped() {
        let text = yaml(&"a\u{7f}\u{85}\u{2028}\u{feff}ä\u{1f5c4}\n");
        assert_eq!(
            text,
            "\"a\\u007f\\u0085\\u2028\\ufeff\\u00e4\u{1f5c4}\\n\"\n"
        );
    }
}

//! What an agent says, line by line. Whoever runs the guest can say anything.

use serde_json::Value;

/// An answer to a command.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    /// It was done, and this is what came of it.
    Return(Value),
    /// It was not done, for this reason.
    Error(String),
}

/// As many characters of what a guest says as are shown.
const LONGEST_SHOWN: usize = 500;

/// The answer in `line`, or what is wrong with it.
pub(super) fn read(line: &[u8]) -> Result<Answer, String> {
    let mut answer: Value =
        serde_json::from_slice(line).map_err(|error| format!("it is no JSON ({error})"))?;
    if let Some(value) = answer.get_mut("return") {
        return Ok(Answer::Return(value.take()));
    }
    let error = answer
        .get("error")
        .ok_or("it has neither `return` nor `error`")?;
    let said = error
        .get("desc")
        .and_then(Value::as_str)
        .unwrap_or_default();
    Ok(Answer::Error(shown(said)))
}

/// The number in the answer to a greeting. The agent sends the byte that no text has before it; what comes
/// before that was cut off somewhere.
pub(super) fn greeting(line: &[u8]) -> Option<u64> {
    let start = line.iter().rposition(|byte| *byte == 0xff)?;
    match read(&line[start + 1..]) {
        Ok(Answer::Return(value)) => value.as_u64(),
        _ => None,
    }
}

/// What a guest said, short and without anything that a terminal would obey.
pub(super) fn shown(said: &str) -> String {
    let plain = said
        .chars()
        .map(|one| if one.is_control() { ' ' } else { one });
    let short: String = plain.take(LONGEST_SHOWN).collect();
    short.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_are_read() {
        assert_eq!(read(b"{\"return\": {}}"), Ok(Answer::Return(json!({}))));
        let refused =
            b"{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\\u001b[2J such\"}}";
        assert_eq!(read(refused), Ok(Answer::Error("no [2J such".into())));
        assert!(read(b"{}").is_err() && read(b"").is_err() && read(b"[1]").is_err());
        assert_eq!(greeting(b"{\"return\": 3\xff{\"return\": 7}"), Some(7));
        for other in [
            b"{\"return\": 7}".as_slice(),
            b"\xff",
            b"\xff{\"return\": -7}",
            b"",
        ] {
            assert_eq!(greeting(other), None);
        }
    }

    proptest! {
        #[test]
        fn nothing_that_a_guest_says_breaks_the_reading(line in any::<Vec<u8>>(), text in any::<String>()) {
            let _ = read(&line);
            let _ = greeting(&line);
            prop_assert!(!shown(&text).contains(char::is_control));
        }
    }
}

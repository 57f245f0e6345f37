//! Words quoted for a shell, as real shells take them.

use proptest::prelude::*;
use smbgw_core::host::cmd::quote_for_shell;

/// What `shell` makes of a command with these words, each with a zero after it.
fn words_in(shell: &str, words: &[String]) -> Vec<u8> {
    let quoted: Vec<String> = words.iter().map(|word| quote_for_shell(word)).collect();
    let script = format!("printf '%s\\0' {}", quoted.join(" "));
    let output = std::process::Command::new(shell)
        .args(["-c", &script])
        .env("HOME", "/home/somebody")
        .output()
        .unwrap();
    assert!(output.status.success() && output.stderr.is_empty());
    output.stdout
}

fn check(words: &[String]) {
    let expected: Vec<u8> = words
        .iter()
        .flat_map(|word| word.bytes().chain([0]))
        .collect();
    for shell in ["sh", "bash"] {
        let taken = words_in(shell, words);
        assert_eq!(taken, expected, "{shell}: {words:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_words_arrive_as_they_are(
        any in prop::collection::vec("[^\0]{0,12}", 1..30),
        nasty in prop::collection::vec("[-'\"$`\\\\~!*?{}\\[\\]#;&|<>() \n\t=%a]{0,8}", 1..30),
    ) {
        check(&any);
        check(&nasty);
    }
}

#[test]
fn words_that_mean_something_alone_are_words() {
    let words = [
        "", "~", "~root", "a=b", "-n", "--", "!", "{a,b}", "$'x'", "$((1))", "\n", "if", "'", "''",
        "\\",
    ];
    check(&words.map(str::to_owned));
}

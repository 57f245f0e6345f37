//! Any bytes are split into lines that touch, and come out again as they went in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smbgw_core::smbconf::lex;

fuzz_target!(|text: &[u8]| {
    let document = lex::parse(text);
    assert_eq!(document.render(), text);
    let mut at = 0;
    for (index, line) in document.lines().iter().enumerate() {
        assert_eq!(line.range.start, at);
        assert!(line.range.end > at);
        assert!(line.complete || index + 1 == document.lines().len());
        at = line.range.end;
        // A line means the same wherever it stands, unless it needs the end of the file.
        if line.complete {
            let alone = lex::parse(&text[line.range.clone()]);
            assert_eq!(alone.lines().len(), 1);
            assert_eq!(alone.lines()[0].item, line.item);
        }
    }
    assert_eq!(at, text.len());
});

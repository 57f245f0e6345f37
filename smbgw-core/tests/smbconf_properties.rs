//! What holds for any bytes whatever, readable or not.

use proptest::prelude::*;
use smbgw_core::smbconf::include::{self, Attachment, Edit, IncludePath};
use smbgw_core::smbconf::lex::{self, Item};
use smbgw_core::smbconf::render::{Value, quote_list_item, render_section};
use smbgw_core::smbconf::{effective, globals, names, shares, walk};

const PATH: &str = "/etc/samba/smbgw.conf";
const MARKER: &[u8] = b"# Added by smbgw (padding 1): the line below brings in its shares";

fn path() -> IncludePath {
    IncludePath::new(PATH).unwrap()
}

/// Text out of the pieces that mean something to Samba or to us, and of some that mean nothing.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&'static [u8]> = vec![
        b"\n",
        b"\n",
        b"\n",
        b"\r\n",
        b"\r",
        b"\\",
        b"\\\n",
        b"\\\r\n",
        b"\\ \n",
        b" ",
        b"  ",
        b"\t",
        b"\x0b",
        b"#",
        b";",
        b"=",
        b"[",
        b"]",
        b"[global]",
        b"[ Glo bals ]",
        b"[media]",
        b"\0",
        b"\xef\xbb\xbf",
        b"\xff",
        b"a",
        b"path = /srv",
        b"comment = x",
        b"include",
        b"include = /etc/samba/smbgw.conf",
        b"include = /etc/samba/smbgw.conf\n",
        MARKER,
        b"# Added by smbgw (padding 3)\n",
        b"# Added by smbgw (padding 18446744073709551616)\n",
        b"# Added by smbgw (padding 0): the line below brings in its shares\n",
    ];
    let piece = prop_oneof![
        12 => prop::sample::select(pieces).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// The tokens Samba's line reader makes of a text, one character at a time: what `lex` must agree
/// with whatever short cuts it takes.
fn read_slowly(text: &[u8]) -> Vec<Vec<u8>> {
    let space = |b: u8| b == b' ' || (0x09..=0x0d).contains(&b);
    let mut lines = Vec::new();
    let mut at = 0;
    while at < text.len() {
        while at < text.len() && text[at] != b'\n' && space(text[at]) {
            at += 1;
        }
        if at == text.len() {
            break;
        }
        if text[at] == b'#' || text[at] == b';' {
            while at < text.len() && text[at] != b'\n' {
                at += 1;
            }
        }
        if at == text.len() || text[at] == b'\n' {
            at += 1;
            continue;
        }
        let mut line: Vec<u8> = Vec::new();
        while at < text.len() {
            let byte = text[at];
            at += 1;
            if byte != b'\n' {
                if !(space(byte) && line.last().is_some_and(|last| space(*last))) {
                    line.push(byte);
                }
                continue;
            }
            let length = line.len();
            if length > 0 && line[length - 1] == b'\\' {
                line.truncate(length - 1);
            } else if length > 1 && line[length - 2] == b'\\' && space(line[length - 1]) {
                line.truncate(length - 2);
            } else {
                break;
            }
        }
        line.truncate(line.iter().position(|b| *b == 0).unwrap_or(line.len()));
        lines.push(line);
    }
    lines
}

/// A logical line as the reader above would have it, from what `lex` says of it.
fn means(item: &Item<'_>, slow: &[u8]) -> bool {
    let one_off = |mut bytes: Vec<u8>| {
        if bytes.first().is_some_and(u8::is_ascii_whitespace) || bytes.first() == Some(&0x0b) {
            bytes.remove(0);
        }
        if bytes.last().is_some_and(u8::is_ascii_whitespace) || bytes.last() == Some(&0x0b) {
            bytes.pop();
        }
        bytes
    };
    match item {
        Item::Blank | Item::Comment => false,
        Item::Section { name } => {
            slow[0] == b'[' && slow[1..].split(|b| *b == b']').next() == Some(name.as_ref())
        }
        Item::Malformed => (slow[0] == b'[' && !slow.contains(&b']')) || slow[0] == b'=',
        Item::Ignored => slow.is_empty() || (slow[0] != b'[' && !slow.contains(&b'=')),
        Item::Parameter { key, value } => {
            let equals = slow.iter().position(|b| *b == b'=').unwrap();
            slow[0] != b'['
                && one_off(slow[..equals].to_vec()) == key.as_ref()
                && one_off(slow[equals + 1..].to_vec()) == value.as_ref()
        }
    }
}

/// What the text sets: each parameter with the section it stands in, our own line left out.
fn meaning(text: &[u8]) -> Vec<(Vec<u8>, Vec<u8>, Vec<u8>)> {
    let mut section = b"global".to_vec();
    let mut set = Vec::new();
    for line in lex::parse(text).lines() {
        match &line.item {
            Item::Section { name } => {
                section = name.to_vec();
                set.push((section.clone(), Vec::new(), Vec::new()));
            }
            Item::Parameter { value, .. } if value.as_ref() == PATH.as_bytes() => {}
            Item::Parameter { key, value } => {
                set.push((section.clone(), key.to_vec(), value.to_vec()));
            }
            Item::Malformed => set.push((b"malformed".to_vec(), Vec::new(), Vec::new())),
            Item::Blank | Item::Comment | Item::Ignored => {}
        }
    }
    set
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..Default::default() })]

    #[test]
    fn parsing_loses_nothing(text in hostile()) {
        let document = lex::parse(&text);
        prop_assert_eq!(document.render(), text.clone());
        let mut at = 0;
        for (index, line) in document.lines().iter().enumerate() {
            prop_assert_eq!(line.range.start, at);
            prop_assert!(line.range.end > at);
            prop_assert!(line.complete || index + 1 == document.lines().len());
            at = line.range.end;
        }
        prop_assert_eq!(at, text.len());
    }

    #[test]
    fn lines_are_those_of_sambas_reader(text in hostile()) {
        let document = lex::parse(&text);
        let lines: Vec<_> = document.lines().iter()
            .filter(|line| !matches!(line.item, Item::Blank | Item::Comment))
            .collect();
        let slow = read_slowly(&text);
        prop_assert_eq!(lines.len(), slow.len(), "{:?} {:?}", lines, slow);
        for (line, slow) in lines.iter().zip(&slow) {
            prop_assert!(means(&line.item, slow), "{:?} {:?}", line.item, slow);
        }
    }

    #[test]
    fn detach_undoes_attach(text in hostile()) {
        match include::attach(Some(&text), &path()) {
            Edit::Unchanged => prop_assert!(include::is_attached(&text, &path())),
            Edit::Changed(attached) => {
                prop_assert!(include::is_attached(&attached, &path()));
                prop_assert_eq!(include::attach(Some(&attached), &path()), Edit::Unchanged);
                prop_assert_eq!(meaning(&attached), meaning(&text));
                if include::attachment(&text, &path()) == Attachment::Missing {
                    prop_assert_eq!(include::detach(&text, &path()), Edit::Unchanged);
                    prop_assert_eq!(include::detach(&attached, &path()), Edit::Changed(text));
                }
            }
        }
    }

    #[test]
    fn attach_only_inserts(text in hostile()) {
        if let Edit::Changed(attached) = include::attach(Some(&text), &path())
            && include::attachment(&text, &path()) == Attachment::Missing
        {
            let same_start = text.iter().zip(&attached).take_while(|(a, b)| a == b).count();
            let rest = text.len() - same_start;
            prop_assert!(attached.len() > text.len());
            prop_assert_eq!(&attached[attached.len() - rest..], &text[same_start..]);
        }
    }

    #[test]
    fn detach_keeps_what_was_edited_meanwhile(before in hostile(), after in hostile()) {
        let text = [&before[..], b"\n", MARKER, b"\ninclude = /etc/samba/smbgw.conf\n", &after[..]].concat();
        if let Edit::Changed(detached) = include::detach(&text, &path()) {
            prop_assert_eq!(meaning(&detached), meaning(&text));
            prop_assert!(!matches!(
                include::attachment(&detached, &path()),
                Attachment::Ours | Attachment::Misplaced
            ));
        }
    }

    #[test]
    fn nothing_panics(text in hostile(), other in hostile()) {
        let read = |_: &std::path::Path| Some(other.clone());
        let globals = globals::explicit_globals_following(&text, &read);
        for setting in globals.settings().iter().filter(|s| !s.name.contains('\u{fffd}')) {
            prop_assert_eq!(globals.get(&setting.name), Some(setting.value.as_slice()));
        }
        shares::shares(&text, &read);
        shares::shares(&text, &walk::no_files);
        effective::parse(&text);
    }

    #[test]
    fn canonical_names_are_canonical(name in "[ -~\t]{0,20}") {
        let canonical = names::canonical(name.as_bytes());
        prop_assert!(names::same(canonical.as_bytes(), name.as_bytes()));
        prop_assert_eq!(names::canonical(canonical.as_bytes()), canonical);
    }

    #[test]
    fn a_rendered_section_reads_back(
        name in "\\PC{0,8}|[ -~]{0,8}",
        parameters in prop::collection::vec(("[ -~]{0,10}", "\\PC{0,16}|[ \\\\%\"a-c\n\t\r\0]{0,8}"), 0..4),
    ) {
        let given: Vec<(&str, Value<'_>)> =
            parameters.iter().map(|(key, value)| (key.as_str(), Value::Literal(value))).collect();
        if let Ok(section) = render_section(&name, &given) {
            let text = [section.as_bytes(), b"[next]\n"].concat();
            let document = lex::parse(&text);
            let items: Vec<_> = document.lines().iter().map(|line| line.item.clone()).collect();
            let mut wanted = vec![Item::Section { name: name.as_bytes().into() }];
            wanted.extend(parameters.iter().map(|(key, value)| Item::Parameter {
                key: key.as_bytes().into(),
                value: value.as_bytes().into(),
            }));
            wanted.push(Item::Section { name: b"next"[..].into() });
            prop_assert_eq!(items, wanted);
        }
    }

    #[test]
    fn syntax_and_lists_stay_on_their_line(value in "\\PC{0,16}|[ \\\\%\"a-c,;\n\r\0]{0,8}") {
        for given in [Value::Syntax(&value), Value::List(&[&value, "b"]), Value::List(&["b", &value])] {
            if let Ok(section) = render_section("share", &[("valid users", given)]) {
                prop_assert_eq!(lex::parse(section.as_bytes()).lines().len(), 2);
                prop_assert!(lex::parse(section.as_bytes()).lines()[1].complete);
            }
        }
    }

    #[test]
    fn a_quoted_item_is_one_item(items in prop::collection::vec("[ @a-cA-C\\\\,;.$&é\"-]{0,8}", 1..4)) {
        let quoted: Result<Vec<String>, _> = items.iter().map(|item| quote_list_item(item)).collect();
        if let Ok(quoted) = quoted {
            prop_assert_eq!(split_list(&quoted.join(" ")), items);
        }
    }
}

/// Samba's list syntax: separators outside quotes, quotes dropped, empty items dropped.
fn split_list(text: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            ' ' | '\t' | ',' | ';' if !quoted => items.push(String::new()),
            c => items.last_mut().unwrap().push(c),
        }
    }
    items.retain(|item| !item.is_empty());
    items
}

//! Where the `include` line goes, and what becomes of it when the administrator edits around it.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use smbgw_core::smbconf::include::{
    Attachment, Edit, IncludePath, attach, attachment, detach, is_attached, is_skeleton, skeleton,
};
use smbgw_core::smbconf::shares::shares;
use smbgw_core::smbconf::walk::{self, Target};

fn path() -> IncludePath {
    IncludePath::new("/etc/samba/smbgw.conf").unwrap()
}

/// The text with our lines in it, `<M>` for the marker and `<I>` for the include.
fn attached(text: &str) -> String {
    let Edit::Changed(attached) = attach(Some(text.as_bytes()), &path()) else {
        panic!("{text:?} is attached already")
    };
    assert_eq!(
        detach(&attached, &path()),
        Edit::Changed(text.as_bytes().to_vec())
    );
    let attached = String::from_utf8(attached).unwrap();
    let attached = attached.replace("): the line below brings in its shares", ">");
    attached
        .replace("# Added by smbgw (padding ", "<M")
        .replace("include = /etc/samba/smbgw.conf", "<I>")
}

#[test]
fn it_goes_behind_the_last_global_parameter() {
    assert_eq!(
        attached("[global]\na=b\n; c\n\n[m]\n"),
        "[global]\na=b\n<M0>\n<I>\n; c\n\n[m]\n"
    );
    assert_eq!(
        attached("[m]\nx=y\n[Global]\n[n]\n"),
        "[m]\nx=y\n[Global]\n<M0>\n<I>\n[n]\n"
    );
    assert_eq!(attached("a=b\n[m]\n"), "a=b\n<M0>\n<I>\n[m]\n");
    assert_eq!(attached("# c\n[m]\nx=y\n"), "# c\n<M0>\n<I>\n[m]\nx=y\n");
    assert_eq!(attached("# c\n"), "# c\n<M0>\n<I>\n");
    assert_eq!(attached(""), "<M0>\n<I>\n");
}

#[test]
fn it_uses_the_line_end_of_the_file() {
    assert_eq!(
        attached("[global]\r\na=b\r\n[m]"),
        "[global]\r\na=b\r\n<M0>\r\n<I>\r\n[m]"
    );
    assert_eq!(
        attached("[global]\r\na=b"),
        "[global]\r\na=b\r\n<M1>\r\n<I>\r\n"
    );
}

#[test]
fn an_open_end_is_closed_first() {
    assert_eq!(attached("[global]\na=b"), "[global]\na=b\n<M1>\n<I>\n");
    assert_eq!(
        attached("[global]\na=b\\\n"),
        "[global]\na=b\\\n\n<M1>\n<I>\n"
    );
    assert_eq!(attached("[global]\\"), "[global]\\\n\n<M2>\n<I>\n");
    // A line end behind this backslash would take it out of the value.
    assert_eq!(
        attached("[global]\nx=y\na=b\\"),
        "[global]\n<M0>\n<I>\nx=y\na=b\\"
    );
}

#[test]
fn edits_around_it_survive() {
    let text = b"[global]\na=b";
    let Edit::Changed(attached) = attach(Some(text), &path()) else {
        panic!()
    };
    let appended = [&attached[..], b"[new]\n"].concat();
    assert_eq!(
        detach(&appended, &path()),
        Edit::Changed(b"[global]\na=b\n[new]\n".to_vec())
    );

    let text = String::from_utf8(attached).unwrap();
    let between = text.replace("include", "# mine\n\ninclude");
    assert!(is_attached(between.as_bytes(), &path()));
    assert_eq!(
        detach(between.as_bytes(), &path()),
        Edit::Changed(b"[global]\na=b\n# mine\n\n".to_vec())
    );

    let converted = text.replace('\n', "\r\n");
    assert_eq!(attach(Some(converted.as_bytes()), &path()), Edit::Unchanged);
    assert_eq!(
        detach(converted.as_bytes(), &path()),
        Edit::Changed(b"[global]\r\na=b".to_vec())
    );
}

#[test]
fn an_include_of_the_administrators_stays_theirs() {
    let text = b"[global]\nInclude =  /etc/samba/smbgw.conf\n";
    assert_eq!(attachment(text, &path()), Attachment::HandWritten);
    assert_eq!(attach(Some(text), &path()), Edit::Unchanged);
    assert_eq!(detach(text, &path()), Edit::Unchanged);
}

#[test]
fn lines_that_came_under_a_share_are_put_right() {
    let Edit::Changed(attached) = attach(Some(b"[global]\n"), &path()) else {
        panic!()
    };
    let moved = [
        b"[m]\n",
        &attached[b"[global]\n".len()..],
        b"[global]\na=b\n",
    ]
    .concat();
    assert_eq!(attachment(&moved, &path()), Attachment::Misplaced);
    let Edit::Changed(repaired) = attach(Some(&moved), &path()) else {
        panic!()
    };
    assert_eq!(attachment(&repaired, &path()), Attachment::Ours);
    assert_eq!(
        detach(&repaired, &path()),
        Edit::Changed(b"[m]\n[global]\na=b\n".to_vec())
    );
}

#[test]
fn a_missing_file_gets_a_skeleton() {
    assert_eq!(attach(None, &path()), Edit::Changed(skeleton(&path())));
    assert!(is_attached(&skeleton(&path()), &path()));
    assert!(is_skeleton(&skeleton(&path()), &path()));
    let Edit::Changed(detached) = detach(&skeleton(&path()), &path()) else {
        panic!()
    };
    assert!(is_skeleton(&detached, &path()));
    assert_eq!(
        attach(Some(&detached), &path()),
        Edit::Changed(skeleton(&path()))
    );
    assert!(!is_skeleton(b"", &path()));
    assert!(!is_skeleton(
        &[&skeleton(&path())[..], b"a=b\n"].concat(),
        &path()
    ));
}

#[test]
fn paths_samba_would_change_are_refused() {
    for path in [
        "smbgw.conf",
        "",
        "/a/%m.conf",
        "/a  b",
        "/a ",
        "/a\\",
        "/a\nb",
        "/a\0",
    ] {
        assert!(IncludePath::new(path).is_err(), "{path:?}");
    }
    assert!(IncludePath::new("/etc/a b/\u{e4}.conf").is_ok());
}

#[test]
fn included_files_are_read_once_each_and_within_bounds() {
    let asked = RefCell::new(Vec::<PathBuf>::new());
    let read = |path: &Path| {
        asked.borrow_mut().push(path.to_owned());
        (path == Path::new("/a")).then(|| b"include = /a\n[in a]\ninclude = /b\n".to_vec())
    };
    let text = b"include = /a\ninclude = /%m\ninclude = registry\n[own]\n";
    let names: Vec<String> = shares(text, &read)
        .iter()
        .map(|s| s.display_name())
        .collect();
    assert_eq!(names, ["in a", "own"]);
    assert_eq!(*asked.borrow(), [Path::new("/a"), Path::new("/b")]);

    #[derive(Default)]
    struct Targets(Vec<(String, Target)>);
    impl walk::Visitor for Targets {
        fn include(&mut self, include: &walk::Include) {
            self.0
                .push((include.path().display().to_string(), include.target));
        }
    }
    // Each file includes the next one twice: 2^100 files to Samba.
    let next = |path: &Path| {
        let depth: u32 = path.to_str()?.strip_prefix("/d")?.parse().ok()?;
        Some(format!("include = /d{0}\ninclude = /d{0}\n", depth + 1).into_bytes())
    };
    let mut targets = Targets::default();
    walk::walk(b"include = /d0\n", &next, &mut targets);
    assert!(
        targets
            .0
            .iter()
            .any(|(_, target)| *target == Target::TooDeep)
    );
    assert!(targets.0.len() < 10_000);
}

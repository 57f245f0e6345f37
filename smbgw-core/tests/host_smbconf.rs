//! What the `smbconf` modules say of Samba, asked of the Samba on this machine.
//!
//! `testparm -d4` tells each header and each parameter as its parser hands them on, so the line
//! reader, the include rules and the renderer are compared with the real ones directly.

use std::cell::Cell;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use smbgw_core::smbconf::include::{self, Attachment, Edit, IncludePath};
use smbgw_core::smbconf::render::{Problem, Value, quote_list_item, render_section};
use smbgw_core::smbconf::walk::{self, Visitor};
use smbgw_core::smbconf::{effective, globals, names, shares};
use smbgw_testing::{Capability, LightHost, require};

/// A directory with an `smb.conf` in it, and the real `testparm`.
struct Samba {
    dir: tempfile::TempDir,
}

impl Samba {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn file(&self, name: &str, text: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn testparm(&self, arguments: &[&str], text: &[u8]) -> Output {
        let file = self.file("smb.conf", text);
        let mut command = Command::new("/usr/bin/testparm");
        command
            .env_clear()
            .env("LC_ALL", "C")
            .current_dir(self.dir.path());
        command
            .arg("-s")
            .args(arguments)
            .arg(file)
            .output()
            .unwrap()
    }

    /// Standard output of `testparm -s -v`, or `None` if Samba refuses the text.
    fn effective(&self, text: &[u8]) -> Option<Vec<u8>> {
        let output = self.testparm(&["-v"], text);
        output.status.success().then_some(output.stdout)
    }

    /// What Samba's parser hands on, and whether it came to the end of the text.
    fn events(&self, text: &[u8]) -> (Vec<Event>, bool) {
        let output = self.testparm(&["-d4"], text);
        let mut events = Vec::new();
        for line in output.stderr.split(|b| *b == b'\n') {
            if let Some(parameter) = line.strip_prefix(b"doing parameter ") {
                let equals = parameter.windows(3).position(|w| w == b" = ").unwrap();
                let (key, value) = (&parameter[..equals], &parameter[equals + 3..]);
                events.push(Event::Parameter(key.to_vec(), value.to_vec()));
            } else if let Some(rest) = line.strip_prefix(b"Processing section \"[") {
                events.push(Event::Section(rest.strip_suffix(b"]\"").unwrap().to_vec()));
            }
        }
        (events, output.status.success())
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Event {
    Section(Vec<u8>),
    Parameter(Vec<u8>, Vec<u8>),
}

/// The same, from our reading.
#[derive(Default)]
struct Events {
    events: Vec<Event>,
    malformed: bool,
}

impl Visitor for Events {
    fn global(&mut self, name: &[u8], _file: Option<&Path>) {
        self.share(name, None);
    }

    fn share(&mut self, name: &[u8], _file: Option<&Path>) {
        if !self.malformed {
            self.events.push(Event::Section(name.to_vec()));
        }
    }

    fn parameter(&mut self, _global: bool, key: &[u8], value: &[u8]) {
        if !self.malformed {
            self.events
                .push(Event::Parameter(key.to_vec(), value.to_vec()));
        }
    }

    fn malformed(&mut self, _file: Option<&Path>) {
        self.malformed = true;
    }
}

fn our_events(text: &[u8]) -> Events {
    let mut events = Events::default();
    let read = |path: &Path| std::fs::read(path).ok();
    walk::walk(text, &read, &mut events);
    events
}

/// Texts out of pieces, the same ones in each run.
fn texts(seed: u64, count: usize, pieces: &[&[u8]]) -> Vec<Vec<u8>> {
    let state = Cell::new(seed);
    let random = |below: usize| {
        state.set(
            state
                .get()
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407),
        );
        usize::try_from(state.get() >> 33).unwrap() % below
    };
    let text = |_| {
        (0..random(20) + 2)
            .map(|_| pieces[random(pieces.len())])
            .collect::<Vec<_>>()
            .concat()
    };
    (0..count).map(text).collect()
}

const PIECES: &[&[u8]] = &[
    b"\n",
    b"\n",
    b"\n",
    b"\r\n",
    b"\\\n",
    b"\\ \r\n",
    b"\\",
    b" ",
    b"  \t",
    b"#",
    b";",
    b" = ",
    b"\nx:y=1\n",
    b"comment = a",
    b"\nserver string = b  c",
    b"[global]",
    b"\n[media]\n",
    b"\n[m\xc3\xa4 x ]\n",
    b"\n[Globals]",
    b"\0",
    b"\xff",
    b"\nw",
    b"\n[",
    b"\n=",
];

#[test]
fn the_line_reader_is_sambas() {
    require!(Capability::Samba);
    let samba = Samba::new();
    let mut read_whole = 0;
    for text in texts(1, 300, PIECES) {
        let (theirs, whole) = samba.events(&text);
        let ours = our_events(&text);
        if whole {
            assert_eq!(theirs, ours.events, "{}", text.escape_ascii());
        } else {
            // Samba stops at some values and at a share without a name too.
            assert_eq!(
                theirs,
                ours.events[..theirs.len()],
                "{}",
                text.escape_ascii()
            );
        }
        assert!(!(whole && ours.malformed), "{}", text.escape_ascii());
        read_whole += usize::from(whole);
    }
    assert!(
        read_whole > 50,
        "Samba read only {read_whole} texts to the end"
    );
}

#[test]
fn attaching_changes_nothing_for_samba() {
    require!(Capability::Samba);
    let samba = Samba::new();
    let ours = samba.file("smbgw.conf", b"# rendered\n[global]\n");
    let admins = samba.file("admins.conf", b"[inner]\npath = /inner\n");
    let path = IncludePath::new(ours.to_str().unwrap()).unwrap();
    let include_admins = format!("\ninclude = {}\n", admins.display()).into_bytes();
    let mut pieces = PIECES[..PIECES.len() - 2].to_vec();
    pieces.push(&include_admins);
    let mut accepted = 0;
    for text in texts(2, 200, &pieces) {
        let Some(before) = samba.effective(&text) else {
            continue;
        };
        let Edit::Changed(attached) = include::attach(Some(&text), &path) else {
            panic!("already attached: {}", text.escape_ascii())
        };
        let after = samba.effective(&attached).unwrap();
        let lines = |output: &[u8]| -> Vec<String> {
            let text = String::from_utf8_lossy(output).into_owned();
            text.lines()
                .filter(|l| !l.starts_with("\tinclude ="))
                .map(str::to_owned)
                .collect()
        };
        assert_eq!(lines(&before), lines(&after), "{}", text.escape_ascii());
        assert_eq!(include::detach(&attached, &path), Edit::Changed(text));
        accepted += 1;
    }
    assert!(
        accepted > 50,
        "only {accepted} texts were good enough to compare"
    );
}

#[test]
fn an_attached_file_brings_in_its_shares() {
    require!(Capability::Samba);
    let samba = Samba::new();
    let ours = samba.file("smbgw.conf", b"[ours]\npath = /ours\n[global]\n");
    let path = IncludePath::new(ours.to_str().unwrap()).unwrap();
    let texts: [&[u8]; 9] = [
        b"[global]\nserver string = a\n[media]\npath = /m\n",
        b"[global]\r\nserver string = a\r\n\r\n# media\r\n[media]\r\npath = /m\r\n",
        b"server string = a\n[media]\npath = /m\n",
        b"[media]\npath = /m\n[global]\nserver string = a",
        b"[media]\npath = /m\n[global]\nserver string = a\\\n",
        b"[media]\npath = /m\n[global]\nserver string = a\\",
        b"[media]\npath = /m\n[global]\\\\",
        b"[media]\npath = /m",
        b"# only this",
    ];
    for text in texts {
        let Edit::Changed(attached) = include::attach(Some(text), &path) else {
            panic!()
        };
        let was = effective::parse(&samba.effective(text).unwrap());
        let is = effective::parse(&samba.effective(&attached).unwrap());
        assert_eq!(is.global("server string"), was.global("server string"));
        assert_eq!(is.share("media", "path"), was.share("media", "path"));
        assert_eq!(
            is.share("ours", "path"),
            Some(&b"/ours"[..]),
            "{}",
            text.escape_ascii()
        );
        let read = |path: &Path| std::fs::read(path).ok();
        assert!(shares::shares(&attached, &read).find("OURS").is_some());
    }
    let output = samba.effective(&include::skeleton(&path)).unwrap();
    assert!(effective::parse(&output).share("ours", "path").is_some());
    assert_eq!(
        include::attachment(&include::skeleton(&path), &path),
        Attachment::Ours
    );
}

#[test]
fn an_included_file_ends_in_its_own_section() {
    require!(Capability::Samba);
    let samba = Samba::new();
    let inner = samba.file("inner.conf", b"comment = from inner\n[media]\npath = /m\n");
    let text = format!(
        "[global]\ninclude = {}\ncomment = behind\n",
        inner.display()
    );
    let (theirs, whole) = samba.events(text.as_bytes());
    assert!(whole);
    assert_eq!(our_events(text.as_bytes()).events, theirs);
    let effective = effective::parse(&samba.effective(text.as_bytes()).unwrap());
    assert_eq!(effective.global("comment"), Some(&b"from inner"[..]));
    assert_eq!(effective.share("media", "comment"), Some(&b"behind"[..]));
    let read = |path: &Path| std::fs::read(path).ok();
    let globals = globals::explicit_globals_following(text.as_bytes(), &read);
    assert_eq!(globals.text("comment").as_deref(), Some("from inner"));
}

#[test]
fn an_include_of_itself_is_refused_by_samba_and_survived_by_us() {
    require!(Capability::Samba);
    let samba = Samba::new();
    let file = samba.dir.path().join("smb.conf");
    let text = format!("include = {}\nserver string = x\n", file.display());
    assert!(samba.effective(text.as_bytes()).is_none());
    let read = |path: &Path| std::fs::read(path).ok();
    let globals = globals::explicit_globals_following(text.as_bytes(), &read);
    assert!(
        globals
            .includes()
            .iter()
            .any(|include| include.target == walk::Target::TooDeep)
    );
}

#[test]
fn quotes_around_an_included_name_belong_to_it() {
    require!(Capability::Samba);
    let samba = Samba::new();
    let inner = samba.file("inner.conf", b"[media]\npath = /m\n");
    let text = format!("include = \"{}\"\n", inner.display()).into_bytes();
    let effective = effective::parse(&samba.effective(&text).unwrap());
    let read = |path: &Path| std::fs::read(path).ok();
    assert_eq!(effective.share_names().count(), 0);
    assert!(shares::shares(&text, &read).is_empty());
}

#[test]
fn shares_are_those_testparm_prints() {
    require!(Capability::Samba);
    let samba = Samba::new();
    let text = "[early]\n[global]\npath = /default\n[a]\n[B]\ndirectory = \"/b c\"\n[b]\ncomment = again\n\
                [c]\ncopy = b\n[d]\npath = /d\ncopy = b\n[ \u{c4} ]\npath = /x\n[ \u{e4} ]\ncomment = y\n\
                [globals]\npath = /late\n[e]\n[homes]\npath = /home/%U\n";
    let output = samba.effective(text.as_bytes()).unwrap();
    let theirs = effective::parse(&output);
    let ours = shares::shares(text.as_bytes(), &walk::no_files);
    let names: Vec<&[u8]> = ours.iter().map(|share| share.name.as_slice()).collect();
    assert_eq!(names, theirs.share_names().collect::<Vec<_>>());
    for share in &ours {
        let printed = theirs.share(&share.display_name(), "path").unwrap();
        let printed = printed.strip_prefix(b"\"").unwrap_or(printed);
        let printed = printed.strip_suffix(b"\"").unwrap_or(printed);
        let path = share
            .path()
            .map_or(&b""[..], |path| path.as_os_str().as_bytes());
        assert_eq!(path, printed, "{}", share.display_name());
    }
    assert_eq!(ours.find("B").unwrap().path(), Some(Path::new("/b c")));
    assert!(ours.find("HOMES").unwrap().path_has_macros());
}

#[test]
fn names_and_synonyms_are_sambas() {
    require!(Capability::Samba);
    let samba = Samba::new();
    let printed = samba.effective(b"").unwrap();
    let printed = String::from_utf8(printed).unwrap();
    let preferred = |name: &str| printed.contains(&format!("\n\t{name} ="));
    for name in names::spellings() {
        let canonical = names::canonical(name.as_bytes());
        // These have no default to print, or are printed by their inverted synonym.
        let silent = ["include", "copy", "writeable", "idmap uid", "idmap gid"];
        assert!(
            preferred(&canonical) || silent.contains(&canonical.as_str()),
            "{canonical}"
        );
        let text = format!("[global]\n{name} = 1\n");
        let told = String::from_utf8(samba.testparm(&["-d4"], text.as_bytes()).stderr).unwrap();
        assert!(!told.contains("Unknown parameter"), "{name}: {told}");
    }
    let text = b"servermin protocol = SMB3\n[ GLO bal ]\nMIN\tPROTOCOL = SMB2_02\n";
    let effective = effective::parse(&samba.effective(text).unwrap());
    assert_eq!(effective.global("min protocol"), Some(&b"SMB2_02"[..]));
    assert_eq!(
        globals::explicit_globals(text).get("min protocol"),
        Some(&b"SMB2_02"[..])
    );
}

#[test]
fn without_v_testparm_keeps_a_synonym_to_itself() {
    require!(Capability::Samba);
    let samba = Samba::new();
    let text = b"smb encrypt = required\n";
    let verbose = effective::parse(&samba.effective(text).unwrap());
    assert_eq!(verbose.global("server smb encrypt"), Some(&b"required"[..]));
    let terse = samba.testparm(&[], text).stdout;
    assert_eq!(
        effective::parse(&terse).global("server smb encrypt"),
        None,
        "this Samba needs no -v any more"
    );
}

#[test]
fn the_registry_replaces_or_adds() {
    require!(Capability::Samba);
    let samba = Samba::new();
    let only = b"[global]\nconfig backend = registry\n[media]\npath = /m\n";
    let effective = effective::parse(&samba.effective(only).unwrap());
    assert!(globals::explicit_globals(only).uses_registry_only());
    assert_eq!(effective.share("media", "path"), None);
    let also = b"[global]\ninclude = Registry\n[media]\npath = /m\n";
    let effective = effective::parse(&samba.effective(also).unwrap());
    let globals = globals::explicit_globals(also);
    assert!(globals.includes_registry() && !globals.uses_registry_only());
    assert_eq!(effective.share("media", "path"), Some(&b"/m"[..]));
}

#[test]
fn yes_and_no_have_many_spellings() {
    require!(Capability::Samba);
    let samba = Samba::new();
    for value in [
        "yes", "No", "TRUE", "false", "on", "Off", "1", "0", "y es", "y", "", "2", "maybe",
    ] {
        let text = format!("bind interfaces only = {value}\n");
        let theirs = samba.effective(text.as_bytes()).map(|output| {
            effective::parse(&output)
                .global("bind interfaces only")
                .map(|v| v == b"Yes")
        });
        let ours = globals::explicit_globals(text.as_bytes()).flag("bind interfaces only");
        assert_eq!(ours, theirs.flatten(), "{value}");
    }
}

#[test]
fn macros_and_quotes_are_what_render_takes_them_for() {
    assert_eq!(quote_list_item("a%Ub"), Err(Problem::Macro));
    assert_eq!(quote_list_item("a%%Ub"), Err(Problem::Macro));
    assert_eq!(quote_list_item("100%").as_deref(), Ok("100%"));
    let literal = |text| render_section("s", &[("comment", Value::Literal(text))]);
    for text in [
        "\"a\"", "a\"", "%S", "%$(HOME)", "a\\", "a  b", " a", "a\nb", "a\0b",
    ] {
        assert!(literal(text).is_err(), "{text:?}");
    }
    for text in ["", "\"a\" and \"b\"", "100% a", "50%%", "%1", "a\\b"] {
        assert!(literal(text).is_ok(), "{text:?}");
    }
}

#[test]
fn rendered_sections_read_back() {
    require!(Capability::Samba);
    let samba = Samba::new();
    let users = [
        "@CORP\\domain users",
        "a,b",
        "c;d",
        "+staff",
        "$x\\",
        "plain",
    ];
    let section = render_section(
        "medi\u{e4} [1",
        &[
            ("path", "/srv/a b/100% \u{e4}\\x".into()),
            ("comment", "it's \"so\" ; and # =, 100% [x]".into()),
            ("valid users", Value::List(&users)),
            ("fruit:metadata", "stream".into()),
            ("preexec", Value::Syntax("/bin/echo \"%U\" %S")),
        ],
    )
    .unwrap();
    let effective = effective::parse(&samba.effective(section.as_bytes()).unwrap());
    let share = |name: &str| {
        let value = effective.share("medi\u{e4} [1", name).unwrap_or(b"(none)");
        OsStr::from_bytes(value).to_str().unwrap().to_owned()
    };
    assert_eq!(share("path"), "/srv/a b/100% \u{e4}\\x");
    assert_eq!(share("comment"), "it's \"so\" ; and # =, 100% [x]");
    assert_eq!(share("fruit : metadata"), "stream");
    assert_eq!(share("preexec"), "/bin/echo \"%U\" %S");
    // testparm prints a list as its own list syntax, quoting what holds white space.
    assert_eq!(
        share("valid users"),
        "\"@CORP\\domain users\" a,b c;d +staff $x\\ plain"
    );
}

#[test]
fn lists_are_split_as_we_quote_them() {
    require!(Capability::Samba);
    let samba = Samba::new();
    for (written, printed) in [
        (r#"a"" b "c d" e" f"g"#, r#"a b "c d" "e fg""#),
        (r#"@"g h",q"#, r#""@g h" q"#),
        (r#""a,b;c""#, "a,b;c"),
        (r#""""#, ""),
    ] {
        let text = format!("[s]\npath = /s\nvalid users = {written}\n");
        let effective = effective::parse(&samba.effective(text.as_bytes()).unwrap());
        assert_eq!(
            effective.share("s", "valid users"),
            Some(printed.as_bytes()),
            "{written}"
        );
    }
    assert_eq!(quote_list_item("@g h").unwrap(), r#""@g h""#);
}

/// What a server makes of values, which `testparm` prints as they are written.
#[test]
fn a_server_has_no_escape_for_macros_and_takes_quotes_off() {
    require!(Capability::Root, Capability::Samba);
    let host = LightHost::start().unwrap();
    let text = "[global]\nmap to guest = bad user\nguest account = nobody\n\
         disable spoolss = yes\nserver role = standalone\nguest ok = yes\npath = /srv\n\
         [zzz]\ncomment = %S 100% %% %%S\n\
         [quoted]\ncomment = \"in quotes \"\n\
         [inside]\ncomment = \"a\" and \"b\"\n\
         [group-quoted-whole]\nvalid users = \"@nogroup\"\n\
         [group-quoted-name]\nvalid users = @\"nogroup\"\n\
         [single-quotes]\nvalid users = '@nogroup'\n\
         [percent]\nvalid users = nobo%%dy\n";
    host.write("/etc/samba/smb.conf", text).unwrap();
    let _smbd = host.start_smbd().unwrap();
    let client = |arguments: &[&str]| {
        let mut command = host.command("smbclient");
        command
            .args(["-N", "-g", "-s", "/dev/null"])
            .args(arguments);
        let output = command.output().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    let listed = client(&["-L", "//127.0.0.1"]);
    for (share, comment) in [
        ("zzz", "zzz 100% %% %zzz"),
        ("quoted", "in quotes "),
        ("inside", "\"a\" and \"b\""),
    ] {
        let line = format!("Disk|{share}|{comment}");
        assert!(
            listed.lines().any(|l| l == line),
            "{line} is not in {listed}"
        );
    }
    for (share, allowed) in [
        ("quoted", true),
        ("group-quoted-whole", true),
        ("group-quoted-name", true),
        ("single-quotes", false),
        ("percent", false),
    ] {
        let told = client(&["-c", "ls", &format!("//127.0.0.1/{share}")]);
        assert_eq!(
            !told.contains("NT_STATUS_ACCESS_DENIED"),
            allowed,
            "{share}: {told}"
        );
    }
}

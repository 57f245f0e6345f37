//! E-mail against servers that misbehave, and what is wrong with its settings.
#![cfg(feature = "mail")]

mod alert;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use alert::{configure, deliver, notice, problems_of, soon};
use rustls::{ServerConnection, StreamOwned};
use smbgw_core::alert::ChannelError;
use smbgw_core::deadline::Deadline;
use smbgw_testing::{Authority, Capability, require};

/// Delivers to a server on this machine that answers each line it is told as `answer` says, first
/// of all `(greeting)`; `None` closes the connection. Returns with the result what it was told.
fn deliver_to(
    answer: impl Fn(&str) -> Option<String> + Sync,
    more: &str,
    deadline: Deadline,
) -> (Result<(), ChannelError>, Vec<String>) {
    with_server(
        |stream, told| drop(converse(stream, told, &answer)),
        more,
        deadline,
    )
}

/// Answers what is told, until `answer` has none or the other side is gone; gives the connection
/// back.
fn converse(
    mut stream: TcpStream,
    told: &mut Vec<String>,
    answer: impl Fn(&str) -> Option<String>,
) -> TcpStream {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::from("(greeting)");
    while let Some(text) = answer(&line) {
        if stream.write_all(text.as_bytes()).is_err() {
            break;
        }
        line.clear();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            break;
        }
        line.truncate(line.trim_end().len());
        told.push(line.clone());
    }
    stream
}

/// Delivers to a server on this machine whose connections `serve` handles, until the delivery ends.
fn with_server(
    serve: impl Fn(TcpStream, &mut Vec<String>) + Sync,
    more: &str,
    deadline: Deadline,
) -> (Result<(), ChannelError>, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let done = AtomicBool::new(false);
    let toml = format!(
        "[mail]\nfrom = \"gw@example.org\"\nserver = \"127.0.0.1\"\nport = {}\n{more}",
        address.port()
    );
    std::thread::scope(|scope| {
        let server = scope.spawn(|| {
            let mut told = Vec::new();
            for stream in listener.incoming() {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                serve(stream.unwrap(), &mut told);
            }
            told
        });
        let result = deliver(&toml, &notice(), deadline);
        done.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(address));
        (result, server.join().unwrap())
    })
}

const PLAIN: &str = "tls = \"none\"\nto = [\"ops@example.org\"]\n";

/// A server that takes everything.
fn polite(line: &str) -> Option<String> {
    let starts = |start: &str| line.starts_with(start);
    let answer = match line {
        "(greeting)" => "220 here\r\n",
        "DATA" => "354 go on\r\n",
        "." => "250 taken\r\n",
        "QUIT" => "221 bye\r\n",
        _ if starts("EHLO") => "250-here\r\n250 AUTH PLAIN LOGIN\r\n",
        _ if starts("AUTH") => "235 welcome\r\n",
        _ if starts("MAIL FROM:") || starts("RCPT TO:") => "250 ok\r\n",
        // A line of the mail.
        _ => "",
    };
    Some(answer.into())
}

/// The same, but for lines that begin with one of `other`.
fn polite_but<'a>(other: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + Sync + 'a {
    |line| {
        let found = other.iter().find(|(start, _)| line.starts_with(start));
        match found {
            Some((_, answer)) => Some(format!("{answer}\r\n")),
            None => polite(line),
        }
    }
}

#[test]
fn a_mail_goes_to_a_server() {
    let (result, told) = deliver_to(polite, PLAIN, soon());
    result.unwrap();
    assert!(told[0].starts_with("EHLO "), "{told:?}");
    assert_eq!(
        told[1..4],
        [
            "MAIL FROM:<gw@example.org>",
            "RCPT TO:<ops@example.org>",
            "DATA"
        ]
    );
    assert_eq!(told.last().unwrap(), "QUIT");
    assert!(told.iter().all(|line| line.is_ascii() && line.len() < 998));
}

#[test]
fn a_server_that_refuses_for_good_is_not_asked_again() {
    for (step, text, is_about_the_mail) in [
        ("(greeting)", "connecting", false),
        ("EHLO", "connecting", false),
        ("MAIL", "naming the sender", true),
        ("RCPT", "naming the recipients", true),
        ("DATA", "sending the mail", true),
        (".", "sending the mail", true),
    ] {
        for (code, permanent) in [("550", is_about_the_mail), ("451", false)] {
            let answer = format!("{code} not here");
            let refusal = [(step, answer.as_str())];
            let (result, _) = deliver_to(polite_but(&refusal), PLAIN, soon());
            let error = result.unwrap_err();
            assert_eq!(error.is_permanent(), permanent, "{step}: {error}");
            assert!(error.to_string().contains(text), "{step}: {error}");
            assert!(error.to_string().contains(code), "{step}: {error}");
            assert!(error.to_string().contains("not here"), "{step}: {error}");
        }
    }
}

#[test]
fn one_recipient_that_is_accepted_is_enough() {
    let gone = ("RCPT TO:<gone@example.org>", "550 no such mailbox");
    let to = "tls = \"none\"\nto = [\"gone@example.org\", \"Ops <ops@example.org>\"]\n";
    let (result, told) = deliver_to(polite_but(&[gone]), to, soon());
    result.unwrap();
    assert!(told.contains(&"RCPT TO:<ops@example.org>".to_string()));

    let full = ("RCPT TO:<ops@example.org>", "452 disk full");
    let (result, _) = deliver_to(polite_but(&[gone, full]), to, soon());
    let error = result.unwrap_err();
    assert!(!error.is_permanent(), "one of them may be accepted later");
    let text = error.to_string();
    assert!(
        text.contains("`gone@example.org`") && text.contains("disk full"),
        "{text}"
    );
}

/// Delivers with little time, and returns the error that this has to be.
fn in_vain(serve: impl Fn(TcpStream, &mut Vec<String>) + Sync, more: &str) -> ChannelError {
    let started = Instant::now();
    let brief = Deadline::after(Duration::from_secs(2));
    let (result, _) = with_server(serve, more, brief);
    assert!(started.elapsed() < Duration::from_secs(30));
    let error = result.unwrap_err();
    assert!(!error.is_permanent(), "{error}");
    error
}

/// Holds the connection until the other side has closed it.
fn hold(stream: TcpStream) {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).unwrap_or(0) > 0 {
        line.clear();
    }
}

#[test]
fn a_server_that_says_nothing_holds_no_longer_than_the_deadline() {
    for tls in ["none", "starttls", "tls"] {
        let more = format!("tls = {tls:?}\nto = [\"ops@example.org\"]\n");
        let error = in_vain(|stream, _| hold(stream), &more);
        let text = error.to_string();
        assert!(
            text.contains("connecting: it did not answer in time"),
            "{text}"
        );
    }
}

#[test]
fn a_server_that_says_a_byte_now_and_then_holds_no_longer_than_the_deadline() {
    let drip = |mut stream: TcpStream, _: &mut Vec<String>| {
        let _ = stream.write_all(b"220-");
        // Each byte comes long before any time for one read would be over.
        while stream.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    let text = in_vain(drip, PLAIN).to_string();
    assert!(text.contains("did not answer in time"), "{text}");
}

#[test]
fn a_server_that_stops_in_the_middle_of_the_mail_did_not_take_it() {
    // It closes the connection after the first lines of the mail.
    let answer = |line: &str| {
        if line.starts_with("Subject:") {
            None
        } else {
            polite(line)
        }
    };
    let (result, _) = deliver_to(answer, PLAIN, soon());
    let error = result.unwrap_err();
    assert!(!error.is_permanent(), "{error}");
    assert!(error.to_string().contains("sending the mail"), "{error}");

    // It has all of it and never confirms.
    let silent = |stream: TcpStream, told: &mut Vec<String>| {
        hold(converse(stream, told, |line| match line {
            "." => None,
            line => polite(line),
        }));
    };
    let text = in_vain(silent, PLAIN).to_string();
    assert!(
        text.contains("sending the mail: it did not answer in time"),
        "{text}"
    );
}

#[test]
fn a_server_that_does_not_say_goodbye_has_the_mail_all_the_same() {
    let answer = |line: &str| match line {
        "QUIT" => None,
        line => polite(line),
    };
    deliver_to(answer, PLAIN, soon()).0.unwrap();
}

#[test]
fn without_starttls_nothing_is_sent_in_the_clear() {
    let (result, told) = deliver_to(polite, "to = [\"ops@example.org\"]\n", soon());
    let error = result.unwrap_err();
    assert!(!error.is_permanent());
    let text = error.to_string();
    assert!(
        text.contains("starting encryption: it does not offer STARTTLS"),
        "{text}"
    );
    assert!(
        !told.iter().any(|line| line.starts_with("MAIL")),
        "{told:?}"
    );
}

#[test]
fn what_is_said_before_encryption_does_not_count_after_it() {
    require!(Capability::Openssl);
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new(dir.path()).unwrap();
    let config = configure(&authority);
    // Somebody on the way says all that the server would, and the server itself nothing.
    let serve = |stream: TcpStream, told: &mut Vec<String>| {
        let mut stream = converse(stream, told, |line| match line {
            "STARTTLS" => None,
            _ if line.starts_with("EHLO") => Some("250-here\r\n250 STARTTLS\r\n".into()),
            line => polite(line),
        });
        let answers = "220 go on\r\n250 here\r\n250 ok\r\n250 ok\r\n354 go on\r\n250 taken\r\n";
        stream.write_all(answers.as_bytes()).unwrap();
        let connection = ServerConnection::new(config.clone()).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        let mut read = Vec::new();
        let _ = stream.read_to_end(&mut read);
        told.push(String::from_utf8_lossy(&read).into_owned());
    };
    let more = format!(
        "to = [\"ops@example.org\"]\nca_file = {:?}\n",
        authority.certificate()
    );
    let (result, told) = with_server(serve, &more, soon());
    let error = result.unwrap_err();
    assert!(!error.is_permanent());
    let text = error.to_string();
    assert!(text.contains("starting encryption"), "{text}");
    assert_eq!(told[1..], ["STARTTLS", ""]);
}

#[test]
fn nobody_there_is_told_and_tried_again() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let toml = format!(
        "[mail]\nfrom = \"gw@example.org\"\nserver = \"127.0.0.1\"\nport = {port}\n{PLAIN}"
    );
    let error = deliver(&toml, &notice(), soon()).unwrap_err();
    assert!(!error.is_permanent());
    assert!(error.to_string().contains("refused"), "{error}");
}

/// The lines of a login, with a password file of the given mode and content.
fn login(dir: &tempfile::TempDir, mode: u32, content: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let path = dir.path().join("password");
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    format!("{PLAIN}user = \"gw\"\npassword_file = {path:?}\n")
}

#[test]
fn a_password_is_read_for_each_mail_and_shown_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let good = login(&dir, 0o600, "hunter2\nignored\n");
    let (result, told) = deliver_to(polite, &good, soon());
    result.unwrap();
    // "\0gw\0hunter2" in base64.
    assert!(
        told.contains(&"AUTH PLAIN AGd3AGh1bnRlcjI=".to_string()),
        "{told:?}"
    );

    // Servers that repeat what they should not.
    let (plain, login_only) = ("250 AUTH PLAIN", "250 AUTH LOGIN");
    for (offer, step, answer) in [
        (plain, "AUTH PLAIN", "535 `hunter2` is wrong"),
        (
            plain,
            "AUTH PLAIN",
            "500 what is `AUTH PLAIN AGd3AGh1bnRlcjI=`?",
        ),
        // "hunter2" in base64.
        (login_only, "aHVudGVyMg==", "535 what is aHVudGVyMg==?"),
    ] {
        let repeating = [
            ("EHLO", offer),
            (step, answer),
            ("AUTH LOGIN", "334 VXNlcm5hbWU6"),
            // "gw", which is asked for by "Username:", before "Password:".
            ("Z3c=", "334 UGFzc3dvcmQ6"),
        ];
        let (result, _) = deliver_to(polite_but(&repeating), &good, soon());
        let error = result.unwrap_err();
        assert!(!error.is_permanent(), "a password may be put right");
        let text = format!("{error} {error:?}");
        let shown = ["logging in", &answer[..3], "(password)"];
        assert!(shown.iter().all(|part| text.contains(part)), "{text}");
        let secrets = ["hunter2", "AGd3AGh1bnRlcjI", "aHVudGVyMg"];
        assert!(!secrets.iter().any(|part| text.contains(part)), "{text}");
    }

    let open = login(&dir, 0o604, "hunter2\n");
    let (result, told) = deliver_to(polite, &open, soon());
    let text = result.unwrap_err().to_string();
    assert!(text.contains("everybody can read or change"), "{text}");
    assert_eq!(told, Vec::<String>::new());
    // Nor by way of a link, which everybody can read whatever its file.
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(dir.path().join("password"), &link).unwrap();
    let linked = format!("{PLAIN}user = \"gw\"\npassword_file = {link:?}\n");
    let (result, told) = deliver_to(polite, &linked, soon());
    let text = result.unwrap_err().to_string();
    assert!(text.contains("is a symbolic link"), "{text}");
    assert_eq!(told, Vec::<String>::new());

    let empty = login(&dir, 0o600, "\nhunter2\n");
    let text = deliver_to(polite, &empty, soon())
        .0
        .unwrap_err()
        .to_string();
    assert!(text.contains("is empty"), "{text}");
    std::fs::remove_file(dir.path().join("password")).unwrap();
    let text = deliver_to(polite, &good, soon()).0.unwrap_err().to_string();
    assert!(text.contains("there is no file"), "{text}");
}

#[test]
fn a_server_without_login_gets_no_mail_of_one_who_is_to_log_in() {
    let dir = tempfile::tempdir().unwrap();
    let plain = [("EHLO", "250 here")];
    let (result, told) = deliver_to(polite_but(&plain), &login(&dir, 0o600, "hunter2"), soon());
    let text = result.unwrap_err().to_string();
    assert!(text.contains("logging in"), "{text}");
    assert!(
        !told.iter().any(|line| line.starts_with("MAIL")),
        "{told:?}"
    );
}

#[test]
fn wrong_settings_are_told_by_name() {
    let fields = |toml: &str| -> Vec<String> {
        let found = problems_of(&format!("[mail]\n{toml}"));
        found.into_iter().map(|problem| problem.field).collect()
    };
    let who = "from = \"a@b.c\"\nto = [\"d@e.f\"]\n";
    let with = |more: &str| fields(&format!("{who}{more}"));
    assert_eq!(with("server = \"mail\""), [""; 0]);
    assert_eq!(with("sendmail = true"), [""; 0]);
    assert_eq!(fields(""), ["mail.from", "mail.to", "mail.server"]);
    assert_eq!(
        fields("from = \"a\"\nto = [\"b\", \"c@d.e\", \"\"]\nserver = \"mail\""),
        ["mail.from", "mail.to", "mail.to"]
    );
    assert_eq!(
        with("sendmail = true\nport = 25\ntls = \"tls\"\nuser = \"x\""),
        ["mail.port", "mail.tls", "mail.user"]
    );
    assert_eq!(with("server = \"m\"\nsendmail = true"), ["mail.sendmail"]);
    assert_eq!(
        with("server = \"a b\"\nport = 0"),
        ["mail.server", "mail.port"]
    );
    assert_eq!(with("server = \"m\"\nuser = \"x\""), ["mail.password_file"]);
    assert_eq!(
        with(
            "server = \"m\"\ntls = \"none\"\nuser = \"x\"\npassword_file = \"/p\"\nca_file = \"/c\""
        ),
        ["mail.ca_file", "mail.tls"]
    );
    assert_eq!(
        with("server = \"localhost\"\ntls = \"none\"\nuser = \"x\"\npassword_file = \"/p\""),
        [""; 0]
    );
    let opportunistic = "[mail]\ntls = \"opportunistic\"";
    let settings = toml::from_str::<smbgw_core::alert::channel::ChannelSettings>(opportunistic);
    assert!(settings.is_err());
}

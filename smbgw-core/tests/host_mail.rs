//! E-mail with a real mail server, by SMTP and by its `sendmail`.
#![cfg(feature = "mail")]

mod alert;
mod inside;

use std::path::Path;

use alert::{deliver, notice, soon};
use inside::{in_light_host, threads_and_files};
use mail_parser::{Message, MessageParser, MimeHeaders};
use smbgw_core::alert::{Messages, Notice};
use smbgw_testing::{Authority, Capability, MailServer, require};

/// The settings of a mail to ops@example.org, with `more`.
fn mail(more: &str) -> String {
    format!("[mail]\nfrom = \"Störage <gw@example.org>\"\nto = [\"Ops <ops@example.org>\"]\n{more}")
}

/// The same with the server of this host, the authority that vouches for it, and login.
fn encrypted(server: &MailServer, tls: &str, password: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let path = Path::new("/run/password");
    std::fs::write(path, format!("{password}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    mail(&format!(
        "server = \"localhost\"\ntls = {tls:?}\nca_file = {:?}\nuser = {:?}\n\
         password_file = {path:?}\n",
        server.authority(),
        MailServer::USER,
    ))
}

/// Looks whether `text` is the mail about `notice`.
fn check(text: &str, notice: &Notice) {
    let parsed: Message<'_> = MessageParser::new()
        .with_minimal_headers()
        .with_message_ids()
        .header_text("X-Smbgw-Share")
        .parse(text)
        .unwrap();
    let words = Messages::built_in().render(notice);
    assert_eq!(parsed.subject(), Some(words.subject.as_str()), "{text}");
    let from = parsed.from().unwrap().first().unwrap();
    assert_eq!(from.name(), Some("Störage"));
    assert_eq!(from.address(), Some("gw@example.org"));
    let to = parsed.to().unwrap().first().unwrap();
    assert_eq!(to.address(), Some("ops@example.org"));
    assert_eq!(
        parsed.message_id(),
        Some(format!("smbgw.{}@example.org", notice.id).as_str())
    );
    assert_eq!(parsed.date().unwrap().to_timestamp(), notice.at);
    let share = notice.share.as_ref().map(|share| share.as_str());
    for (name, value) in [
        ("Auto-Submitted", Some("auto-generated")),
        ("X-Smbgw-Id", Some(notice.id.as_str())),
        ("X-Smbgw-Host", Some(notice.host.as_str())),
        ("X-Smbgw-Share", share),
        ("X-Smbgw-Kind", Some("space")),
        ("X-Smbgw-Event", Some("raised")),
        ("X-Smbgw-Severity", Some("warning")),
    ] {
        let found = parsed.header(name).and_then(|value| value.as_text());
        assert_eq!(found, value, "{name}");
    }
    let kind = parsed.content_type().unwrap();
    assert_eq!(
        (kind.ctype(), kind.subtype()),
        ("multipart", Some("alternative"))
    );
    assert_eq!((parsed.text_body_count(), parsed.html_body_count()), (1, 1));
    let same = |found: &str, wanted: &str| {
        assert_eq!(found.replace("\r\n", "\n").trim_end(), wanted.trim_end());
    };
    same(&parsed.body_text(0).unwrap(), &words.text);
    same(&parsed.body_html(0).unwrap(), &words.html);
    assert!(parsed.body_text(0).unwrap().contains("Médiathèque"));
    assert!(parsed.body_html(0).unwrap().contains("&lt;something&gt;"));
}

#[test]
fn mail_arrives_encrypted_and_with_login() {
    require!(Capability::Exim, Capability::Openssl);
    in_light_host("mail_arrives_encrypted_and_with_login", || {
        let server = MailServer::start().unwrap();
        let before = threads_and_files();
        for (count, tls) in [(1, "starttls"), (2, "tls")] {
            let toml = encrypted(&server, tls, MailServer::PASSWORD);
            deliver(&toml, &notice(), soon()).unwrap();
            let mails = server.mails("ops", count).unwrap();
            check(&mails[count - 1], &notice());
        }
        assert_eq!(threads_and_files(), before, "something was left behind");
        let log = server.log();
        assert_eq!(log.matches("A=plain:gw").count(), 2, "{log}");
        assert_eq!(log.matches(" X=TLS1.3").count(), 2, "{log}");
    });
}

#[test]
fn a_wrong_password_is_told_and_tried_again_and_not_shown() {
    require!(Capability::Exim, Capability::Openssl);
    in_light_host(
        "a_wrong_password_is_told_and_tried_again_and_not_shown",
        || {
            let server = MailServer::start().unwrap();
            let toml = encrypted(&server, "starttls", "hunter2");
            let error = deliver(&toml, &notice(), soon()).unwrap_err();
            assert!(!error.is_permanent());
            let text = format!("{error} {error:?}");
            assert!(
                text.contains("the server `localhost:587`, logging in: permanent error (535)"),
                "{text}"
            );
            assert!(!text.contains("hunter2"), "{text}");

            // And none at all, where one is needed.
            let authority = server.authority();
            let toml = mail(&format!(
                "server = \"localhost\"\nca_file = {authority:?}\n"
            ));
            let error = deliver(&toml, &notice(), soon()).unwrap_err();
            assert!(error.is_permanent());
            assert!(error.to_string().contains("log in first"), "{error}");
        },
    );
}

#[test]
fn a_server_that_nobody_vouches_for_gets_nothing() {
    require!(Capability::Exim, Capability::Openssl);
    in_light_host("a_server_that_nobody_vouches_for_gets_nothing", || {
        let server = MailServer::start().unwrap();
        let other = Authority::new("/run/other").unwrap();
        let good = encrypted(&server, "starttls", MailServer::PASSWORD);
        let authority = format!("{:?}", server.authority());
        let wrong = good.replace(&authority, &format!("{:?}", other.certificate()));
        let system = good.replace(&format!("ca_file = {authority}"), "");
        // The certificate is for `localhost`, and for 127.0.0.1.
        std::fs::write("/etc/hosts", "127.0.0.1 localhost gw\n127.0.0.1 mail\n").unwrap();
        let name = good.replace("server = \"localhost\"", "server = \"mail\"");
        for toml in [&wrong, &system, &name] {
            for toml in [toml.clone(), toml.replace("\"starttls\"", "\"tls\"")] {
                let error = deliver(&toml, &notice(), soon()).unwrap_err();
                assert!(!error.is_permanent(), "{error}");
                assert!(error.to_string().contains("certificate"), "{error}");
            }
        }
        let log = server.log();
        assert!(!log.contains("A=plain"), "the password was sent: {log}");

        let by_number = good.replace("server = \"localhost\"", "server = \"127.0.0.1\"");
        deliver(&by_number, &notice(), soon()).unwrap();
        check(&server.mails("ops", 1).unwrap()[0], &notice());
    });
}

#[test]
fn a_refused_recipient_keeps_no_other_from_getting_the_mail() {
    require!(Capability::Exim, Capability::Openssl);
    in_light_host(
        "a_refused_recipient_keeps_no_other_from_getting_the_mail",
        || {
            let server = MailServer::start().unwrap();
            let to = |names: &str| {
                let toml = mail("server = \"localhost\"\ntls = \"none\"\n");
                let wanted = format!("to = [{names}]");
                let toml = toml.replace("to = [\"Ops <ops@example.org>\"]", &wanted);
                deliver(&toml, &notice(), soon())
            };
            to("\"nobody@example.org\", \"ops@example.org\", \"boss@example.org\"").unwrap();
            for name in ["ops", "boss"] {
                let mails = server.mails(name, 1).unwrap();
                assert!(mails[0].contains("X-Smbgw-Kind: space"));
            }
            let error = to("\"nobody@example.org\"").unwrap_err();
            assert!(error.is_permanent());
            let text = error.to_string();
            assert!(
                text.contains("`nobody@example.org`: permanent error (550)"),
                "{text}"
            );
            let error = to("\"later@example.org\"").unwrap_err();
            assert!(!error.is_permanent());
            assert!(error.to_string().contains("come back later"), "{error}");
        },
    );
}

#[test]
fn sendmail_takes_mail_over() {
    require!(Capability::Exim, Capability::Openssl);
    in_light_host("sendmail_takes_mail_over", || {
        let server = MailServer::start().unwrap();
        deliver(&mail("sendmail = true\n"), &notice(), soon()).unwrap();
        let mails = server.mails("ops", 1).unwrap();
        assert!(
            mails[0].starts_with("Return-path: <gw@example.org>\r\n"),
            "{}",
            mails[0]
        );
        check(&mails[0], &notice());

        // What the program says of a mail that it cannot take.
        let toml = "[mail]\nfrom = \"gw@example.org\"\nto = [\"-oQ@example.org\"]\nsendmail = true";
        deliver(toml, &notice(), soon()).unwrap();
        std::fs::remove_file("/etc/exim4/exim4.conf").unwrap();
        std::fs::write("/etc/exim4/exim4.conf", "nonsense = 1\n").unwrap();
        let error = deliver(&mail("sendmail = true\n"), &notice(), soon()).unwrap_err();
        assert!(!error.is_permanent());
        assert!(error.to_string().contains("nonsense"), "{error}");
    });
}

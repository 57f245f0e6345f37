//! The settings of e-mail, checked.

use lettre::message::Mailbox;

use super::{Encryption, MailSettings};
use crate::alert::channel::is_this_machine;
use crate::error::Problem;

/// Sender and recipients.
#[derive(Clone, Debug)]
pub(super) struct Addresses {
    pub(super) from: Mailbox,
    pub(super) to: Vec<Mailbox>,
}

/// The addresses in `settings`.
///
/// # Errors
/// All that is wrong with the settings.
pub(super) fn check(settings: &MailSettings) -> Result<Addresses, Vec<Problem>> {
    let mut problems = Vec::new();
    let from = mailbox("mail.from", &settings.from, &mut problems);
    if settings.to.is_empty() {
        problems.push(problem("mail.to", "no recipient is given"));
    }
    let to = settings.to.iter();
    let to: Vec<Mailbox> = to
        .filter_map(|text| mailbox("mail.to", text, &mut problems))
        .collect();
    check_way(settings, &mut problems);
    match from {
        Some(from) if problems.is_empty() => Ok(Addresses { from, to }),
        _ => Err(problems),
    }
}

/// Looks whether server, encryption and login go together.
fn check_way(settings: &MailSettings, problems: &mut Vec<Problem>) {
    let mut add = |field: &str, message: &str| problems.push(problem(field, message));
    let Some(server) = &settings.server else {
        if !settings.sendmail {
            let message = "neither a server is named, nor is `sendmail` set";
            add("mail.server", message);
        }
        let of_server = [
            ("mail.port", settings.port.is_some()),
            ("mail.tls", settings.tls.is_some()),
            ("mail.ca_file", settings.ca_file.is_some()),
            ("mail.user", settings.user.is_some()),
            ("mail.password_file", settings.password_file.is_some()),
        ];
        for (field, _) in of_server.into_iter().filter(|(_, is_set)| *is_set) {
            add(field, "this is of use only with a server");
        }
        return;
    };
    if settings.sendmail {
        add("mail.sendmail", "a server is named and `sendmail` is set");
    }
    if server.trim().is_empty() || server.contains(|c: char| c.is_whitespace() || c.is_control()) {
        add("mail.server", "this is no name of a server");
    }
    if settings.port == Some(0) {
        add("mail.port", "there is no port 0");
    }
    match (&settings.user, &settings.password_file) {
        (Some(_), None) => add(
            "mail.password_file",
            "a user is named, but no password file",
        ),
        (None, Some(_)) => add("mail.user", "a password file is named, but no user"),
        _ => {}
    }
    if settings.tls == Some(Encryption::None) {
        if settings.ca_file.is_some() {
            add(
                "mail.ca_file",
                "without encryption nobody vouches for the server",
            );
        }
        if settings.user.is_some() && !is_this_machine(server) {
            add(
                "mail.tls",
                "without encryption, the password could be read on the network",
            );
        }
    }
}

fn mailbox(field: &str, text: &str, problems: &mut Vec<Problem>) -> Option<Mailbox> {
    match text.parse() {
        Ok(mailbox) => Some(mailbox),
        Err(_) if text.trim().is_empty() => {
            problems.push(problem(field, "no address is given"));
            None
        }
        Err(error) => {
            let message = format!("`{text}` is no address of e-mail: {error}");
            problems.push(problem(field, &message));
            None
        }
    }
}

fn problem(field: &str, message: &str) -> Problem {
    Problem::invalid(field, "alert.mail", message)
}

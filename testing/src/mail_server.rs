//! A real mail server: exim, with encryption and login, that keeps mail in files.
//!
//! It belongs inside a [`LightHost`](crate::LightHost), whose `/etc` and network are its own: a test
//! program [that runs there](crate::inside::is_inside) starts it.
//!
//! | port | |
//! | --- | --- |
//! | 25 | `STARTTLS` offered, no login needed |
//! | 465 | TLS from the first byte, login needed |
//! | 587 | `STARTTLS` offered, and login needed, which is offered with encryption only |
//!
//! There are the mailboxes `ops@example.org` and `boss@example.org`. For `later@example.org` it
//! answers 451, for all others 550. Its name is `localhost`.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::certificates::Authority;
use crate::{Daemon, Error, Result, run, wait_until};

/// How long exim may take to start, or to put a mail into its file, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running mail server. Dropping it ends it.
#[derive(Debug)]
pub struct MailServer {
    authority: Authority,
    folder: PathBuf,
    _daemon: Daemon,
}

impl MailServer {
    /// The user who may log in.
    pub const USER: &'static str = "gw";

    /// The password of that user.
    pub const PASSWORD: &'static str = "correct horse battery";

    /// Starts the server of this host, and waits until it answers. `sendmail` works from then on.
    pub fn start() -> Result<MailServer> {
        let folder = PathBuf::from("/run/mail-server");
        let authority = Authority::new(folder.join("authority"))?;
        let certificate = authority.issue("localhost")?;
        let owner = numbers_of("Debian-exim")?;
        let doing = || Error::doing("preparing the mail server");
        for name in ["spool", "log", "mail"] {
            let path = folder.join(name);
            fs::create_dir_all(&path).map_err(doing())?;
            chown(&path, Some(owner.0), Some(owner.1)).map_err(doing())?;
        }
        for (from, name) in [
            (&certificate.certificate, "server.pem"),
            (&certificate.key, "server.key"),
        ] {
            let path = folder.join(name);
            fs::copy(from, &path).map_err(doing())?;
            chown(&path, None, Some(owner.1)).map_err(doing())?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).map_err(doing())?;
        }
        let settings = include_str!("mail_server/exim.conf")
            .replace("@FOLDER@", &folder.display().to_string())
            .replace("@PASSWORD@", Self::PASSWORD);
        fs::write("/etc/exim4/exim4.conf", settings).map_err(doing())?;
        let mut command = Command::new("exim4");
        command.arg("-bdf");
        let mut daemon = Daemon::start(command)?;
        let mut ended = None;
        wait_until(PATIENCE, "the mail server to listen", || {
            ended = daemon.ended();
            let listens = [25, 465, 587]
                .into_iter()
                .all(|port| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
            (ended.is_some() || listens).then_some(())
        })?;
        let server = MailServer {
            authority,
            folder,
            _daemon: daemon,
        };
        match ended {
            None => Ok(server),
            Some(status) => Err(Error::new(format!(
                "exim ended at once ({status}): {}",
                server.log()
            ))),
        }
    }

    /// The file with the certificate of the authority that vouches for the server.
    pub fn authority(&self) -> PathBuf {
        self.authority.certificate()
    }

    /// Waits for `count` mails in the mailbox of `name` and returns them, each with the
    /// `Return-path:` and `Envelope-to:` that exim adds.
    pub fn mails(&self, name: &str, count: usize) -> Result<Vec<String>> {
        let path = self.folder.join("mail").join(name);
        wait_until(PATIENCE, "mail in the mailbox", || {
            let mails = split(&fs::read_to_string(&path).unwrap_or_default());
            (mails.len() >= count).then_some(mails)
        })
        .map_err(|error| Error::new(format!("{error}: {}", self.log())))
    }

    /// What the server wrote to its logs.
    pub fn log(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.folder.join("log").join(name));
        ["mainlog", "rejectlog", "paniclog"]
            .into_iter()
            .filter_map(|name| read(name).ok())
            .collect()
    }
}

/// The mails in a file in which each begins with a line `From …` and ends with an empty one.
fn split(file: &str) -> Vec<String> {
    let mut mails: Vec<String> = Vec::new();
    let mut after_empty = true;
    for line in file.lines() {
        if after_empty && line.starts_with("From ") {
            mails.push(String::new());
        } else if let Some(mail) = mails.last_mut() {
            // What begins like a separator was marked.
            let line = line
                .strip_prefix('>')
                .filter(|rest| rest.starts_with("From "))
                .unwrap_or(line);
            mail.push_str(line);
            mail.push_str("\r\n");
        }
        after_empty = line.is_empty();
    }
    // The last one may still be being written.
    if !after_empty {
        mails.pop();
    }
    mails
}

/// The numbers of a user and of its group.
fn numbers_of(user: &str) -> Result<(u32, u32)> {
    let number = |what: &str| -> Result<u32> {
        let text = run(Command::new("id").args([what, user]))?;
        text.trim()
            .parse()
            .map_err(Error::doing("reading what `id` says"))
    };
    Ok((number("-u")?, number("-g")?))
}

/// Whether exim is the mail server of this machine.
pub(crate) fn available() -> Result<()> {
    for program in ["/usr/sbin/exim4", "/usr/sbin/sendmail"] {
        let found = fs::canonicalize(program);
        if found.is_ok_and(|path| path == Path::new("/usr/sbin/exim4")) {
            continue;
        }
        return Err(Error::new(format!("{program} is not exim")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mails_in_a_file_are_told_apart() {
        let file =
            "From a Mon\nSubject: 1\n\n>From here\nFrom there\n\nFrom b Tue\nSubject: 2\n\nx\n\n";
        assert_eq!(
            split(file),
            [
                "Subject: 1\r\n\r\nFrom here\r\nFrom there\r\n\r\n",
                "Subject: 2\r\n\r\nx\r\n\r\n"
            ]
        );
        assert_eq!(split("From a Mon\nSubject: 1\n\nhalf").len(), 0);
    }
}

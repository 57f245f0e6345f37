//! Giving Samba the machine's secret, changing it, and taking it back.
//!
//! # How
//! A join is told by `net offlinejoin requestodj`, which reads a [blob](super::blob) from its
//! standard input: Samba itself writes its records, on a cluster for all of its nodes, and keeps the
//! former password where it had one. A change is told by `net changesecretpw`, which makes the
//! former password the old one, so that tickets and sessions of the former one still are good. In
//! both cases the secret is in a memory file and in no argument, environment or file but Samba's.
//!
//! # Crashes
//! `inspect` says what undoing needs, which is no secret and may be written down; `apply` may be
//! interrupted anywhere, and `undo` then brings back the records that were there, byte for byte.
//!
//! # Changing the password
//! Samba is told *before* the directory. Then the secret is durable on this machine whatever
//! happens next: Samba knows both, takes tickets for both, and tries both when it logs in, so that
//! it works before, during and after. After a crash, [`trust::passwords`]
//! gives both back, and whichever the directory takes says how far the change had come.
//!
//! winbindd and smbd read the secret whenever they need it. A change needs no signal. After a
//! *join*, winbindd has to be started anew: it looks for its domain once.

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Command, CommandError, Host};
use smbgw_core::secret::Secret;

use super::blob::Provision;
use super::records::Before;
use super::{Member, SambaError, trust};

/// What taking back needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo {
    member: Member,
    before: Before,
}

/// What there is, before Samba is told anything about the domain of `member`.
///
/// # Errors
/// Where Samba's database cannot be looked at.
pub fn inspect(host: &dyn Host, member: &Member, deadline: Deadline) -> Result<Undo, SambaError> {
    Ok(Undo {
        member: member.clone(),
        before: Before::look(host, member, deadline)?,
    })
}

/// Tells Samba that this machine is the member that `provision` describes.
///
/// # Errors
/// Where Samba refuses. [`undo`] has to be called then.
pub fn join(
    host: &dyn Host,
    provision: &Provision,
    undo: &Undo,
    deadline: Deadline,
) -> Result<Change, SambaError> {
    check(&provision.password)?;
    undo.before.keep(host, deadline)?;
    let file = Secret::from(provision.to_file()?.to_vec());
    let command = undo
        .member
        .command("net")
        .args(["offlinejoin", "requestodj", "loadfile=/proc/self/fd/0"])
        .stdin_secret(file);
    run(
        host,
        &command,
        ("net offlinejoin", "be told of the domain"),
        &provision.password,
        deadline,
    )?;
    let known = trust::read(host, &undo.member, deadline)?;
    if known.is_none_or(|known| known.sid != provision.sid) {
        return Err(SambaError::NotSo {
            action: "be a member of the domain",
            but: "it knows no such domain".into(),
        });
    }
    Ok(if undo.before.is_empty() {
        Change::Created
    } else {
        Change::Updated
    })
}

/// Makes Samba forget the domain, and keeps what [`undo`] brings back.
///
/// # Errors
/// Where Samba's database cannot be changed.
pub fn leave(host: &dyn Host, undo: &Undo, deadline: Deadline) -> Result<Change, SambaError> {
    undo.before.keep(host, deadline)?;
    undo.before.remove(host, deadline)
}

/// Brings back the records of the domain as [`inspect`] found them, after a [`join`] or [`leave`]
/// that may have been done, wholly or in part. May be done again.
///
/// # Errors
/// Where Samba's database cannot be changed.
pub fn undo(host: &dyn Host, undo: &Undo, deadline: Deadline) -> Result<(), SambaError> {
    undo.before.restore(host, &undo.member, deadline)
}

/// Whether something is kept for [`undo`].
///
/// # Errors
/// Where that cannot be looked at.
pub fn keeps(host: &dyn Host, member: &Member) -> Result<bool, SambaError> {
    Ok(host.status(&Before::place(host, member)?)?.is_some())
}

/// Removes what is kept of the domain of `member`. Nothing can be taken back after that.
///
/// # Errors
/// Where it cannot be removed.
pub fn drop_kept(host: &dyn Host, member: &Member) -> Result<Change, SambaError> {
    Ok(host.remove(&Before::place(host, member)?)?)
}

/// Removes what was kept for [`undo`], which cannot be called after that.
///
/// # Errors
/// Where it cannot be removed.
pub fn settle(host: &dyn Host, undo: &Undo) -> Result<Change, SambaError> {
    undo.before.forget(host)
}

/// Tells Samba a new password of the machine's account; the former one becomes its old one.
///
/// # Errors
/// Where Samba refuses. It then knows what it knew before.
pub fn change_password(
    host: &dyn Host,
    member: &Member,
    password: &Secret,
    deadline: Deadline,
) -> Result<Change, SambaError> {
    check(password)?;
    // Told twice, it would forget the old one.
    let known = trust::passwords(host, member, deadline)?;
    if known.is_some_and(|known| known.current.expose() == password.expose()) {
        return Ok(Change::Unchanged);
    }
    let mut line = password.expose().to_vec();
    line.push(b'\n');
    let command = member
        .command("net")
        .args(["changesecretpw", "--force", "--stdin"])
        .stdin_secret(Secret::from(line));
    run(
        host,
        &command,
        ("net changesecretpw", "be told the new password"),
        password,
        deadline,
    )?;
    Ok(Change::Updated)
}

/// Whether Samba's programs take `password` as it is: they read a line of at most 255 bytes.
fn check(password: &Secret) -> Result<(), SambaError> {
    let bytes = password.expose();
    let wrong = |what| Err(SambaError::Password(what));
    if bytes.is_empty() {
        wrong("is empty")
    } else if bytes.len() > LONGEST_PASSWORD {
        wrong("has more than 240 bytes")
    } else if bytes.iter().any(u8::is_ascii_control) || str::from_utf8(bytes).is_err() {
        wrong("has characters that cannot be typed")
    } else {
        Ok(())
    }
}

/// `fgets` of Samba's `samba_getpass` has room for 256 bytes with line end and NUL.
const LONGEST_PASSWORD: usize = 240;

/// Runs `command`; what it says where it fails is passed on without the secret.
fn run(
    host: &dyn Host,
    command: &Command,
    (program, action): (&'static str, &'static str),
    secret: &Secret,
    deadline: Deadline,
) -> Result<(), SambaError> {
    match host.run(command, deadline) {
        Ok(_) => Ok(()),
        Err(CommandError::Failed { status, stderr, .. }) => Err(SambaError::Refused {
            program,
            action,
            said: match without(&stderr, secret) {
                Some(said) if !said.is_empty() => said,
                _ => status,
            },
        }),
        Err(error) => Err(error.into()),
    }
}

/// `said`, or nothing where a part of `secret` is in it.
fn without(said: &str, secret: &Secret) -> Option<String> {
    let part = secret.expose().len().clamp(1, 6);
    let is_told = |window: &[u8]| {
        said.as_bytes()
            .windows(window.len())
            .any(|told| told == window)
    };
    (!secret.expose().windows(part).any(is_told)).then(|| said.trim().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_samba_said_is_shown_without_the_secret() {
        let secret = Secret::from("hunter2-hunter3".to_string());
        assert_eq!(without(" no room \n", &secret).as_deref(), Some("no room"));
        for said in ["hunter2-hunter3", "cut: er2-hunt", "x = hunter3"] {
            assert_eq!(without(said, &secret), None, "{said}");
        }
        assert_eq!(without("a b", &Secret::from("b".to_string())), None);
    }

    #[test]
    fn a_password_that_samba_would_cut_is_refused() {
        let with = |bytes: &[u8]| check(&Secret::from(bytes.to_vec()));
        assert!(with("Ab1-ß".as_bytes()).is_ok());
        for bad in [&b""[..], b"a\nb", b"a\0", b"\xff", &[b'x'; 241]] {
            assert!(matches!(with(bad), Err(SambaError::Password(_))));
        }
    }
}

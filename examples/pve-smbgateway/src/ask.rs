//! What the user is asked for: passwords and consent.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::Path;

use smbgw_core::secret::Secret;
use zeroize::Zeroize;

use crate::args::ShareOptions;
use crate::args::domain::PasswordSource;

/// The passwords for accounts that may have to be made, by name.
pub(crate) fn passwords(options: &ShareOptions) -> io::Result<BTreeMap<String, Secret>> {
    match options.create_users {
        true => passwords_of(&options.users, options),
        false => Ok(BTreeMap::new()),
    }
}

/// The passwords of new accounts, by name.
pub(crate) fn passwords_of(
    users: &[String],
    options: &ShareOptions,
) -> io::Result<BTreeMap<String, Secret>> {
    let given = given(options.password_file.as_deref(), options.password_fd)?;
    let mut passwords = BTreeMap::new();
    for user in users {
        let password = match &given {
            Some(password) => password.clone(),
            None => chosen(user)?,
        };
        passwords.insert(user.clone(), password);
    }
    Ok(passwords)
}

/// The password that `whose` has: from where it is said to be, or typed.
pub(crate) fn password(source: &PasswordSource, whose: &str) -> io::Result<Secret> {
    match given(source.password_file.as_deref(), source.password_fd)? {
        Some(password) => Ok(password),
        None => match rpassword::prompt_password(format!("Password of {whose}: "))? {
            typed if typed.is_empty() => Err(empty()),
            typed => Ok(Secret::from(typed)),
        },
    }
}

/// Asks a question that is answered by typing `yes`; `None` where nobody is there to answer.
pub(crate) fn consent(question: &str) -> io::Result<Option<bool>> {
    if !io::stdin().is_terminal() {
        return Ok(None);
    }
    let mut stderr = io::stderr().lock();
    write!(stderr, "{question} Type `yes` to go on: ")?;
    stderr.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(Some(answer.trim() == "yes"))
}

/// The password in `file` or at `descriptor`, or on standard input; `None` where somebody is there to type
/// it.
fn given(file: Option<&Path>, descriptor: Option<u32>) -> io::Result<Option<Secret>> {
    let opened = match (file, descriptor) {
        (Some(file), _) if file == Path::new("-") => None,
        (Some(file), _) => Some(open(file)?),
        (None, Some(number)) => Some(open(Path::new(&format!("/proc/self/fd/{number}")))?),
        (None, None) if io::stdin().is_terminal() => return Ok(None),
        (None, None) => None,
    };
    Ok(Some(match opened {
        Some(file) => first_line(&mut BufReader::new(file))?,
        None => first_line(&mut io::stdin().lock())?,
    }))
}

fn open(path: &Path) -> io::Result<File> {
    File::open(path).map_err(|error| {
        let message = format!("cannot read the password from {}: {error}", path.display());
        io::Error::new(error.kind(), message)
    })
}

/// A new password, typed twice.
fn chosen(user: &str) -> io::Result<Secret> {
    let ask = |what: &str| rpassword::prompt_password(format!("{what} SMB password for {user}: "));
    let mut first = ask("New")?;
    let mut second = ask("Retype the")?;
    let same = first == second;
    second.zeroize();
    if same {
        return Ok(Secret::from(first));
    }
    first.zeroize();
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        "the two passwords differ",
    ))
}

/// The bytes up to the first line feed, which no password contains.
fn first_line(reader: &mut dyn BufRead) -> io::Result<Secret> {
    let mut line = Vec::with_capacity(LONGEST_PASSWORD);
    reader
        .take(LONGEST_PASSWORD as u64)
        .read_until(b'\n', &mut line)?;
    while matches!(line.last(), Some(b'\n' | b'\r')) {
        line.pop();
    }
    if line.is_empty() {
        return Err(empty());
    }
    Ok(Secret::from(line))
}

fn empty() -> io::Error {
    let message = "the password is empty: give it on standard input or with --password-file";
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

/// More than Samba takes, and so much that the buffer never grows and leaves a copy behind.
const LONGEST_PASSWORD: usize = 4096;

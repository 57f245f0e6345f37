//! What the user is asked for: passwords and consent.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::Path;

use smbgw_core::secret::Secret;
use zeroize::Zeroize;

use crate::args::ShareOptions;

/// The passwords for accounts that may have to be made, by name.
pub(crate) fn passwords(options: &ShareOptions) -> io::Result<BTreeMap<String, Secret>> {
    let mut passwords = BTreeMap::new();
    if !options.create_users {
        return Ok(passwords);
    }
    let given = match options.password_file.as_deref() {
        Some(path) if path == Path::new("-") => Some(first_line(&mut io::stdin().lock())?),
        Some(path) => Some(first_line(&mut BufReader::new(File::open(path)?))?),
        None if io::stdin().is_terminal() => None,
        None => Some(first_line(&mut io::stdin().lock())?),
    };
    for user in &options.users {
        let password = match &given {
            Some(password) => password.clone(),
            None => typed(user)?,
        };
        passwords.insert(user.clone(), password);
    }
    Ok(passwords)
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

fn typed(user: &str) -> io::Result<Secret> {
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
        let message = "the password is empty: give it on standard input or with --password-file";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    Ok(Secret::from(line))
}

/// More than Samba takes, and so much that the buffer never grows and leaves a copy behind.
const LONGEST_PASSWORD: usize = 4096;

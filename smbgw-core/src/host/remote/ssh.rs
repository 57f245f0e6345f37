//! Machines that OpenSSH's client reaches.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// A machine as ssh is told of it: `[user@]host[:port]`, the address of IPv6 in brackets where a port
/// follows.
///
/// What is not given is what ssh's own settings say (ssh_config(5)).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SshTarget {
    user: Option<String>,
    host: String,
    port: Option<u16>,
}

/// Why a text names no machine for ssh.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not `[user@]host[:port]`")]
pub struct SshTargetError(pub String);

impl SshTarget {
    /// Whom to log in as, where that is said.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The name or address of the machine.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port of its sshd, where that is said.
    pub fn port(&self) -> Option<u16> {
        self.port
    }
}

impl FromStr for SshTarget {
    type Err = SshTargetError;

    fn from_str(text: &str) -> Result<Self, SshTargetError> {
        let parse = || {
            let (user, machine) = match text.split_once('@') {
                Some((user, machine)) => (Some(user), machine),
                None => (None, text),
            };
            let (host, port) = split_port(machine)?;
            if user.is_some_and(|user| !is_plain_name(user)) {
                return None;
            }
            Some(Self {
                user: user.map(str::to_owned),
                host: host.to_owned(),
                port,
            })
        };
        parse().ok_or_else(|| SshTargetError(text.to_owned()))
    }
}

impl fmt::Display for SshTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        if self.host.contains(':') {
            write!(f, "[{}]", self.host)?;
        } else {
            f.write_str(&self.host)?;
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

fn split_port(machine: &str) -> Option<(&str, Option<u16>)> {
    if let Some(rest) = machine.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        let port = match after {
            "" => None,
            after => Some(port(after.strip_prefix(':')?)?),
        };
        return is_ipv6(host).then_some((host, port));
    }
    if is_ipv6(machine) {
        return Some((machine, None));
    }
    let (host, port) = match machine.split_once(':') {
        Some((host, number)) => (host, Some(port(number)?)),
        None => (machine, None),
    };
    is_plain_name(host).then_some((host, port))
}

fn port(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port > 0)
}

/// An address, and after `%` perhaps the interface that it is on.
fn is_ipv6(text: &str) -> bool {
    let (address, interface) = match text.split_once('%') {
        Some((address, interface)) => (address, Some(interface)),
        None => (text, None),
    };
    address.parse::<Ipv6Addr>().is_ok() && interface.is_none_or(is_plain_name)
}

/// Whether `name` is of letters, digits, dots, hyphens and underscores, and begins with no dot and no hyphen:
/// it then is no option and no path, and says nothing to a shell.
pub(crate) fn is_plain_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !name.is_empty()
        && name.len() <= 255
        && !name.starts_with(['-', '.'])
        && name.bytes().all(plain)
}

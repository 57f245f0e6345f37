//! `public_addresses`: what a node may have, one address a line with the interfaces for it.

use std::fmt;
use std::net::IpAddr;

use crate::address::{InterfaceName, VirtualAddress};

use super::{FileError, lines, push_line};

const FILE: &str = "public_addresses";

/// A line: an address and where it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicAddress {
    /// The address with its prefix. The interface of it is not used.
    pub address: VirtualAddress,
    /// Its interfaces, of which there is at least one. ctdb takes the one with the fewest addresses.
    pub interfaces: Vec<InterfaceName>,
}

impl fmt::Display for PublicAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.interfaces.iter().map(InterfaceName::as_str).collect();
        let (address, prefix) = (self.address.address(), self.address.network().prefix());
        write!(f, "{address}/{prefix} {}", names.join(","))
    }
}

/// What a `public_addresses` file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicAddresses(pub Vec<PublicAddress>);

impl PublicAddresses {
    /// Reads the text of a file. Comments and empty lines say nothing.
    ///
    /// # Errors
    ///
    /// [`FileError::Line`] for a line that is none of an address, and [`FileError::Twice`] for an address
    /// that is there again.
    pub fn parse(text: &str) -> Result<Self, FileError> {
        let mut found: Vec<PublicAddress> = Vec::new();
        let mut at: Vec<usize> = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            let text = text.trim_matches([' ', '\t']);
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let one = parse_line(text).ok_or_else(|| FileError::Line {
                file: FILE,
                line,
                text: text.to_owned(),
                wanted: "an address with its interface, as in '10.0.0.100/24 eth0'",
            })?;
            let address: IpAddr = one.address.address();
            let former = found
                .iter()
                .position(|former| former.address.address() == address);
            if let Some(former) = former {
                return Err(FileError::Twice {
                    file: FILE,
                    address,
                    first: at[former],
                    second: line,
                });
            }
            found.push(one);
            at.push(line);
        }
        Ok(Self(found))
    }

    /// The text of a file that says this.
    pub fn render(&self) -> String {
        self.0.iter().map(|one| format!("{one}\n")).collect()
    }

    /// The text of a file with one more address, at its end; as it is where it has the address already.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse) does for the text.
    pub fn with(text: &str, new: &PublicAddress) -> Result<String, FileError> {
        let is_it = |one: &PublicAddress| one.address.address() == new.address.address();
        if Self::parse(text)?.0.iter().any(is_it) {
            return Ok(text.to_owned());
        }
        let mut lines = lines(text);
        push_line(&mut lines, &new.to_string());
        Ok(lines.concat())
    }

    /// The text of a file without an address, the rest of it as it is.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse) does for the text.
    pub fn without(text: &str, address: IpAddr) -> Result<String, FileError> {
        Self::parse(text)?;
        let is_it = |line: &&String| {
            let found = parse_line(line.trim_matches([' ', '\t', '\r', '\n']));
            found.is_some_and(|one| one.address.address() == address)
        };
        let left = lines(text);
        Ok(left.iter().filter(|line| !is_it(line)).cloned().collect())
    }
}

fn parse_line(text: &str) -> Option<PublicAddress> {
    let mut words = text.split([' ', '\t']).filter(|word| !word.is_empty());
    let (address, names) = (words.next()?, words.next()?);
    let address: VirtualAddress = address.parse().ok()?;
    let interfaces: Result<_, _> = names.split(',').map(str::parse).collect();
    let is_whole = words.next().is_none() && address.interface().is_none();
    let interfaces = interfaces.ok().filter(|_| is_whole)?;
    Some(PublicAddress {
        address,
        interfaces,
    })
}

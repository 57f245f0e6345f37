//! What `testparm` printed: the parameters in effect.
//!
//! Run it as `testparm -s -v FILE`. Without `-v` only values other than the defaults are printed,
//! and not even all of these: Samba 4.17 leaves out a `server smb encrypt` that was set by its
//! synonym `smb encrypt`.

use std::collections::HashMap;

use super::names::{self, Identity};
use super::shares::folded;

/// The sections `testparm` printed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effective {
    globals: Parameters,
    shares: Vec<(Vec<u8>, Parameters)>,
    index: HashMap<String, usize>,
}

type Parameters = HashMap<Identity, Vec<u8>>;

/// Reads the standard output of `testparm -s`.
///
/// It prints each parameter on one line, begun with a tab, and each header at the start of one;
/// unlike in `smb.conf` a backslash at the end of a line is part of the value.
pub fn parse(output: &[u8]) -> Effective {
    let mut effective = Effective::default();
    let mut in_globals = true;
    for line in output.split(|b| *b == b'\n') {
        if let Some(parameter) = line.strip_prefix(b"\t") {
            let Some(equals) = find(parameter, b" =") else {
                continue;
            };
            let value = &parameter[equals + 2..];
            let value = value.strip_prefix(b" ").unwrap_or(value).to_vec();
            let parameters = match effective.shares.last_mut() {
                Some((_, parameters)) if !in_globals => parameters,
                _ => &mut effective.globals,
            };
            parameters.insert(names::identity(&parameter[..equals]), value);
        } else if let [b'[', name @ .., b']'] = line {
            in_globals = names::is_global_section(name);
            if !in_globals {
                effective.index.insert(folded(name), effective.shares.len());
                effective.shares.push((name.to_vec(), Parameters::new()));
            }
        }
    }
    effective
}

impl Effective {
    /// The value of a global parameter, or the default that shares have of a share parameter.
    pub fn global(&self, name: &str) -> Option<&[u8]> {
        self.globals
            .get(&names::identity(name.as_bytes()))
            .map(Vec::as_slice)
    }

    /// The value of a parameter for a share; for one the share does not differ in, the global one.
    /// `None` also if there is no such share. The share's name is taken in any case.
    pub fn share(&self, share: &str, name: &str) -> Option<&[u8]> {
        let (_, parameters) = &self.shares[*self.index.get(&folded(share.as_bytes()))?];
        let own = parameters.get(&names::identity(name.as_bytes()));
        own.map(Vec::as_slice).or_else(|| self.global(name))
    }

    /// The names of the shares, in order.
    pub fn share_names(&self) -> impl Iterator<Item = &[u8]> {
        self.shares.iter().map(|(name, _)| name.as_slice())
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

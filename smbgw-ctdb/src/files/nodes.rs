//! `nodes`: the private addresses of the nodes, one a line. A node is its line, counted from 0.
//!
//! So a line is never taken out or moved: a node that is gone is commented out, a new one is added at the
//! end. As ctdb reads it, any comment stands for a node that is gone, also one that was meant as a remark;
//! empty lines stand for nothing.

use std::net::IpAddr;

use super::{FileError, lines, push_line};

const FILE: &str = "nodes";

/// The text of a `nodes` file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodesFile {
    lines: Vec<String>,
    slots: Vec<Slot>,
}

/// A line that stands for a node, or for one that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The number of the node.
    pub pnn: u32,
    /// Its address; `None` for one that is gone.
    pub address: Option<IpAddr>,
    /// The number of the line, from 1.
    pub line: usize,
}

impl NodesFile {
    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// [`FileError::Line`] for a line with something else than an address, and [`FileError::Twice`] for an
    /// address that is there again.
    pub fn parse(text: &str) -> Result<Self, FileError> {
        let lines = lines(text);
        let mut slots: Vec<Slot> = Vec::new();
        for (line, text) in (1..).zip(&lines) {
            let Some(text) = entry(text) else { continue };
            let mut address = None;
            if !text.starts_with('#') {
                let found: IpAddr = text.parse().map_err(|_| FileError::Line {
                    file: FILE,
                    line,
                    text: text.to_owned(),
                    wanted: "an address",
                })?;
                if let Some(first) = slots.iter().find(|slot| slot.address == Some(found)) {
                    return Err(FileError::Twice {
                        file: FILE,
                        address: found,
                        first: first.line,
                        second: line,
                    });
                }
                address = Some(found);
            }
            let pnn = number(slots.len());
            slots.push(Slot { pnn, address, line });
        }
        Ok(Self { lines, slots })
    }

    /// All nodes, also those that are gone, in the order of their numbers.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The nodes that are not gone.
    pub fn nodes(&self) -> impl Iterator<Item = (u32, IpAddr)> {
        self.slots
            .iter()
            .filter_map(|slot| Some((slot.pnn, slot.address?)))
    }

    /// Adds a node, and tells its number. It is a new one also where the address was a node's that is gone.
    ///
    /// # Errors
    ///
    /// [`FileError::NodeIsThere`] for the address of a node.
    pub fn append(&mut self, address: IpAddr) -> Result<u32, FileError> {
        if let Some((pnn, _)) = self.nodes().find(|(_, known)| *known == address) {
            return Err(FileError::NodeIsThere { address, pnn });
        }
        push_line(&mut self.lines, &address.to_string());
        let pnn = number(self.slots.len());
        self.slots.push(Slot {
            pnn,
            address: Some(address),
            line: self.lines.len(),
        });
        Ok(pnn)
    }

    /// Comments a node out.
    ///
    /// # Errors
    ///
    /// [`FileError::NoNode`], [`FileError::NodeIsGone`], and [`FileError::LastNode`] where no other is left.
    pub fn remove(&mut self, pnn: u32) -> Result<(), FileError> {
        let count = self.slots.len();
        let left = self.nodes().count();
        let at = usize::try_from(pnn).unwrap_or(usize::MAX);
        let slot = self.slots.get_mut(at);
        let slot = slot.ok_or(FileError::NoNode { pnn, count })?;
        if slot.address.is_none() {
            return Err(FileError::NodeIsGone { pnn });
        }
        if left == 1 {
            return Err(FileError::LastNode { pnn });
        }
        slot.address = None;
        self.lines[slot.line - 1].insert(0, '#');
        Ok(())
    }

    /// The text of the file.
    pub fn render(&self) -> String {
        self.lines.concat()
    }
}

/// What a line has, without the blanks around it.
fn entry(line: &str) -> Option<&str> {
    let text = line.trim_end_matches(['\n', '\r']);
    Some(text.trim_matches([' ', '\t'])).filter(|text| !text.is_empty())
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

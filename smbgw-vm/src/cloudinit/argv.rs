//! Commands for the guest.

use serde::{Serialize, Serializer};

use super::CloudInitError;

/// A command of the guest: a program with its arguments, which no shell reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Argv(Vec<String>);

impl Argv {
    /// The command made of these words.
    ///
    /// # Errors
    /// Where there is no program, or a word has a zero byte.
    pub fn new<W: Into<String>>(
        words: impl IntoIterator<Item = W>,
    ) -> Result<Self, CloudInitError> {
        let words: Vec<String> = words.into_iter().map(Into::into).collect();
        let has_program = words.first().is_some_and(|word| !word.is_empty());
        match words.iter().find(|word| word.contains('\0')) {
            None if has_program => Ok(Self(words)),
            bad => Err(CloudInitError::new(
                bad.map_or("", String::as_str),
                "a word of a command, the first of which is the program",
            )),
        }
    }

    /// The program.
    pub fn program(&self) -> &str {
        &self.0[0]
    }

    /// The words.
    pub fn words(&self) -> &[String] {
        &self.0
    }

    /// A command of ours.
    pub(crate) fn of<const N: usize>(words: [&str; N]) -> Self {
        Self(words.map(str::to_owned).to_vec())
    }
}

impl Serialize for Argv {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

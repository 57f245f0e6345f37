//! Every reason this crate gives, with its usual cause and what to do about it.
//!
//! The table in `docs/active-directory.md` is made of [`Code::ALL`], and a test compares the two.

/// Makes [`Code`] of a table.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident: $code:literal, $cause:literal, $fix:literal;)*) => {
        /// A reason: why something about a domain failed, or is not as it should be.
        ///
        /// Its text ([`as_str`](Code::as_str)) stays the same over versions.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// All of them, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable text, such as `ad.clock-skew`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// What usually is behind it, as a sentence.
            pub const fn cause(self) -> &'static str {
                match self {
                    $(Self::$name => $cause,)*
                }
            }

            /// What an administrator does about it, as a sentence.
            pub const fn fix(self) -> &'static str {
                match self {
                    $(Self::$name => $fix,)*
                }
            }
        }
    };
}

codes! {
    /// A name of a domain, computer, principal or service is malformed.
    NameInvalid: "ad.name-invalid",
        "A name of a domain, computer, user or service has a character or a length that it may not have.",
        "Give a name that keeps to the rule in the message.";
    /// A Kerberos encryption type that this crate does not know.
    EncryptionTypeUnknown: "ad.encryption-type-unknown",
        "An encryption type was asked for that is not AES or RC4, or its name is misspelled.",
        "Name one of those that `klist -e` shows, such as aes256-cts-hmac-sha1-96.";
    /// A message was protected with another key than the one at hand.
    KeyMismatch: "ad.key-mismatch",
        "The password or key at hand is not the one that the other side used, or a message was changed on its way.",
        "Check the password, and that the keytab has the key version that the directory has.";
    /// A key cannot be made or used.
    CryptoFailed: "ad.crypto-failed",
        "A key or an encrypted message is malformed, or its making would take too much work.",
        "Check that the server is a domain controller, and what its side of the connection reports.";
    /// A file is not a keytab, or a damaged one.
    KeytabInvalid: "ad.keytab-invalid",
        "The file has another format than keytabs of today have, or was cut off while it was written.",
        "Move the file away and have its keys written again.";
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn codes_are_unique_and_well_formed() {
        let mut texts: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        texts.sort_unstable();
        let count = texts.len();
        texts.dedup();
        assert_eq!(texts.len(), count);
        for code in Code::ALL {
            let text = code.as_str();
            let word = text.strip_prefix("ad.").expect("it begins with `ad.`");
            assert!(
                word.bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
                "{text}"
            );
            assert!(
                code.cause().ends_with('.') && code.fix().ends_with('.'),
                "{text}"
            );
        }
    }
}

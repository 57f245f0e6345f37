//! Tables of the reasons that a crate gives, each with its usual cause and its cure.
//!
//! [`codes!`](crate::codes!) makes the type of a table. The manual has the same table, and a test compares
//! the two.

/// Makes the enum of all reasons of a crate, each with its stable code, usual cause and cure.
///
/// ```
/// smbgw_core::codes! {
///     /// Why something about lamps failed.
///     pub enum Code("lamp"):
///     /// The lamp gives no light.
///     Dark: "lamp.dark", "The bulb is broken.", "Take another bulb.";
/// }
/// assert_eq!(Code::Dark.as_str(), "lamp.dark");
/// assert_eq!(Code::ALL[0].fix(), "Take another bulb.");
/// ```
///
/// # Panics
/// The build ends where a code does not begin with the word of the table and a dot, has anything else than
/// small letters, digits and `-` after it, or is there twice, and where a cause or cure does not end in a full
/// stop.
#[macro_export]
macro_rules! codes {
    (
        $(#[$about:meta])*
        pub enum $enum:ident($word:literal):
        $($(#[$doc:meta])* $name:ident: $code:literal, $cause:literal, $fix:literal;)*
    ) => {
        $(#[$about])*
        ///
        /// Its text ([`as_str`](Self::as_str)) stays the same over versions.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $enum {
            $($(#[$doc])* $name,)*
        }

        impl $enum {
            /// All of them, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable text.
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

        impl ::std::fmt::Display for $enum {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        const _: () = $crate::code_table::check(
            $word,
            &[$(($code, $cause, $fix),)*],
        );
    };
}

/// What [`codes!`](crate::codes!) checks a table by: codes, causes and cures.
#[doc(hidden)]
pub const fn check(word: &str, table: &[(&str, &str, &str)]) {
    let mut at = 0;
    while at < table.len() {
        let (code, cause, fix) = table[at];
        assert!(is_well_formed(word, code), "a code is malformed");
        assert!(
            is_sentence(cause) && is_sentence(fix),
            "a sentence has no end"
        );
        let mut other = at + 1;
        while other < table.len() {
            assert!(!is_equal(code, table[other].0), "a code is there twice");
            other += 1;
        }
        at += 1;
    }
}

const fn is_well_formed(word: &str, code: &str) -> bool {
    let (word, code) = (word.as_bytes(), code.as_bytes());
    if code.len() < word.len() + 2 || code[word.len()] != b'.' {
        return false;
    }
    let mut at = 0;
    while at < code.len() {
        let fits = if at < word.len() {
            code[at] == word[at]
        } else if at == word.len() {
            true
        } else {
            matches!(code[at], b'a'..=b'z' | b'0'..=b'9' | b'-')
        };
        if !fits {
            return false;
        }
        at += 1;
    }
    true
}

const fn is_sentence(text: &str) -> bool {
    matches!(text.as_bytes().last(), Some(b'.'))
}

const fn is_equal(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    if left.len() != right.len() {
        return false;
    }
    let mut at = 0;
    while at < left.len() {
        if left[at] != right[at] {
            return false;
        }
        at += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_that_are_not_in_order_are_told() {
        let good = ("lamp.dark-2", "It is dark.", "Wait.");
        check("lamp", &[good, ("lamp.hot", "It is hot.", "Wait.")]);
        let wrong = [
            ("lamp.", "It.", "Wait."),
            ("lamp", "It.", "Wait."),
            ("lamp.Dark", "It.", "Wait."),
            ("bulb.dark", "It.", "Wait."),
            ("lamp.dark", "It", "Wait."),
            ("lamp.dark", "It.", ""),
            ("lamp.dark-2", "It.", "Wait."),
        ];
        for entry in wrong {
            let told = std::panic::catch_unwind(|| check("lamp", &[good, entry]));
            assert!(told.is_err(), "{entry:?}");
        }
    }
}

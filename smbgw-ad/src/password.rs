//! The password of the machine's account.

use smbgw_core::secret::Secret;
use zeroize::Zeroizing;

use crate::join_error::JoinError;

/// A new password: 124 characters, of which 120 are random, that no policy finds too simple.
///
/// # Errors
/// Where the kernel gives no random bytes.
pub fn random() -> Result<Secret, JoinError> {
    let mut bytes = Zeroizing::new([0; LENGTH]);
    getrandom::fill(&mut *bytes).map_err(|_| JoinError::NoRandom)?;
    let mut password: Vec<u8> = bytes
        .iter()
        .map(|byte| ALPHABET[usize::from(byte % 64)])
        .collect();
    // Of each kind of character that policies count there is one (MS-SAMR 3.1.1.7.2).
    for (place, character) in b"aA1-".iter().enumerate() {
        password[place] = *character;
    }
    Ok(Secret::from(password))
}

/// A text that nobody else uses, by which an account that was just made is known.
///
/// # Errors
/// Where the kernel gives no random bytes.
pub fn mark() -> Result<String, JoinError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| JoinError::NoRandom)?;
    Ok(format!("smbgw {:032x}", u128::from_be_bytes(bytes)))
}

const LENGTH: usize = 124;

/// Characters that mean nothing to any program on the way.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#[cfg(test)]
mod tests {
    use super::random;

    #[test]
    fn passwords_differ_and_have_all_kinds_of_characters() {
        let (one, other) = (random().unwrap(), random().unwrap());
        assert_ne!(one.expose(), other.expose());
        assert_eq!(one.expose().len(), 124);
        let has = |kind: fn(&u8) -> bool| one.expose().iter().any(kind);
        assert!(has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase));
        assert!(has(u8::is_ascii_digit) && has(u8::is_ascii_punctuation));
    }
}

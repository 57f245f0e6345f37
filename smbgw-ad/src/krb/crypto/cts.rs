//! AES in CBC mode with ciphertext stealing, as Kerberos has it (RFC 3962 section 5).
//!
//! The initial vector is zero. The last two blocks are always exchanged, also where the text ends
//! with a whole block; a text of one block is one block of plain CBC.

use aes::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes256};
use zeroize::Zeroizing;

const BLOCK: usize = 16;

/// AES with a key of either length; the crate wipes its round keys.
pub(super) enum Aes {
    Short(Aes128),
    Long(Aes256),
}

impl Aes {
    /// AES with a key of 32 bytes, or of 16.
    pub(super) fn new(key: &[u8]) -> Self {
        match <[u8; 32]>::try_from(key) {
            Ok(key) => Self::Long(Aes256::new(&Array(*Zeroizing::new(key)))),
            Err(_) => {
                let mut short = Zeroizing::new([0; 16]);
                let length = key.len().min(16);
                short[..length].copy_from_slice(&key[..length]);
                Self::Short(Aes128::new(&Array(*short)))
            }
        }
    }

    /// Encrypts one block.
    pub(super) fn block(&self, block: &mut [u8; BLOCK]) {
        let mut array = Array(*block);
        match self {
            Self::Short(aes) => aes.encrypt_block(&mut array),
            Self::Long(aes) => aes.encrypt_block(&mut array),
        }
        *block = array.0;
    }

    fn unblock(&self, block: &mut [u8; BLOCK]) {
        let mut array = Array(*block);
        match self {
            Self::Short(aes) => aes.decrypt_block(&mut array),
            Self::Long(aes) => aes.decrypt_block(&mut array),
        }
        *block = array.0;
    }

    /// Encrypts `text`, which has at least one block.
    pub(super) fn encrypt(&self, text: &mut [u8]) {
        let length = text.len();
        let mut last = [0; BLOCK];
        let mut start = 0;
        let mut before = 0;
        while start < length {
            let end = length.min(start + BLOCK);
            for (byte, plain) in last.iter_mut().zip(&text[start..end]) {
                *byte ^= plain;
            }
            self.block(&mut last);
            if end == length && start > 0 {
                // The last block whole, where the one before it was, and that one's beginning
                // behind it.
                let mut stolen = [0; BLOCK];
                stolen.copy_from_slice(&text[before..start]);
                text[before..start].copy_from_slice(&last);
                text[start..end].copy_from_slice(&stolen[..end - start]);
            } else {
                let width = end - start;
                text[start..end].copy_from_slice(&last[..width]);
            }
            before = start;
            start = end;
        }
    }

    /// Decrypts what [`encrypt`](Self::encrypt) made, which has at least one block.
    pub(super) fn decrypt(&self, text: &mut [u8]) {
        let length = text.len();
        let blocks = length.div_ceil(BLOCK);
        // All but the last two are plain CBC.
        let plain = match blocks {
            0 | 1 => length,
            more => (more - 2) * BLOCK,
        };
        let mut previous = [0; BLOCK];
        for chunk in text[..plain].chunks_exact_mut(BLOCK) {
            let mut block = [0; BLOCK];
            block.copy_from_slice(chunk);
            let cipher = block;
            self.unblock(&mut block);
            for ((byte, decrypted), previous) in chunk.iter_mut().zip(block).zip(previous) {
                *byte = decrypted ^ previous;
            }
            previous = cipher;
        }
        if blocks < 2 {
            return;
        }
        let (first, second) = text[plain..].split_at_mut(BLOCK);
        let mut whole = [0; BLOCK];
        whole.copy_from_slice(first);
        self.unblock(&mut whole);
        // What was stolen of the block before the last is the end of this one.
        let mut stolen = whole;
        stolen[..second.len()].copy_from_slice(second);
        for (byte, whole) in second.iter_mut().zip(whole) {
            *byte ^= whole;
        }
        self.unblock(&mut stolen);
        for ((byte, decrypted), previous) in first.iter_mut().zip(stolen).zip(previous) {
            *byte = decrypted ^ previous;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        super::super::vectors::hex(text)
    }

    #[test]
    fn vectors_of_the_rfc_hold() {
        // RFC 3962, appendix B.
        let text = b"I would like the General Gau's Chicken, please, and wonton soup.";
        let aes = Aes::new(b"chicken teriyaki");
        for (length, expected) in [
            (17, "c6353568f2bf8cb4d8a580362da7ff7f97"),
            (
                31,
                "fc00783e0efdb2c1d445d4c8eff7ed2297687268d6ecccc0c07b25e25ecfe5",
            ),
            (
                32,
                "39312523a78662d5be7fcbcc98ebf5a897687268d6ecccc0c07b25e25ecfe584",
            ),
            (
                47,
                "97687268d6ecccc0c07b25e25ecfe584b3fffd940c16a18c1b5549d2f838029e\
                 39312523a78662d5be7fcbcc98ebf5",
            ),
            (
                48,
                "97687268d6ecccc0c07b25e25ecfe5849dad8bbb96c4cdc03bc103e1a194bbd8\
                 39312523a78662d5be7fcbcc98ebf5a8",
            ),
            (
                64,
                "97687268d6ecccc0c07b25e25ecfe58439312523a78662d5be7fcbcc98ebf5a8\
                 4807efe836ee89a526730dbc2f7bc8409dad8bbb96c4cdc03bc103e1a194bbd8",
            ),
        ] {
            let mut message = text[..length].to_vec();
            aes.encrypt(&mut message);
            assert_eq!(message, hex(expected), "{length}");
            aes.decrypt(&mut message);
            assert_eq!(message, text[..length], "{length}");
        }
    }

    #[test]
    fn every_length_goes_there_and_back() {
        for key in [[7; 16].as_slice(), &[9; 32]] {
            let aes = Aes::new(key);
            for length in 16..100 {
                let text: Vec<u8> = (0..length).collect();
                let mut message = text.clone();
                aes.encrypt(&mut message);
                assert_ne!(message, text);
                aes.decrypt(&mut message);
                assert_eq!(message, text);
            }
        }
    }
}

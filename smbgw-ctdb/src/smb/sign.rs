//! Signatures of messages (MS-SMB2 3.1.4.1).

use aes::Aes128;
use aes::cipher::{Array, BlockCipherEncrypt};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::message::SMB_3_0_2;

/// Where a signature is in a message.
const PLACE: std::ops::Range<usize> = 48..64;

/// What messages of a session are signed with.
pub(super) enum SigningKey {
    /// SMB 2.1.
    Hmac([u8; 16]),
    /// SMB 3.
    Cmac(Box<Aes128>),
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey")
    }
}

impl SigningKey {
    pub(super) fn new(session_key: &[u8; 16], dialect: u16) -> Self {
        if dialect < SMB_3_0_2 {
            return Self::Hmac(*session_key);
        }
        // SP 800-108 in counter mode (MS-SMB2 3.1.4.2).
        let parts: [&[u8]; 5] = [
            &1_u32.to_be_bytes(),
            b"SMB2AESCMAC\0",
            b"\0",
            b"SmbSign\0",
            &128_u32.to_be_bytes(),
        ];
        let key = hmac_sha256(session_key, &parts);
        Self::Cmac(Box::new(Aes128::new(&Array(key))))
    }

    /// Signs a message whose place for the signature is empty.
    pub(super) fn sign(&self, message: &mut [u8]) {
        let signature = self.signature(message);
        message[PLACE].copy_from_slice(&signature);
    }

    /// Whether the answer has the right signature.
    pub(super) fn has_signed(&self, answer: &[u8]) -> bool {
        let mut without = answer.to_vec();
        without[PLACE].fill(0);
        self.signature(&without) == answer[PLACE]
    }

    fn signature(&self, message: &[u8]) -> [u8; 16] {
        match self {
            Self::Hmac(key) => hmac_sha256(key, &[message]),
            Self::Cmac(cipher) => cmac(cipher, message),
        }
    }
}

/// The first half of an HMAC.
fn hmac_sha256(key: &[u8; 16], parts: &[&[u8]]) -> [u8; 16] {
    let mut hmac = Hmac::<Sha256>::new_from_slice(key).expect("an HMAC takes keys of any length");
    for part in parts {
        hmac.update(part);
    }
    let whole: [u8; 32] = hmac.finalize().into_bytes().into();
    let mut half = [0; 16];
    half.copy_from_slice(&whole[..16]);
    half
}

/// AES-CMAC (RFC 4493).
fn cmac(cipher: &Aes128, message: &[u8]) -> [u8; 16] {
    let encrypt = |block: [u8; 16]| {
        let mut block = Array(block);
        cipher.encrypt_block(&mut block);
        block.0
    };
    let twice = |block: [u8; 16]| {
        let bits = u128::from_be_bytes(block);
        let carry = if bits >> 127 == 1 { 0x87 } else { 0 };
        ((bits << 1) ^ carry).to_be_bytes()
    };
    let first = twice(encrypt([0; 16]));
    let blocks = message.len().div_ceil(16).max(1);
    let (body, rest) = message.split_at((blocks - 1) * 16);
    let mut last = [0; 16];
    last[..rest.len()].copy_from_slice(rest);
    let key = if rest.len() == 16 {
        first
    } else {
        last[rest.len()] = 0x80;
        twice(first)
    };
    let mut state = [0; 16];
    for block in body.chunks_exact(16) {
        state = encrypt(xor(state, block));
    }
    encrypt(xor(xor(state, &last), &key))
}

fn xor(mut one: [u8; 16], other: &[u8]) -> [u8; 16] {
    for (byte, with) in one.iter_mut().zip(other) {
        *byte ^= with;
    }
    one
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 4493.
    #[test]
    fn cmac_is_that_of_the_rfc() {
        let key = 0x2b7e_1516_28ae_d2a6_abf7_1588_09cf_4f3c_u128.to_be_bytes();
        let cipher = Aes128::new(&Array(key));
        let message: Vec<u8> = [
            0x6bc1_bee2_2e40_9f96_e93d_7e11_7393_172a_u128,
            0xae2d_8a57_1e03_ac9c_9eb7_6fac_45af_8e51,
            0x30c8_1c46_a35c_e411_e5fb_c119_1a0a_52ef,
            0xf69f_2445_df4f_9b17_ad2b_417b_e66c_3710,
        ]
        .iter()
        .flat_map(|bits| bits.to_be_bytes())
        .collect();
        for (length, expected) in [
            (0, 0xbb1d_6929_e959_3728_7fa3_7d12_9b75_6746_u128),
            (16, 0x070a_16b4_6b4d_4144_f79b_dd9d_d04a_287c),
            (40, 0xdfa6_6747_de9a_e630_30ca_3261_1497_c827),
            (64, 0x51f0_bebf_7e3b_9d92_fc49_7417_7936_3cfe),
        ] {
            assert_eq!(
                cmac(&cipher, &message[..length]),
                expected.to_be_bytes(),
                "{length}"
            );
        }
    }

    #[test]
    fn a_changed_answer_is_not_signed() {
        for dialect in [0x0210, SMB_3_0_2] {
            let key = SigningKey::new(&[7; 16], dialect);
            let mut message = vec![3; 80];
            message[PLACE].fill(0);
            key.sign(&mut message);
            assert!(key.has_signed(&message));
            message[70] ^= 1;
            assert!(!key.has_signed(&message));
        }
    }
}

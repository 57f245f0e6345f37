//! AES with HMAC-SHA-1 (RFC 3962, in the simplified profile of RFC 3961 section 5.3).

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use zeroize::Zeroizing;

use super::cts::Aes;
use super::nfold::nfold;
use super::{EncryptionType, same};

/// Rounds of PBKDF2 where no parameters say another number.
pub(super) const ROUNDS: u32 = 4096;

const BLOCK: usize = 16;
/// The bytes that are left of an HMAC.
const MAC: usize = 12;

pub(super) fn string_to_key(
    etype: EncryptionType,
    password: &[u8],
    salt: &[u8],
    rounds: u32,
) -> Zeroizing<Vec<u8>> {
    let mut seed = Zeroizing::new(vec![0; etype.key_len()]);
    pbkdf2::pbkdf2_hmac::<Sha1>(password, salt, rounds, &mut seed);
    derive(&seed, b"kerberos")
}

pub(super) fn encrypt(key: &[u8], usage: u32, confounder: &[u8; 16], plain: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(BLOCK + plain.len() + MAC);
    message.extend_from_slice(confounder);
    message.extend_from_slice(plain);
    let mac = mac(&purpose(key, usage, INTEGRITY), &message);
    Aes::new(&purpose(key, usage, ENCRYPTION)).encrypt(&mut message);
    message.extend_from_slice(&mac);
    message
}

/// The text, or nothing where the MAC is wrong.
pub(super) fn decrypt(key: &[u8], usage: u32, cipher: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (message, expected) = cipher.split_at_checked(cipher.len().checked_sub(MAC)?)?;
    if message.len() < BLOCK {
        return None;
    }
    let mut message = Zeroizing::new(message.to_vec());
    Aes::new(&purpose(key, usage, ENCRYPTION)).decrypt(&mut message);
    if !same(&mac(&purpose(key, usage, INTEGRITY), &message), expected) {
        return None;
    }
    message.drain(..BLOCK);
    Some(message)
}

pub(super) fn checksum(key: &[u8], usage: u32, data: &[u8]) -> Vec<u8> {
    mac(&purpose(key, usage, CHECKSUM), data)
}

/// What a derived key is for (RFC 3961 section 5.3).
const CHECKSUM: u8 = 0x99;
const ENCRYPTION: u8 = 0xaa;
const INTEGRITY: u8 = 0x55;

fn purpose(key: &[u8], usage: u32, purpose: u8) -> Zeroizing<Vec<u8>> {
    let [a, b, c, d] = usage.to_be_bytes();
    derive(key, &[a, b, c, d, purpose])
}

/// DK of RFC 3961 section 5.1: the constant, folded to a block and encrypted over and over.
pub(super) fn derive(key: &[u8], constant: &[u8]) -> Zeroizing<Vec<u8>> {
    let aes = Aes::new(key);
    let mut block = Zeroizing::new([0; BLOCK]);
    block.copy_from_slice(&nfold(constant, BLOCK));
    let mut derived = Zeroizing::new(Vec::with_capacity(key.len()));
    while derived.len() < key.len() {
        aes.block(&mut block);
        let wanted = BLOCK.min(key.len() - derived.len());
        derived.extend_from_slice(&block[..wanted]);
    }
    derived
}

fn mac(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut hmac = hmac_with::<Hmac<Sha1>>(key);
    hmac.update(data);
    hmac.finalize().into_bytes()[..MAC].to_vec()
}

/// An HMAC, which takes keys of any length (RFC 2104).
pub(super) fn hmac_with<M: Mac + KeyInit>(key: &[u8]) -> M {
    <M as KeyInit>::new_from_slice(key).expect("an HMAC takes keys of any length")
}

//! AES with HMAC-SHA-256 or HMAC-SHA-384 (RFC 8009).

use hmac::{Hmac, Mac};
use sha2::{Sha256, Sha384};
use zeroize::Zeroizing;

use super::aes_sha1::hmac_with;
use super::cts::Aes;
use super::{EncryptionType, same};

/// Rounds of PBKDF2 where no parameters say another number (section 4).
pub(super) const ROUNDS: u32 = 32768;

const BLOCK: usize = 16;

pub(super) fn string_to_key(
    etype: EncryptionType,
    password: &[u8],
    salt: &[u8],
    rounds: u32,
) -> Zeroizing<Vec<u8>> {
    let mut salted = etype.as_str().as_bytes().to_vec();
    salted.push(0);
    salted.extend_from_slice(salt);
    let mut seed = Zeroizing::new(vec![0; etype.key_len()]);
    match is_long(etype) {
        true => pbkdf2::pbkdf2_hmac::<Sha384>(password, &salted, rounds, &mut seed),
        false => pbkdf2::pbkdf2_hmac::<Sha256>(password, &salted, rounds, &mut seed),
    }
    derive(etype, &seed, b"kerberos", etype.key_len())
}

pub(super) fn encrypt(
    etype: EncryptionType,
    key: &[u8],
    usage: u32,
    confounder: &[u8; 16],
    plain: &[u8],
) -> Vec<u8> {
    let mut message = Vec::with_capacity(plain.len() + etype.overhead());
    message.extend_from_slice(confounder);
    message.extend_from_slice(plain);
    Aes::new(&encryption_key(etype, key, usage)).encrypt(&mut message);
    let mac = integrity(etype, key, usage, &message);
    message.extend_from_slice(&mac);
    message
}

/// The text, or nothing where the MAC is wrong.
pub(super) fn decrypt(
    etype: EncryptionType,
    key: &[u8],
    usage: u32,
    cipher: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let end = cipher.len().checked_sub(etype.checksum_len())?;
    let (message, expected) = cipher.split_at_checked(end)?;
    if message.len() < BLOCK || !same(&integrity(etype, key, usage, message), expected) {
        return None;
    }
    let mut message = Zeroizing::new(message.to_vec());
    Aes::new(&encryption_key(etype, key, usage)).decrypt(&mut message);
    message.drain(..BLOCK);
    Some(message)
}

pub(super) fn checksum(etype: EncryptionType, key: &[u8], usage: u32, data: &[u8]) -> Vec<u8> {
    let key = mac_key(etype, key, usage, CHECKSUM);
    let mut checksum = hmac(etype, &key, &[data]);
    checksum.truncate(etype.checksum_len());
    checksum.to_vec()
}

/// What a derived key is for (section 5).
const CHECKSUM: u8 = 0x99;
const ENCRYPTION: u8 = 0xaa;
const INTEGRITY: u8 = 0x55;

/// The MAC of an encrypted message, of which the zero vector before it is a part (section 5).
fn integrity(etype: EncryptionType, key: &[u8], usage: u32, message: &[u8]) -> Vec<u8> {
    let key = mac_key(etype, key, usage, INTEGRITY);
    let mut mac = hmac(etype, &key, &[&[0; BLOCK], message]);
    mac.truncate(etype.checksum_len());
    mac.to_vec()
}

fn encryption_key(etype: EncryptionType, key: &[u8], usage: u32) -> Zeroizing<Vec<u8>> {
    derive(etype, key, &label(usage, ENCRYPTION), etype.key_len())
}

fn mac_key(etype: EncryptionType, key: &[u8], usage: u32, purpose: u8) -> Zeroizing<Vec<u8>> {
    derive(etype, key, &label(usage, purpose), etype.checksum_len())
}

fn label(usage: u32, purpose: u8) -> [u8; 5] {
    let [a, b, c, d] = usage.to_be_bytes();
    [a, b, c, d, purpose]
}

/// KDF-HMAC-SHA2 without a context (section 3), for up to as many bytes as the hash has.
fn derive(etype: EncryptionType, key: &[u8], label: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
    let bits = (length as u32 * 8).to_be_bytes();
    let mut derived = hmac(etype, key, &[&[0, 0, 0, 1], label, &[0], &bits]);
    derived.truncate(length);
    derived
}

fn hmac(etype: EncryptionType, key: &[u8], parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    fn of(mut hmac: impl Mac, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
        parts.iter().for_each(|part| hmac.update(part));
        Zeroizing::new(hmac.finalize().into_bytes().to_vec())
    }
    match is_long(etype) {
        true => of(hmac_with::<Hmac<Sha384>>(key), parts),
        false => of(hmac_with::<Hmac<Sha256>>(key), parts),
    }
}

fn is_long(etype: EncryptionType) -> bool {
    etype == EncryptionType::Aes256Sha384
}

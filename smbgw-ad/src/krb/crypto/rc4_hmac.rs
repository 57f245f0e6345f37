//! RC4 with HMAC-MD5 (RFC 4757).

use hmac::{Hmac, Mac};
use md4::Md4;
use md5::{Digest, Md5};
use rc4::{KeyInit, Rc4, StreamCipher};
use zeroize::Zeroizing;

use super::aes_sha1::hmac_with;
use super::{CryptoError, same};

const MAC: usize = 16;
const CONFOUNDER: usize = 8;

/// MD4 of the password in UTF-16, which knows no salt (section 2).
pub(super) fn string_to_key(password: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let password = std::str::from_utf8(password).map_err(|_| CryptoError::PasswordNotText)?;
    let mut wide = Zeroizing::new(Vec::with_capacity(password.len() * 2));
    for unit in password.encode_utf16() {
        wide.extend_from_slice(&unit.to_le_bytes());
    }
    Ok(Zeroizing::new(Md4::digest(&*wide).to_vec()))
}

pub(super) fn encrypt(key: &[u8], usage: u32, confounder: &[u8; 16], plain: &[u8]) -> Vec<u8> {
    let key = hmac(key, &[&number(usage)]);
    let confounder = &confounder[..CONFOUNDER];
    let mac = hmac(&*key, &[confounder, plain]);
    let mut message = Vec::with_capacity(MAC + CONFOUNDER + plain.len());
    message.extend_from_slice(&*mac);
    message.extend_from_slice(confounder);
    message.extend_from_slice(plain);
    apply(&hmac(&*key, &[&*mac]), &mut message[MAC..]);
    message
}

/// The text, or nothing where the MAC is wrong.
pub(super) fn decrypt(key: &[u8], usage: u32, cipher: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let key = hmac(key, &[&number(usage)]);
    let (expected, message) = cipher.split_at_checked(MAC)?;
    if message.len() < CONFOUNDER {
        return None;
    }
    let mut message = Zeroizing::new(message.to_vec());
    apply(&hmac(&*key, &[expected]), &mut message);
    if !same(&*hmac(&*key, &[&message]), expected) {
        return None;
    }
    message.drain(..CONFOUNDER);
    Some(message)
}

pub(super) fn checksum(key: &[u8], usage: u32, data: &[u8]) -> Vec<u8> {
    let key = hmac(key, &[b"signaturekey\0"]);
    let mut md5 = Md5::new();
    md5.update(number(usage));
    md5.update(data);
    hmac(&*key, &[md5.finalize().as_slice()]).to_vec()
}

/// The usage as RC4 knows it: two have other numbers (section 3, and what Windows does).
fn number(usage: u32) -> [u8; 4] {
    match usage {
        3 => 8,
        23 => 13,
        other => other,
    }
    .to_le_bytes()
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Zeroizing<[u8; MAC]> {
    let mut hmac = hmac_with::<Hmac<Md5>>(key);
    parts.iter().for_each(|part| hmac.update(part));
    Zeroizing::new(hmac.finalize().into_bytes().0)
}

fn apply(key: &[u8; MAC], message: &mut [u8]) {
    // RC4 takes keys of 1 to 256 bytes.
    let mut rc4 = Rc4::new_from_slice(key).expect("RC4 takes keys of this length");
    rc4.apply_keystream(message);
}

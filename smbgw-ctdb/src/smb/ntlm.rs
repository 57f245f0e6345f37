//! The login with NTLMv2 (MS-NLMP 2.2.1 and 3.3.2).

use hmac::{Hmac, KeyInit, Mac};
use md4::{Digest, Md4};
use md5::Md5;

use super::message::{Reader, Words, utf16};
use super::{Login, SmbError};

/// Text is UTF-16, the server names itself, messages may be signed, NTLM with extended security and keys of
/// 128 bits. The key of the session is not exchanged, so that it is the one that follows from the password.
const FLAGS: u32 = 0x2008_8215;

/// The first message.
pub(super) fn negotiate() -> Vec<u8> {
    let mut message = b"NTLMSSP\0".to_vec();
    message.extend_from_slice(&1_u32.to_le_bytes());
    message.extend_from_slice(&FLAGS.to_le_bytes());
    message.extend_from_slice(&[0; 16]);
    message
}

/// The last message, and the key that follows from it.
pub(super) struct Answer {
    pub(super) token: Vec<u8>,
    pub(super) session_key: [u8; 16],
}

/// Answers the server's challenge, which is somewhere in `said`.
pub(super) fn authenticate(said: &[u8], login: &Login) -> Result<Answer, SmbError> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(std::io::Error::other)?;
    respond(challenge(said)?, login, random)
}

/// The server's message, which is alone or within a message of SPNEGO.
fn challenge(said: &[u8]) -> Result<&[u8], SmbError> {
    let start = said.windows(8).position(|bytes| bytes == b"NTLMSSP\0");
    let message = start.and_then(|start| said.get(start..));
    message.ok_or(SmbError::Malformed("no challenge for the login"))
}

fn respond(challenge: &[u8], login: &Login, random: [u8; 8]) -> Result<Answer, SmbError> {
    let reader = Reader(challenge);
    if reader.u32(8)? != 2 {
        return Err(SmbError::Malformed("no challenge for the login"));
    }
    let server = reader.bytes(24, 8)?;
    let about = reader.bytes(reader.u32(44)? as usize, reader.u16(40)?.into())?;
    let user = login.user.to_uppercase() + &login.domain;
    let password = String::from_utf8_lossy(login.password.expose());
    let owner = hmac_md5(&Md4::digest(utf16(&password)), &[&utf16(&user)]);

    let mut said = vec![1, 1, 0, 0, 0, 0, 0, 0];
    said.extend_from_slice(&time_of(about));
    said.extend_from_slice(&random);
    said.extend_from_slice(&[0; 4]);
    said.extend_from_slice(about);
    said.extend_from_slice(&[0; 4]);
    let proof = hmac_md5(&owner, &[server, &said]);
    let session_key = hmac_md5(&owner, &[&proof]);
    let response = [&proof[..], &said].concat();

    let fields = [
        vec![0; 24],
        response,
        utf16(&login.domain),
        utf16(&login.user),
        Vec::new(),
        Vec::new(),
    ];
    let mut head = Words::new(0);
    let mut at = 64_usize;
    for field in &fields {
        let length = field.len() as u16;
        head.u16(length).u16(length).u32(at as u32);
        at += field.len();
    }
    head.u32(FLAGS);
    let mut token = b"NTLMSSP\0\x03\0\0\0".to_vec();
    // Without the size that other bodies begin with.
    token.extend_from_slice(&head.as_slice()[2..]);
    token.extend(fields.concat());
    Ok(Answer { token, session_key })
}

/// The time that the server gives in what it says about itself (MS-NLMP 2.2.2.1), or none.
fn time_of(about: &[u8]) -> [u8; 8] {
    let reader = Reader(about);
    let mut at = 0;
    while let (Ok(kind), Ok(length)) = (reader.u16(at), reader.u16(at + 2)) {
        if kind == 7
            && let Ok(time) = reader.u64(at + 4)
        {
            return time.to_le_bytes();
        }
        at += 4 + usize::from(length);
    }
    [0; 8]
}

fn hmac_md5(key: &[u8], parts: &[&[u8]]) -> [u8; 16] {
    let mut hmac = Hmac::<Md5>::new_from_slice(key).expect("an HMAC takes keys of any length");
    for part in parts {
        hmac.update(part);
    }
    hmac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of MS-NLMP 4.2.4.
    #[test]
    fn the_documented_example_is_met() {
        let about = [
            2, 0, 12, 0, 0x44, 0, 0x6f, 0, 0x6d, 0, 0x61, 0, 0x69, 0, 0x6e, 0, 1, 0, 12, 0, 0x53,
            0, 0x65, 0, 0x72, 0, 0x76, 0, 0x65, 0, 0x72, 0, 0, 0, 0, 0,
        ];
        let mut challenge = b"NTLMSSP\0\x02\0\0\0".to_vec();
        challenge.extend_from_slice(&[0; 12]);
        challenge.extend_from_slice(&[0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef]);
        challenge.extend_from_slice(&[0; 8]);
        challenge.extend_from_slice(&[about.len() as u8, 0, about.len() as u8, 0, 48, 0, 0, 0]);
        challenge.extend_from_slice(&about);
        let login = Login {
            user: "User".into(),
            domain: "Domain".into(),
            password: "Password".to_owned().into(),
        };
        let answer = respond(&challenge, &login, [0xaa; 8]).unwrap();
        let proof = [
            0x68, 0xcd, 0x0a, 0xb8, 0x51, 0xe5, 0x1c, 0x96, 0xaa, 0xbc, 0x92, 0x7b, 0xeb, 0xef,
            0x6a, 0x1c,
        ];
        assert_eq!(answer.token[88..104], proof);
        let key = [
            0x8d, 0xe4, 0x0c, 0xca, 0xdb, 0xc1, 0x4a, 0x82, 0xf1, 0x5c, 0xb0, 0xad, 0x0d, 0xe9,
            0x5c, 0xa3,
        ];
        assert_eq!(answer.session_key, key);
    }

    #[test]
    fn challenges_that_are_none_are_told() {
        let login = Login {
            user: "u".into(),
            domain: String::new(),
            password: "p".to_owned().into(),
        };
        for wrong in [
            &b""[..],
            b"NTLMSSP\0",
            b"NTLMSSP\0\x01\0\0\0",
            b"xxNTLMSSP\0\x02\0\0\0\0\0",
        ] {
            assert!(authenticate(wrong, &login).is_err(), "{wrong:?}");
        }
        assert_eq!(
            time_of(&[7, 0, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8]),
            [1, 2, 3, 4, 5, 6, 7, 8]
        );
        assert_eq!(time_of(&[7, 0, 8, 0, 1]), [0; 8]);
    }
}

//! Tokens of a peer are read or refused. So that more than the integrity of arbitrary bytes is
//! looked at, a part of the input is protected properly and then rotated, filled and changed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smbgw_ad::gss::{Context, Keys, Role, parse_initial};
use smbgw_ad::krb::crypto::{EncryptionType, Key};

const TYPES: [EncryptionType; 4] = [
    EncryptionType::Aes128Sha1,
    EncryptionType::Aes256Sha1,
    EncryptionType::Aes128Sha256,
    EncryptionType::Aes256Sha384,
];

fuzz_target!(|input: (u8, bool, [u8; 16], &[u8])| {
    let (choice, subkey, header, bytes) = input;
    let etype = TYPES[usize::from(choice) % TYPES.len()];
    let key = Key::new(etype, &vec![1; etype.key_len()]).expect("it has the right length");
    let keys = Keys {
        initiator: key.clone(),
        acceptor: subkey.then(|| key.clone()),
        initiator_sequence: 0,
        acceptor_sequence: 0,
    };
    let context = || {
        Context::new(Role::Initiator, keys.clone(), choice >= 128).expect("the type is supported")
    };

    let _ = parse_initial(bytes);
    let _ = context().unwrap(bytes);
    let _ = context().verify_mic(b"data", bytes);

    // What decrypts well may still be wrong inside.
    let cipher = key.encrypt(22, bytes).expect("there are random bytes");
    let _ = context().unwrap(&[&header[..], &cipher].concat());
    let checksum = key.checksum(22, bytes);
    let _ = context().unwrap(&[&header[..], bytes, &checksum].concat());

    // What the other side protects is always read.
    let mut server = Context::new(Role::Acceptor, keys.clone(), true).expect("as above");
    let mut client = context();
    let sealed = server.wrap(bytes, true).expect("there are random bytes");
    assert_eq!(
        client
            .unwrap(&sealed)
            .expect("it is genuine")
            .data
            .as_slice(),
        bytes
    );
});

//! Published vectors of what the types compute.

use smbgw_core::secret::Secret;

use super::{EncryptionType, Key, aes_sha1};

/// The bytes that `text` writes in hexadecimal, blanks left out.
pub(super) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits
        .chunks(2)
        .map(|pair| (pair[0] << 4 | pair[1]) as u8)
        .collect()
}

fn key(etype: EncryptionType, bytes: &str) -> Key {
    Key::new(etype, &hex(bytes)).unwrap()
}

fn made(etype: EncryptionType, password: &str, salt: &[u8], rounds: u32) -> Vec<u8> {
    let password = Secret::from(password.to_string());
    let parameters = rounds.to_be_bytes();
    let key = Key::from_password(etype, &password, salt, Some(&parameters)).unwrap();
    key.expose().to_vec()
}

/// RFC 3962, appendix B.
#[test]
fn keys_of_passwords_with_sha1() {
    let salt = b"ATHENA.MIT.EDUraeburn".as_slice();
    let other = b"\x12\x34\x56\x78\x78\x56\x34\x12".as_slice();
    let long = "X".repeat(64);
    let longer = "X".repeat(65);
    let cases = [
        (
            "password",
            salt,
            1,
            "42263c6e89f4fc28b8df68ee09799f15",
            "fe697b52bc0d3ce14432ba036a92e65bbb52280990a2fa27883998d72af30161",
        ),
        (
            "password",
            salt,
            2,
            "c651bf29e2300ac27fa469d693bdda13",
            "a2e16d16b36069c135d5e9d2e25f896102685618b95914b467c67622225824ff",
        ),
        (
            "password",
            salt,
            1200,
            "4c01cd46d632d01e6dbe230a01ed642a",
            "55a6ac740ad17b4846941051e1e8b0a7548d93b0ab30a8bc3ff16280382b8c2a",
        ),
        (
            "password",
            other,
            5,
            "e9b23d52273747dd5c35cb55be619d8e",
            "97a4e786be20d81a382d5ebc96d5909cabcdadc87ca48f574504159f16c36e31",
        ),
        (
            &long,
            b"pass phrase equals block size",
            1200,
            "59d1bb789a828b1aa54ef9c2883f69ed",
            "89adee3608db8bc71f1bfbfe459486b05618b70cbae22092534e56c553ba4b34",
        ),
        (
            &longer,
            b"pass phrase exceeds block size",
            1200,
            "cb8005dc5f90179a7f02104c0018751d",
            "d78c5c9cb872a8c9dad4697f0bb5b2d21496c82beb2caeda2112fceea057401b",
        ),
        (
            "\u{1d11e}",
            b"EXAMPLE.COMpianist",
            50,
            "f149c1f2e154a73452d43e7fe62a56e5",
            "4b6d9839f84406df1f09cc166db4b83c571848b784a3d6bdc346589a3e393f9e",
        ),
    ];
    for (password, salt, rounds, short, long) in cases {
        let made = |etype| made(etype, password, salt, rounds);
        assert_eq!(made(EncryptionType::Aes128Sha1), hex(short), "{rounds}");
        assert_eq!(made(EncryptionType::Aes256Sha1), hex(long), "{rounds}");
    }
}

/// RFC 8009, appendix A.
#[test]
fn keys_of_passwords_with_sha2() {
    let mut salt = hex("10df9dd783e5bc8acea1730e74355f61");
    salt.extend_from_slice(b"ATHENA.MIT.EDUraeburn");
    let password = Secret::from("password".to_string());
    for (etype, expected) in [
        (
            EncryptionType::Aes128Sha256,
            "089bca48b105ea6ea77ca5d2f39dc5e7",
        ),
        (
            EncryptionType::Aes256Sha384,
            "45bd806dbf6a833a9cffc1c94589a222367a79bc21c413718906e9f578a78467",
        ),
    ] {
        // The number of rounds there is the one without parameters, too.
        let key = Key::from_password(etype, &password, &salt, None).unwrap();
        assert_eq!(key.expose(), hex(expected));
        assert_eq!(made(etype, "password", &salt, 32768), hex(expected));
    }
}

/// RFC 4757, section 2.
#[test]
fn keys_of_passwords_for_rc4() {
    let key = Key::from_password(
        EncryptionType::Rc4,
        &Secret::from("foo".to_string()),
        b"no salt",
        None,
    )
    .unwrap();
    assert_eq!(key.expose(), hex("ac8e657f83df82beea5d43bdaf7800cc"));
}

/// Those that the tests of MIT Kerberos have for the keys of RFC 3962, appendix B (usage 2).
#[test]
fn derived_keys_with_sha1() {
    let short = hex("42263c6e89f4fc28b8df68ee09799f15");
    let long = hex("fe697b52bc0d3ce14432ba036a92e65bbb52280990a2fa27883998d72af30161");
    for (base, purpose, expected) in [
        (&short, 0x99, "34280a382bc92769b2da2f9ef066854b"),
        (&short, 0xaa, "5b14fc4e250e14ddf9dccf1af6674f53"),
        (&short, 0x55, "4ed31063621684f09ae8d89991af3e8f"),
        (
            &long,
            0x99,
            "bfab388bdcb238e9f9c98d6a878304f04d30c82556375ac507a7a852790f4674",
        ),
        (
            &long,
            0xaa,
            "c7cfd9cd75fe793a586a542d87e0d1396f1134a104bb1a9190b8c90ada3ddf37",
        ),
        (
            &long,
            0x55,
            "97151b4c76945063e2eb0529dc067d97d7bba90776d8126d91f34f3101aea8ba",
        ),
    ] {
        let derived = aes_sha1::derive(base, &[0, 0, 0, 2, purpose]);
        assert_eq!(*derived, hex(expected), "{purpose:x}");
    }
}

/// RFC 8009, appendix A.
#[test]
fn messages_with_sha2() {
    let short = key(
        EncryptionType::Aes128Sha256,
        "3705d96080c17728a0e800eab6e0d23c",
    );
    let long = key(
        EncryptionType::Aes256Sha384,
        "6d404d37faf79f9df0d33568d320669800eb4836472ea8a026d16b7182460c52",
    );
    let text = hex("000102030405060708090a0b0c0d0e0f1011121314");
    for (key, length, confounder, expected) in [
        (
            &short,
            0,
            "7e5895eaf2672435bad817f545a37148",
            "ef85fb890bb8472f4dab20394dca781dad877eda39d50c870c0d5a0a8e48c718",
        ),
        (
            &short,
            6,
            "7bca285e2fd4130fb55b1a5c83bc5b24",
            "84d7f30754ed987bab0bf3506beb09cfb55402cef7e6877ce99e247e52d16ed4421dfdf8976c",
        ),
        (
            &short,
            16,
            "56ab21713ff62c0a1457200f6fa9948f",
            "3517d640f50ddc8ad3628722b3569d2ae07493fa8263254080ea65c1008e8fc2\
             95fb4852e7d83e1e7c48c37eebe6b0d3",
        ),
        (
            &short,
            21,
            "a7a4e29a4728ce10664fb64e49ad3fac",
            "720f73b18d9859cd6ccb4346115cd336c70f58edc0c4437c5573544c31c813bc\
             e1e6d072c186b39a413c2f92ca9b8334a287ffcbfc",
        ),
        (
            &long,
            0,
            "f764e9fa15c276478b2c7d0c4e5f58e4",
            "41f53fa5bfe7026d91faf9be959195a058707273a96a40f0a01960621ac61274\
             8b9bbfbe7eb4ce3c",
        ),
        (
            &long,
            6,
            "b80d3251c1f6471494256ffe712d0b9a",
            "4ed7b37c2bcac8f74f23c1cf07e62bc7b75fb3f637b9f559c7f664f69eab7b60\
             92237526ea0d1f61cb20d69d10f2",
        ),
        (
            &long,
            16,
            "53bf8a0d105265d4e276428624ce5e63",
            "bc47ffec7998eb91e8115cf8d19dac4bbbe2e163e87dd37f49beca92027764f6\
             8cf51f14d798c2273f35df574d1f932e40c4ff255b36a266",
        ),
        (
            &long,
            21,
            "763e65367e864f02f55153c7e3b58af1",
            "40013e2df58e8751957d2878bcd2d6fe101ccfd556cb1eae79db3c3ee86429f2\
             b2a602ac86fef6ecb647d6295fae077a1feb517508d2c16b4192e01f62",
        ),
    ] {
        let confounder: [u8; 16] = hex(confounder).try_into().unwrap();
        let message = key.encrypt_with(2, &confounder, &text[..length]);
        assert_eq!(message, hex(expected));
        assert_eq!(message.len(), length + key.etype().overhead());
        assert_eq!(*key.decrypt(2, &message).unwrap(), text[..length]);
    }
    assert_eq!(
        short.checksum(2, &text),
        hex("d78367186643d67b411cba9139fc1dee")
    );
    assert_eq!(
        long.checksum(2, &text),
        hex("45ee791567eefca37f4ac1e0222de80d43c3bfa06699672a")
    );
}

/// Those that the tests of MIT Kerberos have: key, usage, text and message.
#[test]
fn messages_of_mit() {
    let rc4 = EncryptionType::Rc4;
    let short = EncryptionType::Aes128Sha1;
    let long = EncryptionType::Aes256Sha1;
    let cases = [
        (
            rc4,
            "f81fec39255f5784e850c4377c88bd85",
            0,
            "",
            "02c1eb15586144122ec717763dd348bf00434ddc6585954c",
        ),
        (
            rc4,
            "67d1300d281223867f9647ff48721273",
            1,
            "1",
            "6156e0cc04e0a0874f9fda008f498a7adbbc80b70b14dddbc0",
        ),
        (
            rc4,
            "3e40ab6093695281b3ac1a9304224d98",
            2,
            "9 bytesss",
            "0f9ad121d99d4a09448e4f1f718c4f5cbe6096262c66f29df232a87c9f98755d55",
        ),
        (
            rc4,
            "4ba2fbf0379faed87a254d3b353d5a7e",
            3,
            "13 bytes byte",
            "612c57568b17a70352bae8cf26fb9459a6f3353cd35fd439db3107cbec765d326dfc04c1dd",
        ),
        (
            rc4,
            "68f263db3fce15d031c9eab02d67107a",
            4,
            "30 bytes bytes bytes bytes byt",
            "95f9047c3ad75891c2e9b04b16566dc8b6eb9ce4231afb2542ef87a7b5a0f260\
             a99f0460508de0cecc632d07c354124e46c5d2234eb8",
        ),
        (
            short,
            "5a5c0f0ba54f3828b2195e66ca24a289",
            0,
            "",
            "49ff8e11c173d9583a3254fbe7b1f1df36c538e8416784a1672e6676",
        ),
        (
            short,
            "98450e3f3baa13f5c99beb936981b06f",
            1,
            "1",
            "f86742f537b35dc2174a4dbaa920faf9042090b065e1ebb1cad9a65394",
        ),
        (
            short,
            "9062430c8cda3388922e6d6a509f5b7a",
            2,
            "9 bytesss",
            "68fb9679601f45c78857b2bf820fd6e53eca8d42fd4b1d7024a09205abb7cd2e\
             c26c355d2f",
        ),
        (
            short,
            "033ee6502c54fd23e27791e987983827",
            3,
            "13 bytes byte",
            "ec366d0327a933bf49330e650e49bc6b974637fe80bf532fe51795b4809718e6\
             194724db948d1fd637",
        ),
        (
            short,
            "dceeb70b3de76562e689226c76429148",
            4,
            "30 bytes bytes bytes bytes byt",
            "c96081032d5d8eeb7e32b4089f789d0faa481dea74c0f97cbf3146ddfcf8e800\
             156ecb532fc203e30ff600b63b350939fece510f02d7ff1e7bac",
        ),
        (
            long,
            "17f275f2954f2ed1f90c377ba7f4d6a369aa0136e0bf0c927ad6133c693759a9",
            0,
            "",
            "e5094c55ee7b38262e2b044280b069379a95bf95bd8376fb3281b435",
        ),
        (
            long,
            "b9477e1ff0329c0050e20ce6c72d2dff27e8fe541ab0954429a9cb5b4f7b1e2a",
            1,
            "1",
            "406150b97aeb76d43b36b62cc1ecdfbe6f40e95755e0beb5c27825f3a4",
        ),
        (
            long,
            "b1ae4cd8462aff1677053cc9279aac30b796fb81ce21474dd3ddbcfea4ec76d7",
            2,
            "9 bytesss",
            "09957aa25fcaf88f7b39e4406e633012d5fea21853f6478da7065caef41fd454\
             a40824eec5",
        ),
        (
            long,
            "e5a72be9b7926c1225bafef9c1872e7ba4cdb2b17893d84abd90acdd8764d966",
            3,
            "13 bytes byte",
            "d8f1aafeec84587cc3e700a774e56651a6d693e174ec4473b5e6d96f80297a65\
             3fb818ad893e719f96",
        ),
        (
            long,
            "f1c795e9248a09338d82c3f8d5b567040b0110736845041347235b1404231398",
            4,
            "30 bytes bytes bytes bytes byt",
            "d1137a4d634cfece924dbc3bf6790648bd5cff7de0e7b99460211d0daef3d79a\
             295c688858f3b34b9cbd6eebae81daf6b734d4d498b6714f1c1d",
        ),
    ];
    for (etype, bytes, usage, text, message) in cases {
        let key = key(etype, bytes);
        let plain = key.decrypt(usage, &hex(message)).unwrap();
        assert_eq!(plain.as_slice(), text.as_bytes(), "{etype} {usage}");
    }
    for (etype, bytes, usage, text, checksum) in [
        (
            short,
            "9062430c8cda3388922e6d6a509f5b7a",
            3,
            "eight nine ten eleven twelve thirteen",
            "01a4b088d45628f6946614e3",
        ),
        (
            long,
            "b1ae4cd8462aff1677053cc9279aac30b796fb81ce21474dd3ddbcfea4ec76d7",
            4,
            "fourteen",
            "e08739e3279e2903ec8e3836",
        ),
        (
            rc4,
            "f7d3a155af5e238a0b7a871a96ba2ab2",
            6,
            "seventeen eighteen nineteen twenty",
            "eb38cc97e2230f59da4117dc5859d7ec",
        ),
    ] {
        let key = key(etype, bytes);
        assert_eq!(key.checksum(usage, text.as_bytes()), hex(checksum));
    }
}

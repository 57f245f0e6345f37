//! The offline domain join blob: all that a machine needs to be a member, in one piece.
//!
//! It is the `ODJ_PROVISION_DATA` of MS-ODJ, serialised as NDR, and as a file that in base64 in
//! UTF-16. `djoin` of Windows and `net offlinejoin` of Samba write and read it. There are two forms
//! of the same content in it: the one of Windows 7, and a package with parts; Samba reads the first
//! one, and from the package the number of the machine's account.
//!
//! A blob has the password of the machine's account, unprotected: who has it is that machine.

mod base64;
mod ndr;

use smbgw_core::error::{Coded, ErrorKind};
use smbgw_core::secret::Secret;
use zeroize::Zeroizing;

use crate::code::Code;
use crate::name::{ComputerName, DomainName, Guid, HostName, NameError, Sid};
use ndr::{Reader, Writer, Wrong};

/// The largest file that is taken for a blob, in bytes: those of Windows with group policies and
/// certificates have some hundred kilobytes.
pub const LARGEST: usize = 4 << 20;

/// What a blob says.
#[derive(Clone)]
pub struct Provision {
    /// The domain in the DNS.
    pub domain: DomainName,
    /// The root domain of its forest.
    pub forest: DomainName,
    /// The domain's NetBIOS name.
    pub netbios: String,
    /// The domain's GUID.
    pub guid: Guid,
    /// The domain's SID.
    pub sid: Sid,
    /// The machine.
    pub computer: ComputerName,
    /// The password of its account.
    pub password: Secret,
    /// The last part of the SID of its account.
    pub rid: Option<u32>,
    /// The domain controller that the account was made on.
    pub controller: Controller,
}

/// The domain controller that a blob names (`DOMAIN_CONTROLLER_INFO`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controller {
    /// Its name.
    pub host: HostName,
    /// Its address as text.
    pub address: String,
    /// Its site.
    pub site: Option<String>,
    /// The site of the machine.
    pub client_site: Option<String>,
    /// What it is (`Flags`, the `DS_*_FLAG` of DsGetDcName).
    pub flags: u32,
}

impl Provision {
    /// The file: what `net offlinejoin requestodj` and `djoin /requestODJ` load.
    ///
    /// # Errors
    /// Where the password is not UTF-8, or there is no room for a name.
    pub fn to_file(&self) -> Result<Zeroizing<Vec<u8>>, BlobError> {
        let text = base64::encode(&self.to_bytes()?);
        let mut file = Zeroizing::new(Vec::with_capacity(text.len() * 2 + 4));
        file.extend_from_slice(&[0xff, 0xfe]);
        for byte in text.bytes() {
            file.extend_from_slice(&[byte, 0]);
        }
        file.extend_from_slice(&[0, 0]);
        Ok(file)
    }

    /// The serialised `ODJ_PROVISION_DATA`.
    ///
    /// # Errors
    /// Where the password is not UTF-8, or there is no room for a name.
    pub fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, BlobError> {
        let password = str::from_utf8(self.password.expose())
            .ok()
            .filter(|password| !password.is_empty() && !password.contains('\0'))
            .ok_or(BlobError::Password)?;
        let longest = password.len().max(self.netbios.len());
        if longest > LONGEST_STRING {
            return Err(BlobError::TooLong);
        }
        let windows7 = self.windows7(password);
        let package = self.package(&windows7);
        let mut data = Writer::new(windows7.len() + package.len() + 128);
        data.pointer().u32(1).u32(2).pointer().u32(2);
        for (format, blob) in [(WINDOWS7, &windows7), (PACKAGE, &package)] {
            data.u32(format).u32(blob.len() as u32).pointer();
        }
        data.sized(&windows7).sized(&package);
        Ok(data.serialised())
    }

    /// `ODJ_WIN7BLOB`.
    fn windows7(&self, password: &str) -> Zeroizing<Vec<u8>> {
        let Controller {
            host,
            address,
            site,
            client_site,
            flags,
        } = &self.controller;
        let (domain, forest) = (self.domain.as_str(), self.forest.as_str());
        let sid = self.sid.to_bytes();
        let mut blob = Writer::new(4096 + 2 * password.len());
        // To the structure, and its first three members.
        blob.pointer().pointer().pointer().pointer();
        // POLICY_DNS_DOMAIN_INFO
        for name in [&self.netbios, domain, forest] {
            blob.counted_head(name);
        }
        blob.put(&self.guid.to_bytes()).pointer();
        // DOMAIN_CONTROLLER_INFO
        blob.pointer().pointer().u32(INTERNET_ADDRESS);
        blob.put(&self.guid.to_bytes()).pointer().pointer();
        blob.u32(*flags);
        blob.pointer_to(site.as_ref())
            .pointer_to(client_site.as_ref());
        blob.u32(OPTIONS);

        blob.string(domain)
            .string(self.computer.as_str())
            .string(password);
        blob.counted(&self.netbios).counted(domain).counted(forest);
        blob.u32(self.sid.parts().len() as u32).put(&sid);
        blob.string(&format!(r"\\{host}"))
            .string(&format!(r"\\{address}"))
            .string(domain)
            .string(forest);
        for site in [site, client_site].into_iter().flatten() {
            blob.string(site);
        }
        blob.serialised()
    }

    /// `OP_PACKAGE` with the parts that Samba and Windows ask for.
    fn package(&self, windows7: &[u8]) -> Zeroizing<Vec<u8>> {
        let account = self
            .rid
            .and_then(|rid| Some((rid, self.sid.member(rid)?)))
            .map(|(rid, sid)| {
                let mut part = Writer::new(512);
                part.pointer().u32(rid).pointer().string(&sid.to_string());
                part.serialised()
            });
        let mut parts = vec![(PART_WINDOWS7, ESSENTIAL, windows7)];
        if let Some(account) = &account {
            parts.push((PART_ACCOUNT, 0, account));
        }
        let count = parts.len() as u32;

        let mut collection = Writer::new(windows7.len() + 1024);
        collection.pointer().u32(count).pointer().u32(0).u32(0);
        collection.u32(count);
        for (kind, flags, part) in &parts {
            collection.put(kind).u32(*flags).u32(part.len() as u32);
            collection.pointer().u32(0).u32(0);
        }
        for (_, _, part) in &parts {
            collection.sized(part);
        }
        let collection = collection.serialised();

        let mut package = Writer::new(collection.len() + 128);
        // No encryption, and no context for one.
        package.pointer().put(&[0; 16]).u32(0).u32(0);
        package.u32(collection.len() as u32).pointer();
        package.u32(0).u32(0).u32(0).sized(&collection);
        package.serialised()
    }
}

/// Reads a blob: a file as Windows and Samba write it, its base64 as plain text, or its bytes.
///
/// # Errors
/// Where it is not one, or does not say all that a member needs.
pub fn parse(file: &[u8]) -> Result<Provision, BlobError> {
    if file.len() > LARGEST {
        return Err(BlobError::TooLarge);
    }
    let bytes = match file {
        [0xff, 0xfe, text @ ..] => {
            let mut narrow = Zeroizing::new(Vec::with_capacity(text.len() / 2));
            for unit in text.chunks(2) {
                match unit {
                    [0] | [0, 0] => {}
                    [byte, 0] => narrow.push(*byte),
                    _ => return Err(BlobError::NotBase64),
                }
            }
            base64::decode(&narrow).ok_or(BlobError::NotBase64)?
        }
        [1, 0x10, ..] => Zeroizing::new(file.to_vec()),
        text => {
            let end = text
                .iter()
                .rposition(|byte| *byte != 0)
                .map_or(0, |at| at + 1);
            base64::decode(&text[..end]).ok_or(BlobError::NotBase64)?
        }
    };
    provision_data(&bytes)
}

/// `ODJ_PROVISION_DATA`.
fn provision_data(bytes: &[u8]) -> Result<Provision, BlobError> {
    let mut data = Reader::serialised(bytes)?;
    let (mut windows7, mut rid) = (None, None);
    if data.pointer()? {
        if data.u32()? != 1 {
            return Err(BlobError::Version);
        }
        let count = data.u32()?;
        if data.pointer()? {
            data.array(count)?;
            let mut blobs = Vec::new();
            for _ in 0..count {
                let format = data.u32()?;
                data.u32()?;
                blobs.push((format, data.pointer()?));
            }
            for (format, is_there) in blobs {
                let blob = if is_there { data.bytes()? } else { continue };
                match format {
                    WINDOWS7 => windows7 = Some(read_windows7(blob)?),
                    PACKAGE => {
                        let (its_windows7, its_rid) = read_package(blob)?;
                        windows7 = windows7.or(its_windows7);
                        rid = rid.or(its_rid);
                    }
                    _ => {}
                }
            }
        }
    }
    let mut provision = windows7.ok_or(BlobError::Missing("the names of machine and domain"))?;
    provision.rid = rid;
    Ok(provision)
}

fn read_windows7(bytes: &[u8]) -> Result<Provision, BlobError> {
    let mut blob = Reader::serialised(bytes)?;
    if !blob.pointer()? {
        return Err(BlobError::Missing("the names of machine and domain"));
    }
    let strings = [blob.pointer()?, blob.pointer()?, blob.pointer()?];
    let mut counted = [false; 3];
    for name in &mut counted {
        blob.u16()?;
        blob.u16()?;
        *name = blob.pointer()?;
    }
    let guid = blob.guid()?;
    let has_sid = blob.pointer()?;
    let of_controller = [blob.pointer()?, blob.pointer()?];
    blob.u32()?;
    blob.guid()?;
    let its_domain = [blob.pointer()?, blob.pointer()?];
    let flags = blob.u32()?;
    let sites = [blob.pointer()?, blob.pointer()?];
    blob.u32()?;

    let next = |is_there: bool, blob: &mut Reader<'_>| -> Result<_, Wrong> {
        is_there.then(|| blob.string()).transpose()
    };
    let [domain, computer, password] = [
        next(strings[0], &mut blob)?,
        next(strings[1], &mut blob)?,
        next(strings[2], &mut blob)?,
    ];
    let [netbios, dns_domain, forest] = [
        next(counted[0], &mut blob)?,
        next(counted[1], &mut blob)?,
        next(counted[2], &mut blob)?,
    ];
    let sid = has_sid.then(|| blob.sid()).transpose()?;
    let [host, address] = [
        next(of_controller[0], &mut blob)?,
        next(of_controller[1], &mut blob)?,
    ];
    for is_there in its_domain {
        next(is_there, &mut blob)?;
    }
    let [site, client_site] = [next(sites[0], &mut blob)?, next(sites[1], &mut blob)?];

    let there = |text: Option<Zeroizing<String>>, what| {
        text.filter(|text| !text.is_empty())
            .ok_or(BlobError::Missing(what))
    };
    let domain: DomainName = there(dns_domain.or(domain), "the name of the domain")?.parse()?;
    let forest = match forest {
        Some(forest) if !forest.is_empty() => forest.parse()?,
        _ => domain.clone(),
    };
    let host = there(host, "the name of a domain controller")?;
    let text = |text: Option<Zeroizing<String>>| text.map(|text| text.to_string());
    Ok(Provision {
        forest,
        netbios: there(netbios, "the NetBIOS name of the domain")?.to_string(),
        guid,
        sid: sid.ok_or(BlobError::Missing("the SID of the domain"))?,
        computer: there(computer, "the name of the machine")?.parse()?,
        password: Secret::from(
            there(password, "the password of the machine")?
                .as_bytes()
                .to_vec(),
        ),
        rid: None,
        controller: Controller {
            host: host.trim_start_matches('\\').parse()?,
            address: text(address)
                .unwrap_or_default()
                .trim_start_matches('\\')
                .to_owned(),
            site: text(site),
            client_site: text(client_site),
            flags,
        },
        domain,
    })
}

/// `OP_PACKAGE`: the Windows 7 form, and the number of the account.
fn read_package(bytes: &[u8]) -> Result<(Option<Provision>, Option<u32>), BlobError> {
    let mut package = Reader::serialised(bytes)?;
    if !package.pointer()? {
        return Ok((None, None));
    }
    let encryption = package.guid()?;
    package.u32()?;
    let context = package.pointer()?;
    package.u32()?;
    let collection = package.pointer()?;
    package.u32()?;
    package.u32()?;
    package.pointer()?;
    if encryption != Guid::from_bytes([0; 16]) {
        return Err(BlobError::Encrypted);
    }
    if context {
        package.bytes()?;
    }
    if !collection {
        return Ok((None, None));
    }

    let mut collection = Reader::serialised(package.bytes()?)?;
    let (mut windows7, mut rid) = (None, None);
    if !collection.pointer()? {
        return Ok((None, None));
    }
    let count = collection.u32()?;
    let has_parts = collection.pointer()?;
    collection.u32()?;
    collection.pointer()?;
    if !has_parts {
        return Ok((None, None));
    }
    collection.array(count)?;
    let mut heads = Vec::new();
    for _ in 0..count {
        let kind = collection.guid()?.to_bytes();
        collection.u32()?;
        collection.u32()?;
        let part = collection.pointer()?;
        collection.u32()?;
        heads.push((kind, part, collection.pointer()?));
    }
    for (kind, part, extension) in heads {
        if part {
            let part = collection.bytes()?;
            match kind {
                PART_WINDOWS7 => windows7 = Some(read_windows7(part)?),
                PART_ACCOUNT => {
                    let mut account = Reader::serialised(part)?;
                    if account.pointer()? {
                        rid = Some(account.u32()?);
                    }
                }
                _ => {}
            }
        }
        if extension {
            collection.bytes()?;
        }
    }
    Ok((windows7, rid))
}

/// `ODJ_WIN7_FORMAT`
const WINDOWS7: u32 = 1;

/// `ODJ_WIN8_FORMAT`
const PACKAGE: u32 = 2;

/// `DS_INET_ADDRESS`
const INTERNET_ADDRESS: u32 = 1;

/// What Windows writes into `Options`, though it is documented to be 0.
const OPTIONS: u32 = 6;

/// `OPSPI_PACKAGE_PART_ESSENTIAL`
const ESSENTIAL: u32 = 1;

/// `GUID_JOIN_PROVIDER`, `631c7621-5289-4321-bc9e-80f843f868c3`.
const PART_WINDOWS7: [u8; 16] = [
    0x21, 0x76, 0x1c, 0x63, 0x89, 0x52, 0x21, 0x43, 0xbc, 0x9e, 0x80, 0xf8, 0x43, 0xf8, 0x68, 0xc3,
];

/// `GUID_JOIN_PROVIDER3`, `fc0ccf25-7ffa-474a-8611-69ffe269645f`.
const PART_ACCOUNT: [u8; 16] = [
    0x25, 0xcf, 0x0c, 0xfc, 0xfa, 0x7f, 0x4a, 0x47, 0x86, 0x11, 0x69, 0xff, 0xe2, 0x69, 0x64, 0x5f,
];

/// So many bytes of UTF-8 are less than a counted string has room for.
const LONGEST_STRING: usize = 16_000;

/// Why something is not a blob, or cannot be made one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// It is larger than any blob.
    #[error("the offline join blob has more than {LARGEST} bytes")]
    TooLarge,
    /// It is no text of base64.
    #[error("the offline join blob is not base64")]
    NotBase64,
    /// It is of a version that is not known.
    #[error("the offline join blob has a version that is not known")]
    Version,
    /// It is protected by a key that is not in it.
    #[error("the offline join blob is encrypted")]
    Encrypted,
    /// Its bytes are not in the form of MS-ODJ.
    #[error("the offline join blob is damaged: {what} (byte {at} of a part)")]
    Malformed {
        /// What is wrong.
        what: &'static str,
        /// Where.
        at: usize,
    },
    /// It does not say something that is needed.
    #[error("the offline join blob does not have {0}")]
    Missing(&'static str),
    /// A name in it is none.
    #[error("the offline join blob has a name that is none")]
    Name(#[from] NameError),
    /// The password of the machine has bytes that a blob cannot carry.
    #[error("the password for the offline join blob is empty, or not text")]
    Password,
    /// A name or the password is too long for a blob.
    #[error("the password or a name is too long for an offline join blob")]
    TooLong,
}

impl From<Wrong> for BlobError {
    fn from((what, at): Wrong) -> Self {
        Self::Malformed { what, at }
    }
}

impl Coded for BlobError {
    fn code(&self) -> &'static str {
        Code::BlobInvalid.as_str()
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }

    fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::Password | Self::TooLong => return None,
            Self::Encrypted => {
                "make the blob again with `djoin /provision` without protecting it".into()
            }
            _ => "make the blob again, with `ad-join --offline-blob`, `djoin /provision` or \
                  `net offlinejoin provision`"
                .into(),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A blob that says something everywhere.
    pub(crate) fn sample(password: &str) -> Provision {
        Provision {
            domain: "ad.test".parse().unwrap(),
            forest: "forest.test".parse().unwrap(),
            netbios: "AD".into(),
            guid: "73fb0f0b-0c2d-4993-a607-b953013baa83".parse().unwrap(),
            sid: "S-1-5-21-3147655622-30062185-2692201829".parse().unwrap(),
            computer: "GW1".parse().unwrap(),
            password: Secret::from(password.to_string()),
            rid: Some(1105),
            controller: Controller {
                host: "dc.ad.test".parse().unwrap(),
                address: "10.99.0.10".into(),
                site: Some("Default-First-Site-Name".into()),
                client_site: None,
                flags: 0xe000_13fd,
            },
        }
    }

    fn assert_same(left: &Provision, right: &Provision) {
        assert_eq!(left.domain, right.domain);
        assert_eq!(left.forest, right.forest);
        assert_eq!(left.netbios, right.netbios);
        assert_eq!(left.guid, right.guid);
        assert_eq!(left.sid, right.sid);
        assert_eq!(left.computer, right.computer);
        assert!(left.password.expose() == right.password.expose());
        assert_eq!(left.rid, right.rid);
        assert_eq!(left.controller, right.controller);
    }

    fn error(file: &[u8]) -> BlobError {
        match parse(file) {
            Ok(_) => panic!("it was read"),
            Err(error) => error,
        }
    }

    #[test]
    fn the_three_forms_are_read() {
        let sample = sample("Kdr7 ß-𝕏");
        let (file, bytes) = (sample.to_file().unwrap(), sample.to_bytes().unwrap());
        assert_same(&parse(&file).unwrap(), &sample);
        assert_same(&parse(&bytes).unwrap(), &sample);
        let text: Vec<u8> = file[2..]
            .iter()
            .copied()
            .filter(|byte| *byte != 0)
            .collect();
        assert_same(&parse(&text).unwrap(), &sample);
    }

    #[test]
    fn what_samba_wrote_is_read() {
        // `net offlinejoin provision` of Samba 4.17 in a domain made for the purpose.
        let file = include_bytes!("../../../tests/data/samba-4.17.odj");
        let blob = parse(file).unwrap();
        assert_eq!(blob.domain.as_str(), "ad.test");
        assert_eq!(blob.forest.as_str(), "ad.test");
        assert_eq!(blob.netbios, "AD");
        assert_eq!(blob.computer.as_str(), "ODJ1");
        assert_eq!(blob.rid, Some(1105));
        assert_eq!(
            blob.sid.to_string(),
            "S-1-5-21-3147655622-30062185-2692201829"
        );
        assert_eq!(blob.controller.host.as_str(), "dc.ad.test");
        assert_eq!(blob.controller.address, "10.99.0.10");
        assert_eq!(
            blob.controller.client_site.as_deref(),
            Some("Default-First-Site-Name")
        );
        let password = str::from_utf8(blob.password.expose()).unwrap();
        assert_eq!(password.encode_utf16().count(), 120);
        // Its own writing of the same differs in nothing that is read.
        assert_same(&parse(&blob.to_file().unwrap()).unwrap(), &blob);
    }

    #[test]
    fn a_blob_without_what_is_needed_is_refused() {
        let no_number = Provision {
            rid: None,
            ..sample("secret")
        };
        assert_eq!(parse(&no_number.to_file().unwrap()).unwrap().rid, None);
        for password in ["", "a\0b"] {
            let refused = sample(password).to_bytes().unwrap_err();
            assert_eq!(refused, BlobError::Password);
        }
        let long = "x".repeat(LONGEST_STRING + 1);
        assert_eq!(sample(&long).to_bytes().unwrap_err(), BlobError::TooLong);
        assert_eq!(error(b"!"), BlobError::NotBase64);
        assert_eq!(error(&[0xff, 0xfe, 0x41, 0x01]), BlobError::NotBase64);
        assert_eq!(error(&vec![b'A'; LARGEST + 1]), BlobError::TooLarge);
        assert!(matches!(error(b""), BlobError::Malformed { .. }));
    }

    #[test]
    fn a_file_that_was_cut_is_refused() {
        let bytes = sample("secret").to_bytes().unwrap();
        for length in 0..bytes.len() - 8 {
            error(&bytes[..length]);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            password in "[^\0]{1,130}", netbios in "[A-Z][A-Z0-9-]{0,14}", site in "\\PC{1,30}",
            rid in proptest::option::of(any::<u32>()), guid in any::<[u8; 16]>(), flags in any::<u32>(),
        ) {
            let mut blob = sample(&password);
            blob.netbios = netbios;
            blob.rid = rid;
            blob.guid = Guid::from_bytes(guid);
            blob.controller.client_site = Some(site);
            blob.controller.flags = flags;
            assert_same(&parse(&blob.to_file().unwrap()).unwrap(), &blob);
        }

        #[test]
        fn garbage_is_no_blob(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(parse(&bytes).is_err());
            let mut headed = vec![1, 0x10, 8, 0, 0xcc, 0xcc, 0xcc, 0xcc, 0, 1, 0, 0, 0, 0, 0, 0];
            headed.extend_from_slice(&bytes);
            let _ = parse(&headed);
        }

        #[test]
        fn damage_does_not_panic(
            at in proptest::collection::vec((0usize..2000, any::<u8>()), 1..6), cut in 0usize..2000,
        ) {
            let mut bytes = sample("secret").to_bytes().unwrap().to_vec();
            for (at, byte) in at {
                let length = bytes.len();
                bytes[at % length] = byte;
            }
            bytes.truncate(bytes.len().saturating_sub(cut));
            let _ = parse(&bytes);
        }
    }
}

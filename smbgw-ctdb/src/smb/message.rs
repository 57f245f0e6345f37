//! The bytes of messages: headers, bodies, and what is read of answers (MS-SMB2 2.2).

use super::SmbError;

pub(super) const SMB_2_1: u16 = 0x0210;
pub(super) const SMB_3_0_2: u16 = 0x0302;

/// The numbers of commands.
pub(super) mod command {
    pub(in crate::smb) const NEGOTIATE: u16 = 0;
    pub(in crate::smb) const SESSION_SETUP: u16 = 1;
    pub(in crate::smb) const TREE_CONNECT: u16 = 3;
    pub(in crate::smb) const CREATE: u16 = 5;
    pub(in crate::smb) const CLOSE: u16 = 6;
    pub(in crate::smb) const FLUSH: u16 = 7;
    pub(in crate::smb) const READ: u16 = 8;
    pub(in crate::smb) const WRITE: u16 = 9;
}

/// What a server says of a request (MS-ERREF 2.3).
pub(super) mod status {
    pub(in crate::smb) const SUCCESS: u32 = 0;
    pub(in crate::smb) const PENDING: u32 = 0x103;
    pub(in crate::smb) const MORE_PROCESSING: u32 = 0xc000_0016;
    pub(in crate::smb) const END_OF_FILE: u32 = 0xc000_0011;
    /// Access denied, wrong password, an account that is locked, disabled or expired, no such share.
    pub(in crate::smb) const FINAL: [u32; 8] = [
        0xc000_0022,
        0xc000_006a,
        0xc000_006d,
        0xc000_0071,
        0xc000_0072,
        0xc000_00cc,
        0xc000_0193,
        0xc000_0234,
    ];
}

/// What a command does, for messages.
pub(super) fn doing(number: u16) -> &'static str {
    match number {
        command::NEGOTIATE => "the protocol",
        command::SESSION_SETUP => "the login",
        command::TREE_CONNECT => "the share",
        command::CREATE => "opening a file",
        command::CLOSE => "closing a file",
        command::FLUSH => "putting a file on disk",
        command::READ => "reading",
        _ => "writing",
    }
}

/// What the header of a request says.
pub(super) struct Request {
    pub(super) command: u16,
    pub(super) message: u64,
    pub(super) session: u64,
    pub(super) tree: u32,
    pub(super) signed: bool,
}

impl Request {
    pub(super) fn header(&self) -> Vec<u8> {
        let mut header = b"\xfeSMB".to_vec();
        let mut words = Words(Vec::new());
        // Its size, one credit used, and some asked for.
        words.u16(64).u16(1).u32(0).u16(self.command).u16(32);
        words.u32(if self.signed { 0x8 } else { 0 });
        words.u32(0).u64(self.message).u32(0).u32(self.tree);
        words.u64(self.session).zeros(16);
        header.append(&mut words.0);
        header
    }
}

/// A body that is being written, little end first.
pub(super) struct Words(Vec<u8>);

impl Words {
    /// One that begins with this size of its structure.
    pub(super) fn new(size: u16) -> Self {
        Self(size.to_le_bytes().to_vec())
    }

    pub(super) fn u16(&mut self, value: u16) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    pub(super) fn u32(&mut self, value: u32) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    pub(super) fn u64(&mut self, value: u64) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    pub(super) fn zeros(&mut self, count: usize) -> &mut Self {
        self.0.resize(self.0.len() + count, 0);
        self
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

/// An answer, with places counted from its beginning.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn bytes(&self, at: usize, length: usize) -> Result<&'a [u8], SmbError> {
        let end = at.checked_add(length);
        end.and_then(|end| self.0.get(at..end))
            .ok_or(SmbError::Malformed("it is too short"))
    }

    fn array<const N: usize>(&self, at: usize) -> Result<[u8; N], SmbError> {
        let bytes = self.bytes(at, N)?.try_into();
        bytes.map_err(|_| SmbError::Malformed("it is too short"))
    }

    pub(super) fn u8(&self, at: usize) -> Result<u8, SmbError> {
        self.array(at).map(u8::from_le_bytes)
    }

    pub(super) fn u16(&self, at: usize) -> Result<u16, SmbError> {
        self.array(at).map(u16::from_le_bytes)
    }

    pub(super) fn u32(&self, at: usize) -> Result<u32, SmbError> {
        self.array(at).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&self, at: usize) -> Result<u64, SmbError> {
        self.array(at).map(u64::from_le_bytes)
    }
}

/// Text as SMB has it.
pub(super) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

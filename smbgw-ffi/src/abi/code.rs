//! What a function returns.

use std::ffi::{CStr, c_char, c_int};

use smbgw_core::error::ErrorKind;

/// What functions return. The numbers and names stay the same over versions; new ones may come.
///
/// From 1 to 63 the operation was asked for and did not succeed; where the function has a reply, it
/// says why. From 64 on the call itself was not possible, and nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum Code {
    /// Done.
    Ok = 0,
    /// It could not be tried, or failed, for a reason that has no number of its own.
    Failed = 1,
    /// The request is wrong; nothing was touched.
    Invalid = 2,
    /// What the request names is not there.
    NotFound = 3,
    /// The request collides with what is there or under way; nothing was touched.
    Conflict = 4,
    /// The machine is not ready for this; nothing was touched.
    Unsupported = 5,
    /// It failed, and the machine is as it was before.
    RolledBack = 6,
    /// It failed, and something is left to clean up.
    NeedsAttention = 7,
    /// An argument is NULL that must not be.
    NullArgument = 64,
    /// A text is not UTF-8.
    NotUtf8 = 65,
    /// An argument is larger than it may be.
    TooLarge = 66,
    /// The library has an error of its own, or no memory for the reply. What was begun is finished or
    /// undone by `share.recover`, or by the next method that changes the share.
    Internal = 67,
}

impl Code {
    /// All of them.
    const ALL: [Self; 12] = [
        Self::Ok,
        Self::Failed,
        Self::Invalid,
        Self::NotFound,
        Self::Conflict,
        Self::Unsupported,
        Self::RolledBack,
        Self::NeedsAttention,
        Self::NullArgument,
        Self::NotUtf8,
        Self::TooLarge,
        Self::Internal,
    ];

    /// Its name, which stays the same over versions.
    pub fn name(self) -> &'static CStr {
        match self {
            Self::Ok => c"ok",
            Self::Failed => c"failed",
            Self::Invalid => c"invalid",
            Self::NotFound => c"not-found",
            Self::Conflict => c"conflict",
            Self::Unsupported => c"unsupported",
            Self::RolledBack => c"rolled-back",
            Self::NeedsAttention => c"needs-attention",
            Self::NullArgument => c"null-argument",
            Self::NotUtf8 => c"not-utf8",
            Self::TooLarge => c"too-large",
            Self::Internal => c"internal",
        }
    }

    /// What it means, as a sentence.
    pub fn message(self) -> &'static CStr {
        match self {
            Self::Ok => c"done",
            Self::Failed => c"it could not be done",
            Self::Invalid => c"the request is wrong; nothing was touched",
            Self::NotFound => c"what is named is not there",
            Self::Conflict => c"it collides with what is there or under way; nothing was touched",
            Self::Unsupported => c"the machine is not ready for this; nothing was touched",
            Self::RolledBack => c"it failed, and the machine is as it was before",
            Self::NeedsAttention => c"it failed, and something is left to clean up",
            Self::NullArgument => c"an argument is NULL that must not be",
            Self::NotUtf8 => c"a text is not UTF-8",
            Self::TooLarge => c"an argument is larger than it may be",
            Self::Internal => c"the library has an error of its own",
        }
    }

    /// The code with this number.
    pub fn of(number: c_int) -> Option<Self> {
        Self::ALL.into_iter().find(|code| *code as c_int == number)
    }
}

impl From<ErrorKind> for Code {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Invalid => Self::Invalid,
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::Conflict => Self::Conflict,
            ErrorKind::Unsupported => Self::Unsupported,
            ErrorKind::Failed => Self::Failed,
        }
    }
}

/// The name of what a function returned, such as `not-found`; `unknown` for other numbers. The text
/// is static: it is not freed.
#[unsafe(no_mangle)]
pub extern "C" fn smbgw_error_name(code: c_int) -> *const c_char {
    Code::of(code).map_or(c"unknown", Code::name).as_ptr()
}

/// What it means that a function returned `code`, as a sentence. The text is static: it is not freed.
#[unsafe(no_mangle)]
pub extern "C" fn smbgw_error_message(code: c_int) -> *const c_char {
    Code::of(code)
        .map_or(c"no function returns this", Code::message)
        .as_ptr()
}

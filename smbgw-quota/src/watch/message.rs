//! Netlink messages: taking a datagram apart, and reading a quota warning.
//!
//! The outer header is read here and not by neli, whose reader subtracts from the length in it
//! before it has looked whether that can be. What is inside, neli reads.

use std::io::Cursor;

use neli::FromBytesWithInput;
use neli::attr::Attribute;
use neli::genl::{Genlmsghdr, NoUserHeader};
use neli::types::Buffer;

use super::error::WatchError;
use super::event::{Device, Owner, QuotaEvent, Warning};

/// Length, type, flags, sequence number and port: `struct nlmsghdr`.
const HEADER: usize = 16;
/// Every message begins at a multiple of this (`NLMSG_ALIGNTO`).
const ALIGNMENT: usize = 4;

// `linux/quota.h`.
const QUOTA_NL_C_WARNING: u8 = 1;
const QUOTA_NL_A_QTYPE: u16 = 1;
const QUOTA_NL_A_EXCESS_ID: u16 = 2;
const QUOTA_NL_A_WARNING: u16 = 3;
const QUOTA_NL_A_DEV_MAJOR: u16 = 4;
const QUOTA_NL_A_DEV_MINOR: u16 = 5;
const QUOTA_NL_A_CAUSED_ID: u16 = 6;

/// A generic netlink message whose attributes were not looked into.
pub(crate) type Generic = Genlmsghdr<u8, u16>;

/// One message of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message<'d> {
    /// The family, or one of netlink's own types.
    pub(crate) kind: u16,
    /// What follows the header.
    pub(crate) payload: &'d [u8],
}

/// The messages of a datagram, in order. After one whose length cannot be, there is nothing more.
pub(crate) fn messages(
    datagram: &[u8],
) -> impl Iterator<Item = Result<Message<'_>, WatchError>> + use<'_> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let message = first(rest);
        rest = match &message {
            Ok(message) => {
                let end = (HEADER + message.payload.len()).next_multiple_of(ALIGNMENT);
                rest.get(end..).unwrap_or_default()
            }
            Err(_) => &[],
        };
        Some(message)
    })
}

/// The quota warnings in a datagram of the kernel, where `family` is the number that `VFS_DQUOT`
/// has; messages of other families are left out.
///
/// [`QuotaEvents`](super::QuotaEvents) does this for its own; public for whoever has a socket
/// already.
pub fn warnings(
    datagram: &[u8],
    family: u16,
) -> impl Iterator<Item = Result<QuotaEvent, WatchError>> + use<'_> {
    messages(datagram).filter_map(move |message| match message {
        Ok(message) if message.kind == family => Some(warning(message.payload)),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    })
}

/// A generic netlink message.
pub(crate) fn generic(payload: &[u8]) -> Result<Generic, WatchError> {
    Genlmsghdr::<u8, u16, NoUserHeader>::from_bytes_with_input(
        &mut Cursor::new(payload),
        payload.len(),
    )
    .map_err(|_| WatchError::malformed("its attributes do not fit into it"))
}

/// The content of the attribute `kind`, if it is there.
pub(crate) fn attribute(message: &Generic, kind: u16) -> Option<&Buffer> {
    message
        .attrs()
        .iter()
        .find(|attribute| *attribute.nla_type().nla_type() == kind)
        .map(Attribute::payload)
}

/// A number of the machine's own byte order, which fills `bytes`.
pub(crate) fn number<const N: usize>(bytes: &impl AsRef<[u8]>) -> Option<[u8; N]> {
    bytes.as_ref().try_into().ok()
}

fn warning(payload: &[u8]) -> Result<QuotaEvent, WatchError> {
    let message = generic(payload)?;
    if *message.cmd() != QUOTA_NL_C_WARNING {
        return Err(WatchError::malformed("it is no warning"));
    }
    let short = |kind, reason| {
        let bytes = attribute(&message, kind).and_then(number);
        let bytes = bytes.ok_or(WatchError::malformed(reason))?;
        Ok::<_, WatchError>(u32::from_ne_bytes(bytes))
    };
    let id = |kind, reason| {
        let bytes = attribute(&message, kind).and_then(number);
        let number = bytes.and_then(|bytes| u32::try_from(u64::from_ne_bytes(bytes)).ok());
        number.ok_or(WatchError::malformed(reason))
    };
    let owner = id(QUOTA_NL_A_EXCESS_ID, "it does not say whose quota")?;
    let owner = match short(QUOTA_NL_A_QTYPE, "it does not say which quota")? {
        0 => Owner::User(owner),
        1 => Owner::Group(owner),
        2 => Owner::Project(owner),
        _ => return Err(WatchError::malformed("its kind of quota is unknown")),
    };
    let code = short(QUOTA_NL_A_WARNING, "it does not say what happened")?;
    Ok(QuotaEvent {
        owner,
        warning: Warning::from_number(code)
            .ok_or(WatchError::malformed("it tells of something unknown"))?,
        device: Device {
            major: short(QUOTA_NL_A_DEV_MAJOR, "it does not say where")?,
            minor: short(QUOTA_NL_A_DEV_MINOR, "it does not say where")?,
        },
        caused_by: id(QUOTA_NL_A_CAUSED_ID, "it does not say who caused it")?,
    })
}

fn first(rest: &[u8]) -> Result<Message<'_>, WatchError> {
    let cut = || WatchError::malformed("it is cut off");
    let (length, tail) = rest.split_first_chunk().ok_or_else(cut)?;
    let (kind, _) = tail.split_first_chunk().ok_or_else(cut)?;
    let length = usize::try_from(u32::from_ne_bytes(*length)).map_err(|_| cut())?;
    Ok(Message {
        kind: u16::from_ne_bytes(*kind),
        payload: rest.get(HEADER..length).ok_or_else(cut)?,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A message of `kind`, as the kernel would send it.
    pub(crate) fn message(kind: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(u32::try_from(HEADER + payload.len()).unwrap().to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([0; 10]);
        bytes.extend(payload);
        bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
        bytes
    }

    /// A generic netlink message with `attributes`.
    pub(crate) fn generic(command: u8, attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![command, 1, 0, 0];
        bytes.extend(nested(attributes));
        bytes
    }

    pub(crate) fn nested(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (kind, content) in attributes {
            bytes.extend(u16::try_from(4 + content.len()).unwrap().to_ne_bytes());
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(*content);
            bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
        }
        bytes
    }

    const FAMILY: u16 = 17;

    fn bytes_of(owner: (u32, u64), code: u32, device: (u32, u32), caused_by: u64) -> Vec<u8> {
        generic(
            QUOTA_NL_C_WARNING,
            &[
                (QUOTA_NL_A_QTYPE, &owner.0.to_ne_bytes()),
                (QUOTA_NL_A_EXCESS_ID, &owner.1.to_ne_bytes()),
                (QUOTA_NL_A_WARNING, &code.to_ne_bytes()),
                (QUOTA_NL_A_DEV_MAJOR, &device.0.to_ne_bytes()),
                (QUOTA_NL_A_DEV_MINOR, &device.1.to_ne_bytes()),
                // The kernel pads 64-bit numbers with an empty attribute on some machines.
                (7, &[]),
                (QUOTA_NL_A_CAUSED_ID, &caused_by.to_ne_bytes()),
            ],
        )
    }

    fn read(datagram: &[u8]) -> Vec<Result<QuotaEvent, String>> {
        warnings(datagram, FAMILY)
            .map(|event| event.map_err(|error| error.to_string()))
            .collect()
    }

    #[test]
    fn a_warning_is_read() {
        let datagram = message(FAMILY, &bytes_of((2, 1000), 4, (7, 0), 65534));
        let event = QuotaEvent {
            owner: Owner::Project(1000),
            warning: Warning::BytesHard,
            device: Device { major: 7, minor: 0 },
            caused_by: 65534,
        };
        assert_eq!(read(&datagram), [Ok(event)]);
    }

    #[test]
    fn users_groups_and_projects_are_told_apart() {
        let owner = |kind| {
            let datagram = message(FAMILY, &bytes_of((kind, 5), 6, (8, 1), 5));
            read(&datagram).remove(0).map(|event| event.owner)
        };
        assert_eq!(owner(0), Ok(Owner::User(5)));
        assert_eq!(owner(1), Ok(Owner::Group(5)));
        assert_eq!(owner(2), Ok(Owner::Project(5)));
        assert!(owner(3).is_err());
    }

    #[test]
    fn many_messages_are_read_and_others_left_out() {
        let good = message(FAMILY, &bytes_of((2, 1), 4, (7, 0), 1));
        let other = message(16, b"something");
        let strange = message(FAMILY, &bytes_of((2, 1), 99, (7, 0), 1));
        let datagram = [other, good.clone(), strange, good].concat();
        let read: Vec<_> = read(&datagram).iter().map(Result::is_ok).collect();
        assert_eq!(read, [true, false, true]);
    }

    #[test]
    fn what_is_missing_is_told() {
        let error = |payload: &[u8]| read(&message(FAMILY, payload)).remove(0).unwrap_err();
        assert!(error(&[]).contains("do not fit"));
        assert!(error(&generic(2, &[])).contains("no warning"));
        assert!(error(&generic(1, &[])).contains("whose quota"));
        let large = bytes_of((2, 1 << 32), 4, (7, 0), 1);
        assert!(error(&large).contains("whose quota"));
        let short: &[u8] = &[1, 0];
        assert!(error(&generic(1, &[(QUOTA_NL_A_EXCESS_ID, short)])).contains("whose quota"));
    }

    #[test]
    fn a_length_that_cannot_be_ends_the_datagram() {
        let good = message(FAMILY, &bytes_of((2, 1), 4, (7, 0), 1));
        for length in [0, 15, u32::MAX] {
            let mut bad = good.clone();
            bad[..4].copy_from_slice(&u32::to_ne_bytes(length));
            let datagram = [good.clone(), bad, good.clone()].concat();
            let read: Vec<_> = read(&datagram).iter().map(Result::is_ok).collect();
            assert_eq!(read, [true, false]);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(datagram in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(read(&datagram).len() <= datagram.len() / HEADER + 1);
        }

        #[test]
        fn any_payload_is_read_or_refused(payload in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(read(&message(FAMILY, &payload)).len(), 1);
        }

        #[test]
        fn a_damaged_warning_is_read_or_refused(
            at in 0usize..100,
            value in any::<u8>(),
            length in 0usize..120,
        ) {
            let mut datagram = message(FAMILY, &bytes_of((2, 1), 4, (7, 0), 1));
            let at = at % datagram.len();
            datagram[at] = value;
            datagram.truncate(length);
            prop_assert!(read(&datagram).len() <= 8);
        }

        #[test]
        fn what_was_written_is_read(
            (kind, id) in (0u32..3, any::<u32>()),
            code in 1u32..=10,
            device in any::<(u32, u32)>(),
            caused_by in any::<u32>(),
        ) {
            let payload = bytes_of((kind, id.into()), code, device, caused_by.into());
            let events = read(&message(FAMILY, &payload));
            prop_assert_eq!(events.len(), 1);
            let event = events[0].clone().unwrap();
            prop_assert_eq!(event.caused_by, caused_by);
            prop_assert_eq!((event.device.major, event.device.minor), device);
            prop_assert_eq!(Some(event.warning), Warning::from_number(code));
            let told = match event.owner {
                Owner::User(id) => (0, id),
                Owner::Group(id) => (1, id),
                Owner::Project(id) => (2, id),
            };
            prop_assert_eq!(told, (kind, id));
        }
    }
}

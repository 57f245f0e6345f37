//! The numbers by which the kernel knows `VFS_DQUOT` and its multicast group.

use std::io::Cursor;

use neli::FromBytesWithInput;
use neli::ToBytes;
use neli::attr::Attribute;
use neli::consts::nl::{NlmF, Nlmsg};
use neli::genl::{AttrTypeBuilder, GenlmsghdrBuilder, NlattrBuilder};
use neli::nl::{NlPayload, NlmsghdrBuilder};
use neli::types::{Buffer, GenlBuffer};
use rustix::io::Errno;

use super::error::WatchError;
use super::message::{Generic, attribute, generic, messages, number};

/// The family's name.
const NAME: &str = "VFS_DQUOT";
/// The group's name.
const GROUP: &str = "events";

// `linux/genetlink.h`.
const GENL_ID_CTRL: u16 = 16;
const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;
const CTRL_ATTR_MCAST_GROUPS: u16 = 7;
const CTRL_ATTR_MCAST_GRP_NAME: u16 = 1;
const CTRL_ATTR_MCAST_GRP_ID: u16 = 2;

/// What the kernel calls `VFS_DQUOT` and its group of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Family {
    /// The type of its messages.
    pub(crate) id: u16,
    /// The number of its group `events`.
    pub(crate) group: u32,
}

/// The question for it, as a message to send.
pub(crate) fn question() -> Result<Vec<u8>, WatchError> {
    let impossible = || WatchError::malformed("the question cannot be written");
    let kind = AttrTypeBuilder::default()
        .nla_type(CTRL_ATTR_FAMILY_NAME)
        .build()
        .map_err(|_| impossible())?;
    let name = NlattrBuilder::default()
        .nla_type(kind)
        .nla_payload(NAME)
        .build()
        .map_err(|_| impossible())?;
    let message: Generic = GenlmsghdrBuilder::default()
        .cmd(CTRL_CMD_GETFAMILY)
        .version(2)
        .attrs(GenlBuffer::from_iter([name]))
        .build()
        .map_err(|_| impossible())?;
    let message = NlmsghdrBuilder::default()
        .nl_type(GENL_ID_CTRL)
        .nl_flags(NlmF::REQUEST)
        .nl_payload(NlPayload::Payload(message))
        .build()
        .map_err(|_| impossible())?;
    let mut bytes = Cursor::new(Vec::new());
    message.to_bytes(&mut bytes).map_err(|_| impossible())?;
    Ok(bytes.into_inner())
}

/// The kernel's answer.
pub(crate) fn answer(datagram: &[u8]) -> Result<Family, WatchError> {
    let message = messages(datagram)
        .next()
        .ok_or(WatchError::malformed("it is empty"))??;
    match message.kind {
        GENL_ID_CTRL => family(&generic(message.payload)?),
        kind if kind == u16::from(Nlmsg::Error) => Err(refusal(message.payload)),
        _ => Err(WatchError::malformed("it is no answer about a family")),
    }
}

fn family(answer: &Generic) -> Result<Family, WatchError> {
    let id = attribute(answer, CTRL_ATTR_FAMILY_ID)
        .and_then(number)
        .map(u16::from_ne_bytes);
    let group = attribute(answer, CTRL_ATTR_MCAST_GROUPS).and_then(events_group);
    match (id, group) {
        (Some(id), Some(group)) => Ok(Family { id, group }),
        (None, _) => Err(WatchError::malformed("the family has no number")),
        (_, None) => Err(WatchError::malformed("the family has no group of events")),
    }
}

/// The number of the group `events` in a list of groups.
fn events_group(groups: &Buffer) -> Option<u32> {
    let groups = attributes(groups)?;
    groups.iter().find_map(|group| {
        let fields = attributes(group.payload())?;
        let field = |kind| {
            let mut fields = fields.iter();
            fields.find(|field| *field.nla_type().nla_type() == kind)
        };
        let name = field(CTRL_ATTR_MCAST_GRP_NAME)?.payload();
        let name = name.as_ref().strip_suffix(b"\0").unwrap_or(name.as_ref());
        let id = number(field(CTRL_ATTR_MCAST_GRP_ID)?.payload())?;
        (name == GROUP.as_bytes()).then_some(u32::from_ne_bytes(id))
    })
}

fn attributes(bytes: &Buffer) -> Option<GenlBuffer<u16, Buffer>> {
    GenlBuffer::<u16, Buffer>::from_bytes_with_input(&mut Cursor::new(bytes), bytes.len()).ok()
}

/// What a netlink error says: a negative error number and the header of the question.
fn refusal(payload: &[u8]) -> WatchError {
    let Some((code, _)) = payload.split_first_chunk() else {
        return WatchError::malformed("it is cut off");
    };
    match i32::from_ne_bytes(*code).checked_neg() {
        Some(code) if code == Errno::NOENT.raw_os_error() => WatchError::Unavailable {
            reason: "the kernel does not offer them here",
            remedy: "run the program in the machine's own network namespace (not in a container), \
                     on a kernel built with CONFIG_QUOTA_NETLINK_INTERFACE",
        },
        Some(code) if code > 0 => {
            WatchError::socket("ask by", std::io::Error::from_raw_os_error(code))
        }
        _ => WatchError::malformed("it is no answer about a family"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use smbgw_core::error::Coded;

    use super::super::message::tests::{generic, message, nested};
    use super::*;

    fn sent_by_the_kernel(group: &str) -> Vec<u8> {
        let fields = nested(&[(2, &17u32.to_ne_bytes()), (1, group.as_bytes())]);
        let groups = nested(&[(1, &fields)]);
        message(
            GENL_ID_CTRL,
            &generic(
                1,
                &[
                    (CTRL_ATTR_FAMILY_NAME, b"VFS_DQUOT\0"),
                    (CTRL_ATTR_FAMILY_ID, &17u16.to_ne_bytes()),
                    (CTRL_ATTR_MCAST_GROUPS, &groups),
                ],
            ),
        )
    }

    fn error(code: i32) -> WatchError {
        let payload = [&code.to_ne_bytes()[..], &[0; 16]].concat();
        answer(&message(2, &payload)).unwrap_err()
    }

    #[test]
    fn the_question_names_the_family() {
        let question = question().unwrap();
        let message = messages(&question).next().unwrap().unwrap();
        assert_eq!(message.kind, GENL_ID_CTRL);
        let message = super::super::message::generic(message.payload).unwrap();
        assert_eq!(*message.cmd(), CTRL_CMD_GETFAMILY);
        let name = attribute(&message, CTRL_ATTR_FAMILY_NAME).unwrap();
        assert_eq!(name.as_ref(), b"VFS_DQUOT\0");
    }

    #[test]
    fn the_answer_has_the_family_and_its_group() {
        let family = Family { id: 17, group: 17 };
        assert_eq!(answer(&sent_by_the_kernel("events\0")).unwrap(), family);
        let other = answer(&sent_by_the_kernel("other\0")).unwrap_err();
        assert_eq!(other.code(), "watch.malformed");
    }

    #[test]
    fn a_kernel_without_the_family_is_told_from_other_refusals() {
        assert_eq!(error(-2).code(), "watch.unavailable");
        assert_eq!(error(-1).code(), "watch.socket");
        assert_eq!(error(0).code(), "watch.malformed");
        assert_eq!(error(i32::MIN).code(), "watch.malformed");
    }

    proptest! {
        #[test]
        fn any_answer_is_read_or_refused(datagram in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(answer(&datagram).is_err());
        }

        #[test]
        fn a_damaged_answer_is_read_or_refused(at in 0usize..200, value in any::<u8>()) {
            let mut datagram = sent_by_the_kernel("events\0");
            let at = at % datagram.len();
            datagram[at] = value;
            if let Ok(family) = answer(&datagram) {
                prop_assert!(family.id == 17 || family.group == 17);
            }
        }
    }
}

//! Everything that reads messages of Kerberos from the network.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smbgw_ad::krb::message::{ErrorMessage, Hint, KdcReply, KdcReplyPart, ReplyKind};
use smbgw_ad::krb::{ap, kpasswd};

fuzz_target!(|bytes: &[u8]| {
    for kind in [ReplyKind::Login, ReplyKind::Service] {
        if let Ok(reply) = KdcReply::decode(kind, bytes) {
            let _ = reply.hints();
        }
    }
    let _ = KdcReplyPart::decode(bytes);
    if let Ok(error) = ErrorMessage::decode(bytes) {
        let _ = (error.to_string(), error.hints(), error.status());
    }
    let _ = Hint::decode_info2(bytes);
    let _ = ap::check(bytes);
    let _ = kpasswd::check(bytes);
    if let Ok(verdict) = kpasswd::Verdict::decode(bytes) {
        let _ = verdict.policy.map(|policy| policy.to_string());
    }
});

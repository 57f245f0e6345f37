//! Messages of name servers are read or refused, and what was read can be sent and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smbgw_ad::dns::message::{Data, Message};
use smbgw_ad::dns::update::read_key;
use smbgw_ad::dns::{Name, settings};

fuzz_target!(|bytes: &[u8]| {
    let _ = Name::read(bytes, bytes.len() / 2);
    let _ = read_key(bytes);
    assert!(settings(bytes, bytes).servers.len() <= 8);
    let Ok(message) = Message::decode(bytes) else {
        return;
    };
    for record in &message.answers {
        let _ = record.name.host().map(|host| host.to_string());
        if let Data::Other(data) = &record.data {
            let _ = read_key(data);
        }
    }
    // Without compression it may be too large to be sent. Of a SOA record not all is kept.
    if let Ok(again) = message.encode() {
        assert_eq!(Message::decode(&again), Ok(message));
    }
});

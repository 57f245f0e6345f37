//! Answers of controllers are read or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smbgw_ad::discover::cldap::{self, Answer};
use smbgw_ad::discover::netlogon::{self, Netlogon, Reply};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(Some(Answer::Reply(Reply::Controller(reply)))) = cldap::decode(1, bytes) {
        check(&reply);
    }
    if let Ok(Reply::Controller(reply)) = netlogon::decode(bytes) {
        check(&reply);
    }
});

fn check(reply: &Netlogon) {
    assert!((1..=15).contains(&reply.netbios_domain.len()));
    assert!(!reply.netbios_domain.contains(['\n', '%', '=']));
    for site in [&reply.site, &reply.client_site, &reply.next_closest_site] {
        let valid = |site: &str| !site.is_empty() && !site.contains(['.', '\n']);
        assert!(site.as_ref().is_none_or(|site| valid(site.as_str())));
    }
}

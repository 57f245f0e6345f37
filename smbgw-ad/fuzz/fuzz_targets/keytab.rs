//! Any bytes are a keytab or not; what was read is written so that it reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smbgw_ad::krb::keytab::{Entry, Keytab};

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut keytab) = Keytab::parse(bytes) else {
        return;
    };
    let once = keytab.render();
    let again = Keytab::parse(&once).expect("what was written can be read");
    assert_eq!(*again.render(), *once);
    assert_eq!(again.entries().len(), keytab.entries().len());
    for (one, other) in keytab.entries().iter().zip(again.entries()) {
        assert_eq!(one.kvno(), other.kvno());
        assert_eq!(one.etype_number(), other.etype_number());
        assert_eq!(one.shown_name(), other.shown_name());
    }
    for principal in keytab.principals() {
        let newest = keytab.newest(&principal).expect("there is a key of it");
        keytab.keys(&principal, newest);
        keytab.prune(&principal, 1);
        assert_eq!(keytab.newest(&principal), Some(newest));
        let entries: Vec<Entry> = again.entries().to_vec();
        keytab.merge(entries, 2);
        assert!(keytab.remove(&principal) > 0);
    }
});

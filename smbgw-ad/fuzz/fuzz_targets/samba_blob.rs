//! An offline join blob comes from a file of anybody's. Whatever it holds, reading it ends with a
//! blob or an error, and what was read is read again from our own writing.

#![no_main]

use libfuzzer_sys::fuzz_target;
use smbgw_ad::samba::blob::parse;

fuzz_target!(|data: &[u8]| {
    if let Ok(blob) = parse(data)
        && let Ok(bytes) = blob.to_bytes()
    {
        let again = parse(&bytes).expect("our own writing is a blob");
        assert!(again.password.expose() == blob.password.expose());
        assert_eq!(again.sid, blob.sid);
    }
});

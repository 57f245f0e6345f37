//! Names, sizes, paths, requests and access control lists of any bytes are read or refused, and what
//! is read says the same when it is written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smbgw_core::account::UserName;
use smbgw_core::acl::Acl;
use smbgw_core::share::{ShareDraft, ShareName, SharePath};
use smbgw_core::size::ByteSize;

fuzz_target!(|data: &[u8]| {
    if let Ok(acl) = Acl::from_xattr(data) {
        assert_eq!(Acl::from_xattr(&acl.to_xattr()).as_ref(), Ok(&acl));
    }
    if let Ok(draft) = serde_json::from_slice::<ShareDraft>(data) {
        let _ = draft.check();
    }
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(size) = text.parse::<ByteSize>() {
        assert_eq!(size.bytes().to_string().parse(), Ok(size));
    }
    if let Ok(name) = text.parse::<ShareName>() {
        assert_eq!(name.key().parse::<ShareName>().as_ref(), Ok(&name));
    }
    if let Ok(path) = text.parse::<SharePath>() {
        assert_eq!(String::from(path.clone()).parse::<SharePath>().unwrap(), path);
    }
    if let Ok(name) = text.parse::<UserName>() {
        assert_eq!(name.as_str(), text);
    }
    let draft = ShareDraft {
        name: text.into(),
        path: Some(text.into()),
        quota: Some(text.into()),
        users: vec![text.into()],
        groups: vec![text.into()],
        comment: Some(text.into()),
        ..ShareDraft::default()
    };
    let _ = draft.check();
});

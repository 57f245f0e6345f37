//! What only ext4 does.

use std::fs;
use std::time::{Duration, Instant};

use smbgw_core::ports::Limits;
use smbgw_quota::watch::{Coalesce, Warning};
use smbgw_testing::MIB;
use smbgw_testing::unprivileged::as_nobody;

use super::{Listener, fill_up, of, set, write};
use crate::contract::{Lab, fill};

pub(crate) fn below_a_limit_again_is_announced(lab: &Lab) {
    let volume = lab.volume("/srv/below", 8 * MIB);
    let limits = Limits {
        soft_bytes: Some(4 * MIB),
        ..Limits::of_bytes(8 * MIB)
    };
    set(lab, &volume, limits);
    let mut listener = Listener::new(lab);
    write(lab, "/srv/below/file", 6 * MIB);
    fs::remove_file(lab.local("/srv/below/file")).unwrap();
    let heard = listener.warnings_until(&volume, Warning::BytesBelowSoft);
    assert_eq!(heard, [Warning::BytesSoft, Warning::BytesBelowSoft]);
    // Again above, it is announced again.
    write(lab, "/srv/below/file", 6 * MIB);
    listener.warnings_until(&volume, Warning::BytesSoft);
}

pub(crate) fn limits_on_files_are_announced_once_until_there_are_fewer(lab: &Lab) {
    let volume = lab.volume("/srv/fewer", 8 * MIB);
    let limits = Limits {
        soft_inodes: Some(3),
        inodes: Some(5),
        ..Limits::default()
    };
    set(lab, &volume, limits);
    let mut listener = Listener::new(lab);
    let file = |number| lab.local(format!("/srv/fewer/{number}"));
    as_nobody(|| {
        for number in 0..4 {
            fs::write(file(number), "").unwrap();
        }
        for number in 4..7 {
            fs::write(file(number), "").unwrap_err();
        }
    });
    for number in 0..4 {
        fs::remove_file(file(number)).unwrap();
    }
    let heard = listener.warnings_until(&volume, Warning::InodesBelowSoft);
    let expected = [
        Warning::InodesSoft,
        Warning::InodesHard,
        Warning::InodesBelowHard,
        Warning::InodesBelowSoft,
    ];
    assert_eq!(heard, expected);
}

/// What the refused write had reserved is given back, which is announced like data removed.
pub(crate) fn a_refusal_is_followed_by_being_below_the_limit(lab: &Lab) {
    let volume = lab.volume("/srv/flutter", 2 * MIB);
    let mut listener = Listener::new(lab);
    for number in 0..3 {
        fill_up(lab, &format!("/srv/flutter/{number}"));
    }
    let heard = listener.so_far(lab);
    let both = [Warning::BytesHard, Warning::BytesBelowHard];
    for pair in of(&heard, &volume).chunks(2) {
        assert_eq!(pair, both);
    }
    let mut coalesce = Coalesce::new(Duration::from_secs(3600));
    let now = Instant::now();
    let news = heard.iter().filter(|event| coalesce.is_news(event, now));
    assert_eq!(of(&Vec::from_iter(news.copied()), &volume), both);
}

pub(crate) fn far_above_its_limit_a_volume_is_announced_once(lab: &Lab) {
    let volume = lab.volume("/srv/once", 8 * MIB);
    write(lab, "/srv/once/file", 6 * MIB);
    lab.limit(&volume, 2 * MIB);
    let mut listener = Listener::new(lab);
    for number in 0..3 {
        fill_up(lab, &format!("/srv/once/{number}"));
    }
    let heard = of(&listener.so_far(lab), &volume);
    assert_eq!(heard, [Warning::BytesHard]);
}

pub(crate) fn root_goes_past_a_limit_unannounced(lab: &Lab) {
    let volume = lab.volume("/srv/root", 2 * MIB);
    let mut listener = Listener::new(lab);
    let size = 4 * MIB;
    assert_eq!(fill(&lab.local("/srv/root/file"), size), (size, None));
    let heard = of(&listener.so_far(lab), &volume);
    assert_eq!(heard, []);
    assert!(lab.usage(&volume).bytes >= size);
}

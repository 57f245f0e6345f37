//! What only XFS does.

use std::fs;
use std::time::{Duration, Instant};

use smbgw_core::ports::Limits;
use smbgw_quota::watch::{Coalesce, Warning};
use smbgw_testing::MIB;
use smbgw_testing::unprivileged::as_nobody;

use super::{Listener, fill_up, of, project, set, write};
use crate::contract::{Lab, fill};

pub(crate) fn below_a_limit_again_is_not_announced(lab: &Lab) {
    let volume = lab.volume("/srv/below", 8 * MIB);
    let limits = Limits {
        soft_bytes: Some(4 * MIB),
        ..Limits::of_bytes(8 * MIB)
    };
    set(lab, &volume, limits);
    let mut listener = Listener::new(lab);
    write(lab, "/srv/below/file", 6 * MIB);
    fs::remove_file(lab.local("/srv/below/file")).unwrap();
    let heard = of(&listener.so_far(lab), &volume);
    assert!(heard.iter().all(|&warning| warning == Warning::BytesSoft));
    assert!(!heard.is_empty());
}

pub(crate) fn a_limit_is_announced_at_every_write(lab: &Lab) {
    let volume = lab.volume("/srv/often", 8 * MIB);
    let limits = Limits {
        soft_bytes: Some(MIB),
        ..Limits::of_bytes(8 * MIB)
    };
    set(lab, &volume, limits);
    let mut listener = Listener::new(lab);
    let mut coalesce = Coalesce::new(Duration::from_secs(3600));
    let mut passed = Vec::new();
    let mut count = 0;
    let mut listen = |listener: &mut Listener| {
        let heard = listener.so_far(lab);
        let ours = heard.iter().filter(|event| event.owner == project(&volume));
        for event in ours {
            count += 1;
            if coalesce.is_news(event, Instant::now()) {
                passed.push(event.warning);
            }
        }
    };
    write(lab, "/srv/often/file", 2 * MIB);
    listen(&mut listener);
    write(lab, "/srv/often/more", 2 * MIB);
    listen(&mut listener);
    for number in 0..3 {
        fill_up(lab, &format!("/srv/often/{number}"));
    }
    listen(&mut listener);
    assert!(count > 4, "{count}");
    assert_eq!(passed, [Warning::BytesSoft, Warning::BytesHard]);
}

pub(crate) fn root_is_refused_and_that_is_announced(lab: &Lab) {
    let volume = lab.volume("/srv/root", 2 * MIB);
    let mut listener = Listener::new(lab);
    assert!(fill(&lab.local("/srv/root/file"), 4 * MIB).1.is_some());
    let events = listener.until(|event| event.warning == Warning::BytesHard);
    let event = events.last().unwrap();
    assert_eq!((event.owner, event.caused_by), (project(&volume), 0));
}

/// It asks for blocks before it removes something, and goes on without.
pub(crate) fn removing_from_a_full_volume_is_announced_as_refused(lab: &Lab) {
    let volume = lab.volume("/srv/tidied", 2 * MIB);
    let mut listener = Listener::new(lab);
    fill_up(lab, "/srv/tidied/file");
    listener.so_far(lab);
    let before = lab.usage(&volume).bytes;
    as_nobody(|| fs::remove_file(lab.local("/srv/tidied/file"))).unwrap();
    let heard = listener.warnings_until(&volume, Warning::BytesHard);
    assert_eq!(heard, [Warning::BytesHard]);
    assert!(lab.usage(&volume).bytes < before);
}

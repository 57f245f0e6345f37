//! Messages on their way: channels that fail, refuse and hang, and programs that end.

#![cfg(all(feature = "alert", feature = "testing"))]

mod alert;

use std::collections::VecDeque;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use alert::{Tree, soon};
use smbgw_core::alert::{
    Channel, ChannelError, Delivery, Event, Facts, Kind, Notice, Pace, Severity, outbox,
};
use smbgw_core::deadline::Deadline;
use smbgw_core::error::Coded;
use smbgw_core::host::Host;
use smbgw_core::testing::{Counted, Fault, Faults, FaultyHost};
use smbgw_testing::wait_until;

/// Tries again at once, so that tests do not wait.
const AT_ONCE: Pace = Pace {
    attempt: Duration::from_secs(60),
    first_retry: 0,
    longest_retry: 0,
    give_up_after: 86_400,
    most_waiting: 1000,
};

/// What a channel does with a message.
#[derive(Clone, Copy, Debug)]
enum Does {
    Fail,
    Refuse,
    Panic,
}

/// A channel that does as told, and takes what comes after that.
#[derive(Clone, Debug)]
struct Stub {
    name: &'static str,
    plan: Arc<Mutex<VecDeque<Does>>>,
    /// It hangs until the deadline, or until this is taken back.
    hangs: Arc<AtomicBool>,
    tried: Arc<Mutex<usize>>,
    got: Arc<Mutex<Vec<String>>>,
}

impl Stub {
    fn new(name: &'static str, plan: &[Does]) -> Self {
        Self {
            name,
            plan: Arc::new(Mutex::new(plan.iter().copied().collect())),
            hangs: Arc::default(),
            tried: Arc::default(),
            got: Arc::default(),
        }
    }

    fn hanging(name: &'static str) -> Self {
        let stub = Self::new(name, &[]);
        stub.hangs.store(true, Ordering::SeqCst);
        stub
    }

    fn got(&self) -> Vec<String> {
        self.got.lock().unwrap().clone()
    }

    fn tried(&self) -> usize {
        *self.tried.lock().unwrap()
    }

    fn error(&self, message: &str, permanent: bool) -> ChannelError {
        ChannelError {
            channel: self.name.into(),
            message: message.into(),
            permanent,
        }
    }
}

impl Channel for Stub {
    fn name(&self) -> &str {
        self.name
    }

    fn deliver(&self, notice: &Notice, deadline: Deadline) -> Result<(), ChannelError> {
        *self.tried.lock().unwrap() += 1;
        while self.hangs.load(Ordering::SeqCst) {
            if deadline.has_passed() {
                return Err(self.error("it takes too long", false));
            }
            thread::sleep(Duration::from_millis(5));
        }
        let next = self.plan.lock().unwrap().pop_front();
        match next {
            Some(Does::Panic) => panic!("this is what the test wants"),
            Some(Does::Fail) => Err(self.error("try again", false)),
            Some(Does::Refuse) => Err(self.error("never", true)),
            None => {
                self.got.lock().unwrap().push(notice.id.clone());
                Ok(())
            }
        }
    }
}

fn open<'a>(host: &'a dyn Host, channels: &'a [Box<dyn Channel>], pace: Pace) -> Delivery<'a> {
    let opened = Delivery::open(host, channels, pace, soon()).unwrap();
    assert_eq!(opened.damage, None);
    opened.value
}

fn boxed(stubs: &[&Stub]) -> Vec<Box<dyn Channel>> {
    stubs
        .iter()
        .map(|&stub| Box::new(stub.clone()) as Box<dyn Channel>)
        .collect()
}

fn notice(id: &str, share: &str) -> Notice {
    Notice {
        id: id.into(),
        at: 10,
        host: "pve1".into(),
        share: Some(share.parse().unwrap()),
        kind: Kind::Space,
        event: Event::Raised,
        severity: Severity::Warning,
        since: 5,
        facts: Facts {
            percent: Some(f64::NAN),
            ..Facts::default()
        },
    }
}

fn until(what: &str, done: impl Fn() -> bool) {
    wait_until(Duration::from_secs(60), what, || done().then_some(())).unwrap();
}

#[test]
fn each_message_goes_by_all_channels() {
    let tree = Tree::with("outbox.json");
    let (mail, hook) = (Stub::new("mail", &[]), Stub::new("hook", &[]));
    let channels = boxed(&[&mail, &hook]);
    let delivery = open(&tree.host, &channels, AT_ONCE);
    thread::scope(|scope| {
        let running = delivery.start(scope).unwrap();
        delivery
            .enqueue([notice("1", "a"), notice("2", "b")])
            .unwrap();
        until("both have both", || {
            mail.got().len() == 2 && hook.got().len() == 2
        });
        drop(running);
    });
    let status = delivery.status();
    assert_eq!(status.unsaved, None);
    assert!(status.channels.iter().all(|one| one.waiting == 0));
    assert!(status.channels.iter().all(|one| one.last_success.is_some()));
    // What the file says is the same.
    assert_eq!(outbox::status(&tree.host).unwrap(), status.channels);
    // It can be started again.
    thread::scope(|scope| {
        let _running = delivery.start(scope).unwrap();
        delivery.enqueue([notice("3", "a")]).unwrap();
        until("the third", || mail.got().len() == 3);
    });
}

#[test]
fn what_fails_is_tried_again() {
    let tree = Tree::with("outbox.json");
    let mail = Stub::new("mail", &[Does::Fail; 3]);
    let channels = boxed(&[&mail]);
    let pace = Pace {
        first_retry: 1,
        longest_retry: 1,
        ..AT_ONCE
    };
    let delivery = open(&tree.host, &channels, pace);
    thread::scope(|scope| {
        let _running = delivery.start(scope).unwrap();
        delivery.enqueue([notice("1", "a")]).unwrap();
        until("it came", || mail.got() == ["1"]);
    });
    assert_eq!(mail.tried(), 4);
    let status = &delivery.status().channels[0];
    assert_eq!((status.waiting, status.failures), (0, 0));
    assert_eq!(status.last_failure.as_ref().unwrap().message, "try again");
}

#[test]
fn what_is_refused_is_given_up_and_shown() {
    let tree = Tree::with("outbox.json");
    let mail = Stub::new("mail", &[Does::Refuse]);
    let channels = boxed(&[&mail]);
    let delivery = open(&tree.host, &channels, AT_ONCE);
    delivery
        .enqueue([notice("1", "a"), notice("2", "a")])
        .unwrap();
    delivery.deliver_due_once(soon()).unwrap();
    assert_eq!(mail.got(), ["2"]);
    drop(delivery);
    let status = outbox::status(&tree.host).unwrap();
    assert_eq!(status[0].given_up.len(), 1);
    assert_eq!(status[0].given_up[0].id, "1");
    assert_eq!(status[0].given_up[0].reason, "never");
}

#[test]
fn a_channel_that_panics_is_tried_again() {
    let tree = Tree::with("outbox.json");
    let mail = Stub::new("mail", &[Does::Panic]);
    let channels = boxed(&[&mail]);
    let delivery = open(&tree.host, &channels, AT_ONCE);
    thread::scope(|scope| {
        let running = delivery.start(scope).unwrap();
        delivery.enqueue([notice("1", "media")]).unwrap();
        // Also where it fails, or the scope would wait for the other threads for ever.
        let arrived = wait_until(Duration::from_secs(60), "the message to arrive", || {
            (mail.got() == ["1"]).then_some(())
        });
        drop(running);
        arrived.unwrap();
    });
    let status = &delivery.status().channels[0];
    let failure = status.last_failure.as_ref().unwrap();
    assert!(failure.message.contains("a defect"), "{failure:?}");
}

#[test]
fn a_channel_that_hangs_stops_nobody_else() {
    let tree = Tree::with("outbox.json");
    let (mail, hook) = (Stub::hanging("mail"), Stub::new("hook", &[]));
    let channels = boxed(&[&mail, &hook]);
    let delivery = open(&tree.host, &channels, AT_ONCE);
    thread::scope(|scope| {
        let _running = delivery.start(scope).unwrap();
        delivery.enqueue([notice("1", "a")]).unwrap();
        until("it hangs", || mail.tried() == 1);
        // The caller goes on, and so does the other channel.
        for number in 2..10 {
            delivery
                .enqueue([notice(&number.to_string(), "a")])
                .unwrap();
        }
        until("the other has all", || hook.got().len() == 9);
        let status = delivery.status().channels;
        assert_eq!((status[0].waiting, status[1].waiting), (0, 9));
        assert_eq!(mail.tried(), 1);
        mail.hangs.store(false, Ordering::SeqCst);
        until("all is there", || mail.got().len() == 9);
    });
    let order: Vec<_> = (1..10).map(|number| number.to_string()).collect();
    assert_eq!(mail.got(), order);
}

#[test]
fn an_attempt_has_its_time() {
    let tree = Tree::with("outbox.json");
    let mail = Stub::hanging("mail");
    let channels = boxed(&[&mail]);
    let pace = Pace {
        attempt: Duration::from_millis(50),
        first_retry: 60,
        longest_retry: 60,
        ..AT_ONCE
    };
    let delivery = open(&tree.host, &channels, pace);
    thread::scope(|scope| {
        let _running = delivery.start(scope).unwrap();
        delivery.enqueue([notice("1", "a")]).unwrap();
        until("it failed", || delivery.status().channels[0].failures == 1);
    });
    assert_eq!(delivery.status().channels[0].waiting, 1);
}

#[test]
fn once_means_what_is_due_and_no_longer_than_the_deadline() {
    let tree = Tree::with("outbox.json");
    let (mail, hook) = (Stub::hanging("mail"), Stub::new("hook", &[Does::Fail]));
    let channels = boxed(&[&mail, &hook]);
    let pace = Pace {
        first_retry: 3600,
        longest_retry: 3600,
        ..AT_ONCE
    };
    let delivery = open(&tree.host, &channels, pace);
    delivery
        .enqueue([notice("1", "a"), notice("2", "b")])
        .unwrap();
    delivery
        .deliver_due_once(Deadline::after(Duration::from_millis(200)))
        .unwrap();
    assert_eq!((mail.tried(), hook.tried()), (1, 1));
    let waiting = |status: Vec<outbox::ChannelStatus>| -> Vec<_> {
        status.into_iter().map(|one| one.waiting).collect()
    };
    assert_eq!(waiting(delivery.status().channels), [2, 2]);
    // Nothing is due now.
    delivery.deliver_due_once(soon()).unwrap();
    assert_eq!((mail.tried(), hook.tried()), (1, 1));
    drop(delivery);
    assert_eq!(waiting(outbox::status(&tree.host).unwrap()), [2, 2]);
}

#[test]
fn messages_outlive_the_program() {
    let tree = Tree::with("outbox.json");
    let mail = Stub::new("mail", &[]);
    let channels = boxed(&[&mail]);
    let delivery = open(&tree.host, &channels, AT_ONCE);
    delivery
        .enqueue([notice("1", "a"), notice("2", "b")])
        .unwrap();
    drop(delivery);
    let saved = fs::read(tree.file()).unwrap();
    let delivery = open(&tree.host, &channels, AT_ONCE);
    delivery.deliver_due_once(soon()).unwrap();
    assert_eq!(mail.got(), ["1", "2"]);
    drop(delivery);
    // A machine that stops between delivering and noting it delivers again, under the same ids.
    fs::write(tree.file(), saved).unwrap();
    let delivery = open(&tree.host, &channels, AT_ONCE);
    delivery.deliver_due_once(soon()).unwrap();
    assert_eq!(mail.got(), ["1", "2", "1", "2"]);
    drop(delivery);
    open(&tree.host, &channels, AT_ONCE)
        .deliver_due_once(soon())
        .unwrap();
    assert_eq!(mail.got().len(), 4);
}

#[test]
fn only_one_process_delivers() {
    let tree = Tree::with("outbox.json");
    let channels = boxed(&[]);
    let first = open(&tree.host, &channels, AT_ONCE);
    let shortly = Deadline::after(Duration::from_millis(50));
    let error = Delivery::open(&tree.host, &channels, AT_ONCE, shortly).unwrap_err();
    assert_eq!(error.code(), "host.locked");
    drop(first);
    open(&tree.host, &channels, AT_ONCE);
}

#[test]
fn a_full_disk_does_not_stop_the_delivery() {
    let tree = Tree::with("outbox.json");
    let mail = Stub::new("mail", &[]);
    let channels = boxed(&[&mail]);
    drop(open(&tree.host, &channels, AT_ONCE));
    let faults = Faults::at(2, Fault::FailBefore)
        .counting(Counted::Writes)
        .onward();
    let full = FaultyHost::new(&tree.host, &faults);
    let delivery = open(&full, &channels, AT_ONCE);
    let error = delivery.enqueue([notice("1", "a")]).unwrap_err();
    assert_eq!(error.code(), "host.file");
    thread::scope(|scope| {
        let _running = delivery.start(scope).unwrap();
        until("it came", || mail.got() == ["1"]);
    });
    let unsaved = delivery.status().unsaved.unwrap();
    assert!(unsaved.contains("outbox.json"), "{unsaved}");
}

#[test]
fn what_was_not_saved_is_saved_later() {
    let tree = Tree::with("outbox.json");
    let mail = Stub::new("mail", &[]);
    let channels = boxed(&[&mail]);
    let faults = Faults::at(2, Fault::FailBefore).counting(Counted::Writes);
    let host = FaultyHost::new(&tree.host, &faults);
    let delivery = open(&host, &channels, AT_ONCE);
    assert!(delivery.enqueue([notice("1", "a")]).is_err());
    assert_eq!(outbox::status(&tree.host).unwrap()[0].waiting, 0);
    delivery.enqueue([]).unwrap();
    assert_eq!(outbox::status(&tree.host).unwrap()[0].waiting, 1);
    assert_eq!(delivery.status().unsaved, None);
}

#[test]
fn a_damaged_file_is_kept_aside_and_a_newer_one_left_alone() {
    let tree = Tree::with("outbox.json");
    let channels = boxed(&[]);
    drop(open(&tree.host, &channels, AT_ONCE));
    fs::write(tree.file(), "{\"version\": 1, \"queues\": 7").unwrap();
    assert_eq!(
        outbox::status(&tree.host).unwrap_err().code(),
        "alert.malformed"
    );
    let opened = Delivery::open(&tree.host, &channels, AT_ONCE, soon()).unwrap();
    let damage = opened.damage.unwrap();
    let aside = tree.host.read(&damage.kept_as.unwrap()).unwrap().unwrap();
    assert!(aside.ends_with(b"7"));
    drop(opened.value);
    assert_eq!(outbox::status(&tree.host).unwrap(), []);
    fs::write(tree.file(), "{\"version\": 2}").unwrap();
    let error = Delivery::open(&tree.host, &channels, AT_ONCE, soon()).unwrap_err();
    assert_eq!(error.code(), "alert.too-new");
    assert_eq!(fs::read_to_string(tree.file()).unwrap(), "{\"version\": 2}");
}

#[test]
fn a_thousand_messages_are_delivered_while_more_come() {
    let tree = Tree::with("outbox.json");
    let (mail, hook) = (Stub::new("mail", &[]), Stub::new("hook", &[]));
    let channels = boxed(&[&mail, &hook]);
    let delivery = open(&tree.host, &channels, AT_ONCE);
    thread::scope(|scope| {
        let _running = delivery.start(scope).unwrap();
        for round in 0..10 {
            let many = (0..100)
                .map(|number| notice(&format!("{round}-{number}"), &format!("share-{number}")));
            delivery.enqueue(many).unwrap();
        }
        until("all came", || {
            mail.got().len() == 1000 && hook.got().len() == 1000
        });
    });
    assert!(
        delivery
            .status()
            .channels
            .iter()
            .all(|one| one.dropped == 0)
    );
}

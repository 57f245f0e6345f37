//! A domain controller that dies in the middle of joining, leaving and rotating: what is said to be left
//! is what is left, and when the controller is back, all of it can be cleaned up or finished. The same
//! for a network that falls silent.

#![allow(clippy::print_stdout, reason = "a test that fails shows what it did")]

mod lab;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lab::victim::Requests;
use lab::{Lab, administrator, draft, is_done};
use smbgw_ad::join::{Parts, join};
use smbgw_ad::join_error::JoinError;
use smbgw_ad::leave::{AccountFate, leave};
use smbgw_ad::outcome::Outcome;
use smbgw_ad::rotate::{RotateOptions, rotate};
use smbgw_core::deadline::Deadline;
use smbgw_core::error::Coded;
use smbgw_core::progress::{Event, Progress};
use smbgw_testing::{Capability, Domain, require, run};

/// When the controller dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// When a step is journalled and not begun.
    Step,
    /// When it has made a change that it was asked for.
    Answer,
}

impl At {
    /// The occasions, by number: requests are told before they are sent and after their answer.
    fn numbers(self) -> impl Iterator<Item = usize> {
        match self {
            Self::Step => (1..).step_by(1),
            Self::Answer => (2..).step_by(2),
        }
    }
}

/// Counts occasions, and does something at one of them.
struct Countdown<F> {
    left: AtomicUsize,
    deed: F,
}

impl<F: Fn()> Countdown<F> {
    fn new(number: usize, deed: F) -> Self {
        Self {
            left: AtomicUsize::new(number),
            deed,
        }
    }

    fn tick(&self) {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            (self.deed)();
        }
    }

    fn is_over(&self) -> bool {
        // It goes on below zero.
        self.left.load(Ordering::Relaxed).wrapping_sub(1) > usize::MAX / 2
    }
}

/// A countdown of the steps that begin.
struct Steps<'a, F>(&'a Countdown<F>);

impl<F: Fn() + Sync> Progress for Steps<'_, F> {
    fn event(&self, event: &Event<'_>) {
        if matches!(event, Event::StepStarts { .. }) {
            self.0.tick();
        }
    }
}

/// Does `work` while the controller dies at the `number`-th occasion; whether there was one.
fn cut_off<T: Send>(
    lab: &Lab,
    domain: &'static Domain,
    at: At,
    number: usize,
    work: impl FnOnce(&Parts<'_>) -> T + Send,
) -> (bool, T) {
    let countdown = Arc::new(Countdown::new(number, || {
        domain.controller().kill().unwrap()
    }));
    let done = lab.with(|parts| {
        let parts = Parts {
            deadline: Deadline::after(LIMIT),
            ..*parts
        };
        match at {
            At::Step => {
                let progress = Steps(&*countdown);
                work(&Parts {
                    progress: &progress,
                    ..parts
                })
            }
            At::Answer => {
                let countdown = Arc::clone(&countdown);
                let requests = Requests::new(move || countdown.tick());
                tracing::subscriber::with_default(requests, || work(&parts))
            }
        }
    });
    (countdown.is_over(), done)
}

fn back_again(lab: &Lab, domain: &Domain) {
    domain.controller().start().unwrap();
    lab.forget_silence();
}

/// Fails unless what is said of a failed operation is what is there.
#[track_caller]
fn is_honest(
    lab: &Lab,
    domain: &Domain,
    was_member: bool,
    result: Result<Outcome, JoinError>,
    what: &str,
) {
    let has_account = || domain.computer(lab.host.name()).unwrap().is_some();
    let outcome = result.unwrap_or_else(|error| panic!("{what}: {error:?}"));
    match &outcome {
        Outcome::Done(_) => {}
        Outcome::RolledBack { .. } => {
            assert_eq!(has_account(), was_member, "{what}: {outcome:#?}");
            assert_eq!(lab.exists("/etc/smbgw/domain.json"), was_member, "{what}");
            assert!(
                !lab.exists("/var/lib/smbgw/domain/operation.jsonl"),
                "{what}"
            );
        }
        Outcome::NeedsAttention { cause, left_behind } => {
            let left: Vec<&str> = left_behind.iter().map(|left| left.what.as_str()).collect();
            assert!(!cause.message.is_empty());
            assert!(!left.is_empty(), "{what}: {outcome:#?}");
            let account = format!("the account {}$", lab.host.name().to_uppercase());
            let names_account = left.iter().any(|left| left.contains(&account));
            assert!(
                was_member || !has_account() || names_account,
                "{what}: {outcome:#?}"
            );
            // Where it goes on later, what is still to be done is what is left.
            let goes_on = left.iter().any(|left| left.contains("can be finished"));
            let was_about_account = goes_on && cause.during.contains("the account");
            assert!(
                !was_about_account || !has_account() || names_account,
                "{what}: {outcome:#?}"
            );
            let keys = lab.exists("/etc/krb5.keytab");
            let names_keys = left.iter().any(|left| left.contains("/etc/krb5.keytab"));
            assert!(was_member || !keys || names_keys, "{what}: {outcome:#?}");
            assert!(
                lab.exists("/var/lib/smbgw/domain/operation.jsonl"),
                "{what}"
            );
        }
    }
}

#[test]
fn a_controller_that_dies_while_a_host_joins_leaves_nothing_behind() {
    require!(Capability::DomainController, Capability::Winbind);
    let domain: &'static Domain = Box::leak(Box::new(Domain::start().unwrap()));
    let lab = Lab::of(domain.host("cutoff1").unwrap());
    let (_, password) = administrator();
    for at in [At::Step, At::Answer] {
        for number in at.numbers() {
            let (hit, result) = cut_off(&lab, domain, at, number, |parts| {
                join(parts, &draft(), &password)
            });
            if !hit {
                assert!(number > 2, "{at:?}");
                is_done(result);
                break;
            }
            let what = format!("joining, {at:?} {number}");
            println!("{what}: {}", told(&result));
            is_honest(&lab, domain, false, result, &what);
            back_again(&lab, domain);
            if lab.is_all_or_nothing(domain, &what) {
                is_done(lab.leave(AccountFate::Delete));
                assert!(!lab.is_all_or_nothing(domain, &what));
            }
        }
        is_done(lab.leave(AccountFate::Delete));
        assert!(!lab.is_all_or_nothing(domain, "joining"));
    }
}

#[test]
fn a_controller_that_dies_while_a_host_leaves_or_rotates_leaves_nothing_undecided() {
    require!(Capability::DomainController, Capability::Winbind);
    let domain: &'static Domain = Box::leak(Box::new(Domain::start().unwrap()));
    let lab = Lab::of(domain.host("cutoff2").unwrap());
    let (user, password) = administrator();
    is_done(lab.join(&draft(), Domain::PASSWORD));
    for number in 1.. {
        let (hit, rotated) = cut_off(&lab, domain, At::Answer, number, |parts| {
            rotate(parts, RotateOptions::default())
        });
        if !hit {
            rotated.unwrap();
            break;
        }
        let error = rotated.unwrap_err();
        println!("rotating, {number}: {error}");
        assert!(error.remedy().is_some(), "{error:?}");
        back_again(&lab, domain);
        run(lab.host.command("wbinfo").arg("--check-secret")).unwrap();
        lab.rotate().unwrap();
        lab.is_a_member();
    }
    for at in [At::Step, At::Answer] {
        for number in at.numbers() {
            let (hit, result) = cut_off(&lab, domain, at, number, |parts| {
                leave(parts, AccountFate::Delete, Some((&user, &password)))
            });
            if !hit {
                assert!(number > 2, "{at:?}");
                is_done(result);
                break;
            }
            let what = format!("leaving, {at:?} {number}");
            println!("{what}: {}", told(&result));
            is_honest(&lab, domain, true, result, &what);
            back_again(&lab, domain);
            if !lab.is_all_or_nothing(domain, &what) {
                is_done(lab.join(&draft(), Domain::PASSWORD));
            }
        }
        assert!(!lab.is_all_or_nothing(domain, "leaving"));
        is_done(lab.join(&draft(), Domain::PASSWORD));
    }
}

#[test]
fn a_network_that_falls_silent_costs_the_time_there_is_and_no_more() {
    require!(Capability::DomainController, Capability::Winbind);
    let lab = Lab::new("cutoff3");
    let (_, password) = administrator();
    // When the account is made and its keys are written.
    let countdown = Countdown::new(4, || lab.host.pull_cable().unwrap());
    let outcome = lab.with(|parts| {
        let parts = Parts {
            progress: &Steps(&countdown),
            deadline: Deadline::after(LIMIT),
            ..*parts
        };
        join(&parts, &draft(), &password).unwrap()
    });
    let Outcome::NeedsAttention { cause, left_behind } = outcome else {
        panic!("{outcome:#?}");
    };
    assert_eq!(cause.code, "ad.ldap-timeout", "{cause:?}");
    // All of the host is taken back, and the account is what nobody could reach.
    assert_eq!(left_behind.len(), 1, "{left_behind:?}");
    assert!(left_behind[0].what.contains("CUTOFF3$"), "{left_behind:?}");
    assert!(!lab.exists("/etc/krb5.keytab"));
    lab.host.plug_cable().unwrap();
    assert!(!lab.is_all_or_nothing(Domain::shared(), "joining"));
}

/// An outcome in a line.
fn told(result: &Result<Outcome, JoinError>) -> String {
    match result {
        Ok(Outcome::Done(_)) => "done".into(),
        Ok(Outcome::RolledBack { cause }) => format!("rolled back: {cause}"),
        Ok(Outcome::NeedsAttention { cause, left_behind }) => {
            let left: Vec<&str> = left_behind.iter().map(|left| left.what.as_str()).collect();
            format!("{cause}; left: {}", left.join(", "))
        }
        Err(error) => error.to_string(),
    }
}

/// What is begun has so long; a controller that is dead refuses at once, and a silent network does not.
const LIMIT: Duration = Duration::from_secs(15);

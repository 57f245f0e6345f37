//! Every call of every operation made to fail, on btrfs (root): the machine is as it was before or
//! as it is when the operation is done, the outcome says which, and where it says that something is
//! left, `recover` gets there.

#![allow(clippy::print_stdout, reason = "a test that fails shows what it did")]

mod lab;

use lab::operation::{Operation, done, make_alice, recover_all};
use lab::picture::take_picture;
use lab::{Lab, in_lab};
use smbgw_core::lifecycle::{Outcome, ShareError};
use smbgw_core::progress::Silent;
use smbgw_core::step::LeftBehind;
use smbgw_core::testing::{Counted, Fault, Faults};
use smbgw_testing::Picture;
use smbgw_testing::{Capability, Filesystem, require};

/// Where journals are.
const JOURNALS: &str = "/var/lib/smbgw/journal";

/// More calls than any operation has.
const MOST: usize = 1000;

/// An operation with the machine before it and after it.
struct Subject<'a> {
    lab: &'a Lab,
    operation: Operation,
    before: Picture,
    after: Picture,
}

/// What the machine turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Before,
    After,
}

impl<'a> Subject<'a> {
    fn new(lab: &'a Lab, operation: Operation) -> Self {
        make_alice();
        operation.prepare(lab);
        let before = take_picture(lab);
        done(&operation.run(lab, &Faults::none(), &Silent));
        let after = take_picture(lab);
        let subject = Self {
            lab,
            operation,
            before,
            after,
        };
        subject.begin_again();
        subject
    }

    fn begin_again(&self) {
        self.operation.prepare(self.lab);
        self.before
            .assert_same(&take_picture(self.lab), "the state it begins in");
    }

    /// Whether the machine is as before or as after; fails where it is neither.
    #[track_caller]
    fn look(&self, when: &str) -> Found {
        let now = take_picture(self.lab);
        if now == self.before {
            return Found::Before;
        }
        if now == self.after {
            return Found::After;
        }
        let near = match self.after.differences(&now).len() < self.before.differences(&now).len() {
            true => &self.after,
            false => &self.before,
        };
        near.assert_same(&now, when);
        unreachable!("it is the same")
    }

    /// Lets one call after the other go wrong; `check` looks at each outcome and says how the
    /// machine is then.
    fn each_call(
        &self,
        faults: impl Fn(usize) -> Faults,
        check: impl Fn(&Result<Outcome, ShareError>, &str) -> Found,
    ) {
        for number in 1..MOST {
            let faults = faults(number);
            let result = self.operation.run(self.lab, &faults, &Silent);
            let Some(hit) = faults.hit() else {
                done(&result);
                assert!(number > 10, "{} made hardly a call", self.operation);
                println!("{} calls of {} went wrong", number - 1, self.operation);
                self.begin_again();
                return;
            };
            let when = format!("{}: {hit}: {result:#?}", self.operation);
            if check(&result, &when) == Found::After {
                self.begin_again();
            }
        }
        panic!("{} never gets to its end", self.operation);
    }

    /// What holds when one call fails and all others work.
    fn check_one(&self, result: &Result<Outcome, ShareError>, when: &str) -> Found {
        let said = match result {
            Err(_) | Ok(Outcome::RolledBack { .. }) => Some(Found::Before),
            Ok(Outcome::Done(_)) => Some(Found::After),
            Ok(Outcome::NeedsAttention { left_behind, .. }) => {
                let operation = self.operation;
                let is_final = matches!(operation, Operation::Delete | Operation::Purge);
                assert!(is_final, "{operation} can always be undone: {when}");
                check_commands(left_behind, when);
                recover_all();
                None
            }
        };
        if std::path::Path::new(JOURNALS).exists() {
            // What failed was the removal of the journal, which says how it ended, or of the empty
            // directory it was in.
            recover_all();
        }
        let found = self.look(when);
        assert!(
            said.is_none_or(|said| said == found),
            "it is as {found:?}: {when}"
        );
        found
    }

    /// What holds when a call and all that change something after it fail, until `recover`.
    fn check_many(&self, result: &Result<Outcome, ShareError>, when: &str) -> Found {
        match result {
            Ok(Outcome::NeedsAttention { left_behind, .. }) => check_commands(left_behind, when),
            Ok(_) => {}
            Err(_) => assert!(!is_unsettled(), "there is a journal: {when}"),
        }
        recover_all();
        let found = self.look(when);
        match result {
            Ok(Outcome::Done(_)) => assert_eq!(found, Found::After, "{when}"),
            Ok(Outcome::RolledBack { .. }) | Err(_) => {
                assert_eq!(found, Found::Before, "{when}");
            }
            Ok(Outcome::NeedsAttention { .. }) => {}
        }
        found
    }
}

/// Whether there is a journal.
fn is_unsettled() -> bool {
    std::fs::read_dir(JOURNALS).is_ok_and(|mut files| files.next().is_some())
}

fn check_commands(left_behind: &[LeftBehind], when: &str) {
    assert!(is_unsettled(), "the journal is gone: {when}");
    assert!(!left_behind.is_empty(), "{when}");
    for left in left_behind {
        assert!(!left.what.is_empty() && !left.commands.is_empty(), "{when}");
    }
}

macro_rules! withstands {
    ($($module:ident: $operation:ident;)+) => {
        $(
            mod $module {
                use super::*;

                #[test]
                fn a_call_that_fails() {
                    require!(Capability::Btrfs, Capability::Samba);
                    let test = concat!(stringify!($module), "::a_call_that_fails");
                    in_lab(test, Filesystem::BtrfsQuota, |lab| {
                        let subject = Subject::new(lab, Operation::$operation);
                        subject.each_call(
                            |number| Faults::at(number, Fault::FailBefore),
                            |result, when| subject.check_one(result, when),
                        );
                    });
                }

                #[test]
                fn a_change_that_fails_when_it_is_made() {
                    require!(Capability::Btrfs, Capability::Samba);
                    let test = concat!(stringify!($module), "::a_change_that_fails_when_it_is_made");
                    in_lab(test, Filesystem::BtrfsQuota, |lab| {
                        let subject = Subject::new(lab, Operation::$operation);
                        subject.each_call(
                            |number| {
                                Faults::at(number, Fault::FailAfter).counting(Counted::Changes)
                            },
                            |result, when| subject.check_one(result, when),
                        );
                    });
                }

                #[test]
                fn nothing_works_any_more() {
                    require!(Capability::Btrfs, Capability::Samba);
                    let test = concat!(stringify!($module), "::nothing_works_any_more");
                    in_lab(test, Filesystem::BtrfsQuota, |lab| {
                        let subject = Subject::new(lab, Operation::$operation);
                        subject.each_call(
                            |number| {
                                Faults::at(number, Fault::FailBefore)
                                    .counting(Counted::Changes)
                                    .onward()
                            },
                            |result, when| subject.check_many(result, when),
                        );
                    });
                }
            }
        )+
    };
}

withstands! {
    create: Create;
    resize: Resize;
    auth: Auth;
    delete: Delete;
    purge: Purge;
}

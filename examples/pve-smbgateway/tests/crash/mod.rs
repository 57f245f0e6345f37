//! Killing an operation at every point, one after the other, and looking at what is left.

// Each test file uses a part of this.
#![allow(dead_code)]
#![allow(clippy::print_stdout, reason = "a test that fails shows what it did")]

use smbgw_core::progress::Silent;
use smbgw_core::testing::Faults;
use smbgw_testing::Filesystem;

use crate::lab::operation::{Operation, done, make_alice};
use crate::lab::picture::take_picture;
use crate::lab::victim::{self, Place};
use crate::lab::{Lab, in_lab};
use smbgw_testing::Picture;

/// Before and after every step.
pub(crate) const AT_STEPS: [Place; 1] = [Place::Event];

/// All the points there are.
pub(crate) const EVERYWHERE: [Place; 3] = [Place::Change, Place::HalfWritten, Place::Event];

/// More points than any operation has.
const MOST: usize = 500;

/// Kills `operation` at each of `places`, recovers, and compares the machine with how it was before
/// and with how it is when nothing is killed.
pub(crate) fn survives(
    test: &'static str,
    filesystem: Filesystem,
    operation: Operation,
    places: &[Place],
) {
    in_lab(test, filesystem, |lab| {
        make_alice();
        operation.prepare(lab);
        let before = take_picture(lab);
        done(&operation.run(lab, &Faults::none(), &Silent));
        let after = take_picture(lab);
        assert!(!before.differences(&after).is_empty());
        begin_again(lab, operation, &before);
        for &place in places {
            let mut number = 1;
            while kill_and_recover(lab, operation, place, number, &before, &after) {
                number += 1;
                assert!(number < MOST, "{operation} never gets to its end");
            }
            println!("{operation} was killed {} times {place}", number - 1);
            assert!(number > 3, "{operation} was hardly killed {place}");
        }
    });
}

/// Whether there was such a point to be killed at.
fn kill_and_recover(
    lab: &Lab,
    operation: Operation,
    place: Place,
    number: usize,
    before: &Picture,
    after: &Picture,
) -> bool {
    let killed = victim::kill(lab, operation, place, number);
    let said = victim::recover(lab);
    let now = take_picture(lab);
    if now == *after {
        begin_again(lab, operation, before);
    } else {
        let what = format!("{operation} killed {place} {number}, recovered by\n{said}");
        let (from_before, from_after) = (before.differences(&now), after.differences(&now));
        if from_after.len() < from_before.len() {
            after.assert_same(&now, &what);
        }
        before.assert_same(&now, &what);
    }
    killed
}

fn begin_again(lab: &Lab, operation: Operation, before: &Picture) {
    operation.prepare(lab);
    before.assert_same(&take_picture(lab), "the state it begins in");
}

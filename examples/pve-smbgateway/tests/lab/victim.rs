//! Processes that are killed in the middle of an operation.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use smbgw_core::lifecycle::Outcome;
use smbgw_core::progress::Silent;
use smbgw_core::testing::{Counted, Fault, Faults, KillAt};

use super::Lab;
use super::operation::{Operation, done, recover_all};

/// Says what the process is to do.
const ROLE: &str = "SMBGW_LAB_VICTIM";

/// Where a process is killed, each at its n-th occasion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Before a call that changes something.
    Change,
    /// When a file, or a line of the journal, is half written.
    HalfWritten,
    /// Where an operation tells of its progress: before and after each step.
    Event,
}

impl Place {
    const ALL: [Self; 3] = [Self::Change, Self::HalfWritten, Self::Event];
}

/// Starts `operation` in a process that is killed at the `number`-th occasion; whether it was.
pub(crate) fn kill(lab: &Lab, operation: Operation, place: Place, number: usize) -> bool {
    let role = format!("{operation} {place:?} {number}");
    let (status, said) = again(lab, &role);
    let killed = status.signal() == Some(9);
    assert!(killed || status.success(), "{role}: {status}: {said}");
    killed
}

/// Finishes or undoes what was interrupted, in a process of its own; what it said.
pub(crate) fn recover(lab: &Lab) -> String {
    let (status, said) = again(lab, "recover");
    assert!(status.success(), "recover: {status}: {said}");
    said
}

/// Does what this process was started for, if it is one of the above.
pub(crate) fn play(lab: &Lab) -> bool {
    let Ok(role) = std::env::var(ROLE) else {
        return false;
    };
    if role == "recover" {
        let recovered = recover_all();
        println!("{recovered:#?}");
        let settled = |outcome: &Outcome| !matches!(outcome, Outcome::NeedsAttention { .. });
        assert!(recovered.iter().all(|one| settled(&one.outcome)));
        return true;
    }
    let words: Vec<&str> = role.split(' ').collect();
    let operation: Operation = words[0].parse().unwrap();
    let is = |place: &Place| format!("{place:?}") == words[1];
    let place = Place::ALL.into_iter().find(is).unwrap();
    let number = words[2].parse().unwrap();
    let result = match place {
        Place::Change => {
            let faults = Faults::at(number, Fault::KillBefore).counting(Counted::Changes);
            operation.run(lab, &faults, &Silent)
        }
        Place::HalfWritten => {
            let faults = Faults::at(number, Fault::KillWithin).counting(Counted::Writes);
            operation.run(lab, &faults, &Silent)
        }
        Place::Event => operation.run(lab, &Faults::none(), &KillAt::new(number)),
    };
    done(&result);
    true
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Change => "before change",
            Self::HalfWritten => "half way through write",
            Self::Event => "at event",
        })
    }
}

fn again(lab: &Lab, role: &str) -> (ExitStatus, String) {
    let output = lab.again().env(ROLE, role).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status, String::from_utf8_lossy(&said).into_owned())
}

//! Making, changing, deleting and recovering shares.
//!
//! An operation checks everything it can before it touches anything, writes down its plan, and
//! carries the plan out step by step. What goes wrong on the way is undone; what cannot be undone
//! is said, with the commands that clean it up; what a crash interrupts is finished or unwound by
//! the next operation or by [`recover`].

mod auth;
mod create;
mod delete;
mod document;
mod domain_access;
mod execute;
mod name_claim;
mod outcome;
mod people;
mod preflight;
mod recover;
mod request;
mod resize;
mod server_wide;
mod status;
mod verify;

pub use auth::set_auth;
pub use create::{check, create};
pub use delete::{DeleteOptions, delete};
pub use document::ErrorDocument;
pub use domain_access::{DomainAccess, ForShare, domain_access};
pub use name_claim::{NameClaim, claim_name, name_problem};
pub use outcome::{Finding, Outcome, Report, ShareError, StepReport, Unrecovered};
pub use preflight::{Check, CheckResult, Preflight};
pub use recover::{Recovered, recover};
pub use request::CreateOptions;
pub use resize::resize;
pub use status::{ShareStatus, ShareUsage, list, status, usages};
pub use verify::{ShareVerdict, StrayVerdict, Verification, inspect, verify};

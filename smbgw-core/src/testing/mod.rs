//! Machines for tests: throwaway ones, and ones that fail, or take the process down, at a call of
//! one's choice.
//!
//! [`FaultyHost`], [`FaultyStorage`] and [`FaultyService`] wrap the parts of a machine and count
//! their calls together in one [`Faults`], so that "the n-th call of whatever part" can be made to
//! fail, or to be the last thing the process does. A test does so with n = 1, 2, 3 … until an
//! operation gets to its end [unhit](Faults::hit), and looks at the machine each time.
//!
//! ```
//! use std::path::Path;
//! use smbgw_core::host::{Host, LocalHost};
//! use smbgw_core::testing::{Fault, Faults, FaultyHost};
//!
//! let faults = Faults::at(2, Fault::FailBefore);
//! let real = LocalHost::new();
//! let host = FaultyHost::new(&real, &faults);
//! assert!(host.status(Path::new("/")).is_ok());
//! assert!(host.status(Path::new("/")).is_err());
//! assert!(host.status(Path::new("/")).is_ok());
//! assert_eq!(faults.hit().unwrap().to_string(), "call 2: host: look at /");
//! ```

mod faults;
mod host;
mod progress;
mod service;
mod storage;

pub use faults::{Call, Counted, Fault, Faults, Kind};
pub use host::FaultyHost;
pub use progress::KillAt;
pub use service::FaultyService;
pub use storage::FaultyStorage;

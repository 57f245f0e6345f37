//! What the kernel says by itself about quotas: that a limit was reached, and by whom.
//!
//! Usage has to be asked for; that a soft limit was passed or a write was refused, the kernel
//! announces the moment it happens, to everybody who listens on the generic netlink family
//! `VFS_DQUOT` (`linux/quota.h`, `Documentation/filesystems/quota.rst` of the kernel).
//! [`QuotaEvents`] listens, [`Targets`] knows which share an event is about, and [`Coalesce`] makes
//! one out of many.
//!
//! ```no_run
//! use std::time::{Duration, Instant};
//! use smbgw_quota::watch::{Coalesce, Event, QuotaEvents, Targets};
//! # use smbgw_core::{host::LocalHost, ports::Volume, share::ShareName};
//! # let (host, shares): (LocalHost, Vec<(ShareName, Volume)>) = (LocalHost::new(), Vec::new());
//!
//! let mut targets = Targets::new();
//! for (share, volume) in &shares {
//!     targets.insert(&host, volume, share)?;
//! }
//! let mut coalesce = Coalesce::new(Duration::from_secs(5));
//! let mut events = QuotaEvents::open()?;
//! loop {
//!     match events.next(Duration::from_secs(60))? {
//!         Some(Event::Warning(event)) if coalesce.is_news(&event, Instant::now()) => {
//!             if let Some(share) = targets.find(&event) {
//!                 println!("{share}: {}", event.warning);
//!             }
//!         }
//!         Some(Event::Lost) => println!("more happened than was told: look at every share"),
//!         Some(Event::Warning(_)) | None => {}
//!     }
//! }
//! # #[allow(unreachable_code)]
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Events tell *when* to look, not what is: nothing is announced twice for a listener that was not
//! there, and what is announced depends on the file system. So whoever relies on knowing polls too,
//! rarely.
//!
//! | | ext4 | XFS | ZFS, btrfs |
//! | --- | --- | --- | --- |
//! | bytes: soft limit passed | once | at every write above it, up to four times each | never |
//! | bytes: hard limit reached, write refused | once | at every refused write, two times or more | never |
//! | files: soft and hard limit | once | as with bytes | never |
//! | grace time over | once | at every write | never |
//! | below a limit again | yes | never | never |
//! | root past a hard limit | not refused and not announced | as everybody | never |
//!
//! On ext4 "once" is until usage has gone below the soft limit (below anything, where there is
//! none) or the limits are set anew.
//!
//! User and group quotas of the same file systems are announced in the same way.

mod coalesce;
mod error;
mod event;
mod family;
mod listen;
mod message;
mod targets;

pub use coalesce::Coalesce;
pub use error::WatchError;
pub use event::{Device, Event, Limit, Owner, QuotaEvent, Resource, Warning};
pub use listen::{Options, QuotaEvents};
pub use message::warnings;
pub use targets::Targets;

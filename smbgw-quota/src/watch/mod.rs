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
//! Events tell *when* to look, not what is. Nothing is told of the time before one listened, and what
//! is announced depends on the file system, so whoever has to know polls too, though rarely. As seen
//! on Linux 6.1:
//!
//! | | ext4 | XFS |
//! | --- | --- | --- |
//! | soft limit exceeded | once | at every write above it, also at removals, several times each |
//! | hard limit reached, write refused | once or twice, mostly followed at once by "below the hard limit again" | two to four times, also at removals, which are not refused |
//! | grace time over, write refused | once | as the hard limit |
//! | limits on files | once | at every new file |
//! | below a limit again | yes | never |
//! | root past the hard limit | neither refused nor announced | as everybody |
//! | a limit set below the usage | at the next write | at the next write |
//!
//! So "below the hard limit again" is no relief on ext4 (what the refused write had reserved is given
//! back), and "hard limit reached" on XFS may be somebody tidying up (a removal asks for blocks, is
//! denied them and goes on without): look at the usage before crying out. ZFS and btrfs announce
//! nothing. Quotas of users and groups are announced like those of projects.

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

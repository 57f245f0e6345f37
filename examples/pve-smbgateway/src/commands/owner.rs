//! `quota user` and `quota group`.

use smbgw_core::catalog;
use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::{Coded, Problem};
use smbgw_core::host::Host;
use smbgw_core::lifecycle::ShareError;
use smbgw_core::ports::Limits;
use smbgw_core::share::ShareName;
use smbgw_core::size::ByteSize;
use smbgw_quota::QuotaError;
use smbgw_quota::owner::{GraceTimes, OwnerKind, OwnerName, OwnerStorage, OwnerUsage};

use crate::args::quota::{Owner, SetOwner};
use crate::exit::Exit;
use crate::moment;
use crate::output::Output;

/// Does what `command` asks for, with the users or groups of a share's file system.
pub(crate) fn run(
    host: &dyn Host,
    output: &Output,
    kind: OwnerKind,
    command: &Owner,
    deadline: Deadline,
) -> Exit {
    let target = Target {
        host,
        kind,
        deadline,
    };
    match command {
        Owner::Set(options) => match target.set(options) {
            Ok((change, owner)) => output.owner_set(change, owner.as_ref()),
            Err(error) => error.show(output),
        },
        Owner::Show { share, owner } => match target.show(share, owner) {
            Ok((quotas, owner)) => output.owners(quotas.scope(), &[owner]),
            Err(error) => error.show(output),
        },
        Owner::Report { share } => match target.report(share) {
            Ok((quotas, owners)) => output.owners(quotas.scope(), &owners),
            Err(error) => error.show(output),
        },
    }
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Share(#[from] ShareError),
    #[error(transparent)]
    Quota(#[from] QuotaError),
}

impl Refusal {
    fn show(&self, output: &Output) -> Exit {
        match self {
            Self::Share(error) => output.error(error),
            Self::Quota(error) => output.failed(error),
        }
    }

    fn field(field: &str, message: String) -> Self {
        let problem = Problem::invalid(field, "cli.unusable", message);
        Self::Share(ShareError::Refused(vec![problem]))
    }

    fn of(field: &str, error: &dyn Coded) -> Self {
        Self::Share(ShareError::Refused(vec![Problem::from_error(field, error)]))
    }
}

struct Target<'a> {
    host: &'a dyn Host,
    kind: OwnerKind,
    deadline: Deadline,
}

impl<'a> Target<'a> {
    fn open(&self, share: &str) -> Result<OwnerStorage<'a>, Refusal> {
        let name: ShareName = share
            .parse()
            .map_err(|error| Refusal::of("share", &error))?;
        let record = catalog::load(self.host, &name).map_err(ShareError::from)?;
        let record = record.ok_or(ShareError::NotFound(name))?;
        Ok(OwnerStorage::open(
            self.host,
            &record.volume.path,
            self.kind,
        )?)
    }

    fn id(&self, owner: &str) -> Result<u32, Refusal> {
        let name: OwnerName = owner.parse()?;
        Ok(name.resolve(self.host, self.kind, self.deadline)?)
    }

    fn show(&self, share: &str, owner: &str) -> Result<(OwnerStorage<'a>, OwnerUsage), Refusal> {
        let quotas = self.open(share)?;
        let usage = quotas.usage(self.id(owner)?, self.deadline)?;
        Ok((quotas, usage))
    }

    fn report(&self, share: &str) -> Result<(OwnerStorage<'a>, Vec<OwnerUsage>), Refusal> {
        let quotas = self.open(share)?;
        let owners = quotas.report(self.deadline)?;
        Ok((quotas, owners))
    }

    fn set(&self, options: &SetOwner) -> Result<(Change, Option<OwnerUsage>), Refusal> {
        let wanted = Wanted::read(options)?;
        let quotas = self.open(&options.share)?;
        // All that may be wrong is looked at before anything is set.
        let grace = match wanted.grace {
            Some(seconds) => Some((quotas.grace()?, seconds)),
            None => None,
        };
        let mut change = Change::Unchanged;
        let mut owner = None;
        if options.default {
            let limits = wanted.over(quotas.defaults()?);
            change = quotas.set_defaults(limits)?;
        } else if let Some(name) = &options.owner {
            let id = self.id(name)?;
            let limits = wanted.over(quotas.usage(id, self.deadline)?.limits);
            change = quotas.set_limits(id, limits, self.deadline)?;
            owner = Some(quotas.usage(id, self.deadline)?);
        }
        if let Some((before, seconds)) = grace {
            let after = GraceTimes {
                bytes: seconds,
                inodes: seconds,
            };
            if after != before && quotas.set_grace(after)?.happened() {
                change = Change::Updated;
            }
        }
        Ok((change, owner))
    }
}

/// What is to be set; the outer `None` leaves a limit as it is.
struct Wanted {
    hard: Option<Option<u64>>,
    soft: Option<Option<u64>>,
    files: Option<Option<u64>>,
    soft_files: Option<Option<u64>>,
    grace: Option<u64>,
}

impl Wanted {
    fn read(options: &SetOwner) -> Result<Self, Refusal> {
        let wanted = Self {
            hard: size("hard", options.hard.as_deref())?,
            soft: size("soft", options.soft.as_deref())?,
            files: number("files", options.files.as_deref())?,
            soft_files: number("soft-files", options.soft_files.as_deref())?,
            grace: match &options.grace {
                Some(text) => Some(
                    moment::span(text)
                        .map_err(|message| Refusal::field("grace", message))?
                        .unsigned_abs(),
                ),
                None => None,
            },
        };
        let limits = [wanted.hard, wanted.soft, wanted.files, wanted.soft_files];
        let asks_for_limits = options.owner.is_some() || options.default;
        if asks_for_limits && limits.iter().all(Option::is_none) {
            let message = "give at least one of --hard, --soft, --files and --soft-files";
            return Err(Refusal::field("limit", message.into()));
        }
        if !asks_for_limits && limits.iter().any(Option::is_some) {
            let message = "say whose limits these are: a name, or --default";
            return Err(Refusal::field("owner", message.into()));
        }
        Ok(wanted)
    }

    fn over(&self, now: Limits) -> Limits {
        Limits {
            bytes: self.hard.unwrap_or(now.bytes),
            soft_bytes: self.soft.unwrap_or(now.soft_bytes),
            inodes: self.files.unwrap_or(now.inodes),
            soft_inodes: self.soft_files.unwrap_or(now.soft_inodes),
        }
    }
}

fn size(field: &str, text: Option<&str>) -> Result<Option<Option<u64>>, Refusal> {
    limit(field, text, |text| {
        text.parse::<ByteSize>()
            .map(ByteSize::bytes)
            .map_err(|error| Refusal::field(field, error.to_string()))
    })
}

fn number(field: &str, text: Option<&str>) -> Result<Option<Option<u64>>, Refusal> {
    limit(field, text, |text| {
        text.parse()
            .map_err(|_| Refusal::field(field, format!("`{text}` is not a number")))
    })
}

fn limit(
    field: &str,
    text: Option<&str>,
    read: impl Fn(&str) -> Result<u64, Refusal>,
) -> Result<Option<Option<u64>>, Refusal> {
    match text {
        None => Ok(None),
        Some("none") => Ok(Some(None)),
        Some(text) => match read(text)? {
            // It would mean no limit to the kernel, which is not what it says.
            0 => Err(Refusal::field(
                field,
                "0 would mean no limit at all: write `none` for that".into(),
            )),
            value => Ok(Some(Some(value))),
        },
    }
}

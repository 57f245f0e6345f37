//! The place of a share's data.

use serde::{Deserialize, Serialize};

use crate::change::Change;
use crate::host::cmd::quote_for_shell;
use crate::machine::Machine;
use crate::ports::storage::Data;
use crate::ports::{Handle, Origin, Volume};
use crate::step::{Action, LeftBehind};
use crate::step_error::StepError;

/// Makes the directory, dataset or subvolume of a share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MakeVolume {
    /// What is made.
    pub volume: Volume,
}

impl Action<Machine<'_>> for MakeVolume {
    type Undo = ();

    fn title(&self) -> String {
        match self.volume.origin {
            Origin::Adopted { .. } => format!("adopt {}", describe(&self.volume)),
            Origin::Created | Origin::ReplacedEmptyDirectory { .. } => {
                format!("create {}", describe(&self.volume))
            }
        }
    }

    fn check(&self, _: &Machine<'_>) -> Result<Option<()>, StepError> {
        Ok(Some(()))
    }

    fn apply(&self, machine: &Machine<'_>, (): &()) -> Result<Change, StepError> {
        Ok(machine.storage.create(&self.volume, machine.deadline)?)
    }

    fn undo(&self, machine: &Machine<'_>, (): &()) -> Result<(), StepError> {
        machine
            .storage
            .destroy(&self.volume, Data::RemoveIfEmpty, machine.deadline)?;
        Ok(())
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        vec![leftover(&self.volume, true)]
    }
}

/// Gives up the directory, dataset or subvolume of a share, with or without its data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GiveUpVolume {
    /// What is given up.
    pub volume: Volume,
    /// Whether the data is removed, if the volume was made for the share.
    pub purge: bool,
}

impl Action<Machine<'_>> for GiveUpVolume {
    type Undo = ();

    fn title(&self) -> String {
        match (self.purge, &self.volume.origin) {
            (true, Origin::Created | Origin::ReplacedEmptyDirectory { .. }) => {
                format!("remove {} with its data", describe(&self.volume))
            }
            _ => format!(
                "remove the limit of {}, keeping its data",
                describe(&self.volume)
            ),
        }
    }

    fn check(&self, _: &Machine<'_>) -> Result<Option<()>, StepError> {
        Ok(Some(()))
    }

    fn apply(&self, machine: &Machine<'_>, (): &()) -> Result<Change, StepError> {
        let data = if self.purge { Data::Remove } else { Data::Keep };
        Ok(machine
            .storage
            .destroy(&self.volume, data, machine.deadline)?)
    }

    fn undo(&self, _: &Machine<'_>, (): &()) -> Result<(), StepError> {
        // Data that was let go is nobody's: plans put this at their point of no return.
        Ok(())
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        vec![leftover(&self.volume, self.purge)]
    }
}

/// The volume in words.
pub(crate) fn describe(volume: &Volume) -> String {
    let path = volume.path.display();
    match &volume.handle {
        Handle::Project { id, .. } => {
            format!("directory {path} ({} project {id})", volume.filesystem)
        }
        Handle::Dataset { name, .. } => format!("dataset {name} at {path}"),
        Handle::Subvolume => format!("subvolume {path}"),
    }
}

/// The volume as something left behind; the commands remove its data only where that is `wanted`
/// and the volume was made for the share.
fn leftover(volume: &Volume, wanted: bool) -> LeftBehind {
    let path = quote_for_shell(&volume.path.to_string_lossy());
    let ours = wanted && !matches!(volume.origin, Origin::Adopted { .. });
    let mut commands = Vec::new();
    match &volume.handle {
        Handle::Project { id, name } => {
            commands.push(format!(
                "setquota -P {id} 0 0 0 0 \"$(findmnt -no TARGET -T {path})\""
            ));
            commands.push(format!("chattr -R -p 0 {path} && chattr -R -P {path}"));
            commands.push(format!("sed -i '/^{id}:/d' /etc/projects"));
            commands.push(format!("sed -i '/^{name}:{id}$/d' /etc/projid"));
            if ours {
                commands.push(format!("rmdir {path}"));
            }
        }
        Handle::Dataset { name, .. } if ours => {
            commands.push(format!("zfs destroy {}", quote_for_shell(name)));
        }
        Handle::Dataset { name, .. } => {
            commands.push(format!("zfs set refquota=none {}", quote_for_shell(name)));
        }
        Handle::Subvolume if ours => commands.push(format!("btrfs subvolume delete {path}")),
        Handle::Subvolume => commands.push(format!("btrfs qgroup limit none {path}")),
    }
    LeftBehind {
        what: describe(volume),
        commands,
    }
}

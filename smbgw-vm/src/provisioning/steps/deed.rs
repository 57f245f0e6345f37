//! Steps of which nothing is to be undone by itself.

use smbgw_core::change::Change;
use smbgw_core::step::LeftBehind;

use crate::provisioning::error::ProvisioningError;
use crate::provisioning::world::Provisioning;

/// A step that is always done, and that undoing has nothing to do for: what it did to a guest is gone with the guest,
/// and what it removed is gone.
pub(in crate::provisioning) trait Deed {
    /// What the step does.
    fn title(&self) -> String;

    /// Does it.
    fn carry_out(&self, world: &Provisioning<'_>) -> Result<Change, ProvisioningError>;

    /// What may be left where it could not be done.
    fn left_behind(&self) -> Vec<LeftBehind> {
        Vec::new()
    }
}

/// Makes steps of deeds.
macro_rules! deeds {
    ($($deed:ty),* $(,)?) => {$(
        impl ::smbgw_core::step::Action<$crate::provisioning::world::Provisioning<'_>> for $deed {
            type Undo = ();

            fn title(&self) -> String {
                $crate::provisioning::steps::deed::Deed::title(self)
            }

            fn check(
                &self,
                _: &$crate::provisioning::world::Provisioning<'_>,
            ) -> Result<Option<()>, ::smbgw_core::step_error::StepError> {
                Ok(Some(()))
            }

            fn apply(
                &self,
                world: &$crate::provisioning::world::Provisioning<'_>,
                (): &(),
            ) -> Result<::smbgw_core::change::Change, ::smbgw_core::step_error::StepError> {
                let done = $crate::provisioning::steps::deed::Deed::carry_out(self, world);
                done.map_err($crate::provisioning::error::step)
            }

            fn undo(
                &self,
                _: &$crate::provisioning::world::Provisioning<'_>,
                (): &(),
            ) -> Result<(), ::smbgw_core::step_error::StepError> {
                Ok(())
            }

            fn left_behind(&self, (): &()) -> Vec<::smbgw_core::step::LeftBehind> {
                $crate::provisioning::steps::deed::Deed::left_behind(self)
            }
        }
    )*};
}

pub(in crate::provisioning) use deeds;

//! Where a cluster is managed from.

use smbgw_core::host::Host;

use super::super::reached;
use crate::args::Common;
use crate::args::ha::Place;
use crate::exit::Exit;
use crate::output::Output;

/// Has `call` work from where `place` says.
pub(super) fn at(
    common: &Common,
    output: &Output,
    place: &Place,
    call: impl FnOnce(&dyn Host) -> Exit,
) -> Exit {
    reached(common, output, place.host.as_ref(), call)
}

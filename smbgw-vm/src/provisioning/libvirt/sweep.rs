//! Templates in pools that no guest needs any more.

use super::pool_template::PoolTemplate;
use super::steps::bring::{forget, is_needed};
use crate::provisioning::error::ProvisioningError;
use crate::provisioning::world::Provisioning;

/// Removes the volumes of templates that no guest has its first disk over, and returns them. They come again when a
/// guest is made of them.
///
/// # Errors
/// Where one cannot be removed; it stays remembered.
pub fn remove_unused_templates(
    world: &Provisioning<'_>,
) -> Result<Vec<PoolTemplate>, ProvisioningError> {
    let mut removed = Vec::new();
    for found in PoolTemplate::all(world.machine())? {
        let pool = &found.volume.pool;
        let _lock = PoolTemplate::lock(world, &found.name, pool)?;
        // It may have been brought anew meanwhile.
        let Some(template) = PoolTemplate::load(world.machine(), &found.name, pool)? else {
            continue;
        };
        if is_needed(world, &template, None)? {
            continue;
        }
        forget(world, &template)?;
        removed.push(template);
    }
    Ok(removed)
}

//! What is done to make a guest of libvirt, and to take it away.

pub(in crate::provisioning) mod autostart;
pub(in crate::provisioning) mod bring;
pub(in crate::provisioning) mod define;
pub(in crate::provisioning) mod discard;
pub(in crate::provisioning) mod volume;

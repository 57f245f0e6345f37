//! Guests of Proxmox VE that serve SMB: made from a template, looked after, and taken away.
//!
//! All that is wrong with a [`GuestRequest`] is told before anything is touched. What is done is written down first,
//! with the mark that the guest will carry, and taken back where it fails; what a crash interrupts is settled by
//! [`recover`], or before the next operation on that guest.

mod check;
mod console;
mod documents;
mod draft;
mod error;
mod guest;
mod guest_choice;
mod guest_draft;
mod headroom;
mod here;
mod hypervisor;
mod inside;
pub mod libvirt;
mod outcome;
mod place;
mod plan;
mod power;
mod provision;
mod record;
mod recover;
mod remove;
mod request;
mod resize;
mod share_inside;
mod share_request;
mod status;
mod steps;
mod switch;
mod template_record;
mod wait;
mod world;

pub use error::ProvisioningError;
pub use guest_choice::GuestChoice;
pub use guest_draft::GuestDraft;
pub use hypervisor::Hypervisor;
pub use outcome::{Outcome, Provisioned};
pub use place::{LibvirtPlace, NodePlace, Place, PoolVolume};
pub use plan::{Operation, Plan, Step};
pub use power::{Stop, restart, start, stop};
pub use provision::{problems, problems_but_passwords, provision};
pub use record::{GUESTS, GuestRecord, GuestState};
pub use recover::{Recovered, is_interrupted, recover};
pub use remove::remove;
pub use request::{DataRequest, GuestRequest, TemplateOrigin};
pub use resize::resize;
pub use share_inside::ShareUsage;
pub use share_request::ShareRequest;
pub use status::{GuestReport, ShareReport, list, status};
pub use template_record::NodeTemplate;
pub use world::{Provisioning, Waits};

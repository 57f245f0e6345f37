//! The domain name system, as far as a member of a domain needs it.
//!
//! [`Resolver`] asks the name servers of a host, or those that were given. [`message`] is the form of
//! questions and answers, pure functions on bytes.
//!
//! The codec is our own: the one needed is small, the names of netlogon replies are of the same form,
//! and signing an update needs the very bytes of a message.

mod config;
mod error;
mod exchange;
pub mod message;
mod name;
mod resolver;
mod tsig;
pub mod update;

pub use config::{Settings, settings};
pub use error::DnsError;
pub use message::Kind;
pub use message::Malformed;
pub use name::Name;
pub use resolver::{Answer, Resolver, Service, Zone};

pub(crate) use error::list as server_list;
pub(crate) use exchange::{datagrams_to, wait_for};
pub(crate) use name::read_labels as name_labels;
pub(crate) use resolver::{addresses as host_addresses, services};

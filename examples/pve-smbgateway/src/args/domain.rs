//! `ad-…`: the domain that this machine is a member of.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use smbgw_core::error::Coded;
use smbgw_core::host::{Reach, ReachError};

/// Where a password comes from; it is asked for where a terminal is there, and read from standard
/// input otherwise.
#[derive(Debug, Args)]
pub(crate) struct PasswordSource {
    /// Read the password from the first line of FILE; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Read the password from the first line of what is open as descriptor N.
    #[arg(long, value_name = "N", conflicts_with = "password_file")]
    pub(crate) password_fd: Option<u32>,
}

impl PasswordSource {
    /// Whether it is said where the password is.
    pub(crate) fn is_given(&self) -> bool {
        self.password_file.is_some() || self.password_fd.is_some()
    }
}

/// Who logs in to the domain to change something there.
#[derive(Debug, Args)]
pub(crate) struct Login {
    /// Who logs in: `alice`, `alice@AD.EXAMPLE` or `AD\alice`.
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<String>,
    #[command(flatten)]
    pub(crate) password: PasswordSource,
}

#[derive(Debug, Args)]
pub(crate) struct Discover {
    /// The DNS name of the domain.
    pub(crate) domain: String,
    /// Ask this controller, by name or address, instead of looking for one.
    #[arg(long, value_name = "NAME")]
    pub(crate) server: Option<String>,
    /// Take this machine for one of this site [default: the site it was in the last time].
    #[arg(long, value_name = "NAME")]
    pub(crate) site: Option<String>,
    /// Wait for the answers of all controllers, and take a read-only one where there is no other.
    #[arg(long)]
    pub(crate) all: bool,
}

/// Which machine is, or becomes, the member.
#[derive(Debug, Default, Args)]
pub(crate) struct Target {
    /// Work on the machine that runs this share: for a native one, this machine.
    #[arg(long = "share", value_name = "NAME", conflicts_with = "machine")]
    pub(crate) of_share: Option<String>,
    /// Work on the machine that this leads to: ssh:USER@HOST:PORT, ct:N, vm:N, lxc:NAME, or pid:N for
    /// the one that a process of this machine is in, such as the first process of a privileged container.
    /// The domain is then asked from that machine's network for pid:N, and from here for all others.
    #[arg(long = "host", id = "machine", value_name = "WAY", conflicts_with = "root", value_parser = way)]
    pub(crate) host: Option<Reach>,
}

fn way(text: &str) -> Result<Reach, String> {
    text.parse()
        .map_err(|error: ReachError| error.remedy().unwrap_or_else(|| error.to_string()))
}

#[derive(Debug, Args)]
pub(crate) struct Join {
    /// The DNS name of the domain; an offline blob names it, too.
    #[arg(required_unless_present = "offline_blob")]
    pub(crate) domain: Option<String>,
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) login: Login,
    /// The distinguished name of the container for the account [default: what the domain has chosen,
    /// usually CN=Computers].
    #[arg(long, value_name = "DN")]
    pub(crate) ou: Option<String>,
    /// The short name of the computer, up to 15 characters [default: the host's own].
    #[arg(long, value_name = "NAME")]
    pub(crate) computer_name: Option<String>,
    /// Its full DNS name [default: its short name within the domain].
    #[arg(long, value_name = "NAME")]
    pub(crate) host_name: Option<String>,
    /// A further name by which clients reach it, short or full; may be given several times.
    #[arg(long = "alias", value_name = "NAME")]
    pub(crate) aliases: Vec<String>,
    /// Use this controller, by name or address, now and later, instead of looking for one.
    #[arg(long, value_name = "NAME")]
    pub(crate) server: Option<String>,
    /// Take over an account that is there and that no computer uses: made for this join, or disabled.
    #[arg(long, conflicts_with = "reset")]
    pub(crate) reuse: bool,
    /// Take over an account that is there, even where another computer uses it, which then no longer
    /// can.
    #[arg(long)]
    pub(crate) reset: bool,
    /// Leave /etc/nsswitch.conf as it is: users of the domain cannot use shares then, unless it
    /// names winbind already.
    #[arg(long)]
    pub(crate) no_nsswitch: bool,
    /// Do not register the addresses of this machine in the DNS.
    #[arg(long)]
    pub(crate) no_dns: bool,
    /// Register this address; may be given several times [default: those of the host].
    #[arg(long = "address", value_name = "ADDRESS", conflicts_with = "no_dns")]
    pub(crate) addresses: Vec<IpAddr>,
    /// Leave winbindd as it is: somebody else starts it, or starts it anew.
    #[arg(long)]
    pub(crate) no_winbind: bool,
    /// With --user, make this file (an offline domain join blob, MS-ODJ) and the account that
    /// --computer-name names, and change nothing else; the file holds the account's password. Without
    /// --user, join with this file, which is of no use afterwards.
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    pub(crate) offline_blob: Option<PathBuf>,
    /// Check everything, say what would be done, and change nothing.
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Leave {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) login: Login,
    /// Delete the account instead of disabling it.
    #[arg(long)]
    pub(crate) delete: bool,
    /// Change only this machine: the account stays as it is, and nobody logs in.
    #[arg(long, conflicts_with_all = ["delete", "user", "password_file", "password_fd"])]
    pub(crate) host_only: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Only where the password is older than this, winbindd does not change it by itself, and the
    /// machine is in a domain; otherwise nothing is done, and that is no failure. For timers.
    #[arg(long, value_name = "DAYS")]
    pub(crate) if_older_than_days: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct Test {
    /// The DNS name of the domain.
    #[arg(long, value_name = "DOMAIN")]
    pub(crate) domain: String,
    #[command(flatten)]
    pub(crate) login: Login,
    /// Look at this controller, by name or address, instead of looking for one.
    #[arg(long, value_name = "NAME")]
    pub(crate) server: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Spn {
    /// Add names of services, with keys for them.
    ///
    /// Without --user, the machine itself asks, which a domain allows for its own host name only.
    #[command(after_help = SPN_EXAMPLES)]
    Add(Names),
    /// Take names of services away, with their keys.
    Remove(Names),
    /// List the names, and whether directory and keytab have each of them.
    List(Target),
}

#[derive(Debug, Args)]
pub(crate) struct Names {
    #[command(flatten)]
    pub(crate) target: Target,
    /// A service, such as cifs/files.ad.example; or the name of a host alone, such as files, which
    /// stands for the services that a join gives to a name.
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,
    #[command(flatten)]
    pub(crate) login: Login,
}

#[derive(Debug, Args)]
pub(crate) struct Keytab {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Write it anew.
    #[arg(long)]
    pub(crate) refresh: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Recover {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) login: Login,
}

const SPN_EXAMPLES: &str = "\
Examples:
  pve-smbgateway ad-spn add files --user Administrator
  pve-smbgateway ad-spn add cifs/files.ad.example --user Administrator --password-file secret
  pve-smbgateway ad-spn remove files --user Administrator";

pub(crate) const DISCOVER_EXAMPLES: &str = "\
Examples:
  pve-smbgateway ad-discover ad.example
  pve-smbgateway ad-discover ad.example --all --json
  pve-smbgateway ad-discover ad.example --server 192.0.2.10";

pub(crate) const JOIN_EXAMPLES: &str = "\
Examples:
  pve-smbgateway ad-join ad.example --user Administrator --check
  pve-smbgateway ad-join ad.example --user joiner --ou OU=Gateways,DC=ad,DC=example
  pve-smbgateway ad-join ad.example --user joiner --alias files --password-file - < secret
  pve-smbgateway ad-join ad.example --reuse --password-fd 3 3< one-time-password
  pve-smbgateway ad-join ad.example --user joiner --computer-name gw2 --offline-blob gw2.blob
  pve-smbgateway ad-join --offline-blob gw2.blob

The password is asked for on a terminal. Otherwise it is the first line of standard input, of
--password-file or of --password-fd. It is never an argument.";

pub(crate) const LEAVE_EXAMPLES: &str = "\
Examples:
  pve-smbgateway ad-leave --user Administrator
  pve-smbgateway ad-leave --user Administrator --delete --password-file secret
  pve-smbgateway ad-leave --host-only";

pub(crate) const ROTATE_EXAMPLES: &str = "\
Examples:
  pve-smbgateway ad-rotate
  pve-smbgateway ad-rotate --if-older-than-days 25

The timer smbgw-ad-rotate.timer runs the second one every day.";

pub(crate) const RECOVER_EXAMPLES: &str = "\
Examples:
  pve-smbgateway ad-recover --user Administrator
  pve-smbgateway ad-recover";

pub(crate) const TEST_EXAMPLES: &str = "\
Examples:
  pve-smbgateway ad-test --domain ad.example
  pve-smbgateway ad-test --domain ad.example --user alice --server dc2.ad.example";

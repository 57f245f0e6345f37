//! A real Active Directory domain: Samba's domain controller, up in about two seconds.
//!
//! ```no_run
//! use smbgw_testing::{Capability, Domain, require, run};
//!
//! require!(Capability::DomainController);
//! let domain = Domain::start().unwrap();
//! domain.add_users(&["alice"]).unwrap();
//!
//! // A host that asks the domain's name server, and has joined nothing.
//! let member = domain.host("m1").unwrap();
//! run(member.command("host").args(["-t", "SRV", "_ldap._tcp.ad.test"])).unwrap();
//!
//! // Code of this very test, with sockets of that host.
//! member.on_its_network(|| std::net::TcpStream::connect("10.99.0.10:389")).unwrap();
//! ```
//!
//! The domain is `ad.test` (`LAB` to NetBIOS), its controller `dc.ad.test` at 10.99.0.10 and fd99::10.
//! It is Samba as Debian ships it, provisioned once into the cache folder and copied into memory for
//! each test. With [`Domain::start_with_two`] there is `dc2.ad.test` at 10.99.0.11 and fd99::11 as
//! well, which replicates with the first.
//!
//! Everything ends with the value, or with the test process in whatever way that ends.
//! [`Domain::shared`] is one for all tests of a file, for those that leave it as it is and use names of
//! their own; what stops a controller, cuts it off or removes records starts a domain for itself.

mod account;
mod controller;
mod ldif;
mod member;
mod template;

use std::net::IpAddr;
use std::sync::OnceLock;

use crate::{LightHost, Network, Result, run};

pub use account::Standing;
pub use controller::DomainController;
pub use ldif::Entry;
pub(crate) use template::available;

/// A domain on a network of its own.
#[derive(Debug)]
pub struct Domain {
    controllers: Vec<DomainController>,
    network: Network,
}

impl Domain {
    /// The name in the DNS.
    pub const NAME: &'static str = "ad.test";
    /// The Kerberos realm.
    pub const REALM: &'static str = "AD.TEST";
    /// The NetBIOS name.
    pub const NETBIOS: &'static str = "LAB";
    /// The distinguished name of its root.
    pub const BASE: &'static str = "DC=ad,DC=test";
    /// The site that all is in unless moved.
    pub const SITE: &'static str = "Default-First-Site-Name";
    /// The account that may do everything.
    pub const ADMINISTRATOR: &'static str = "Administrator";
    /// The password of that account, and of every account that [`Domain::add_users`] makes.
    pub const PASSWORD: &'static str = "Passw0rd.1";

    /// Starts a domain with one controller, and waits until it serves.
    pub fn start() -> Result<Domain> {
        Domain::with(&["dc"])
    }

    /// Starts a domain with two controllers that replicate.
    pub fn start_with_two() -> Result<Domain> {
        Domain::with(&["dc", "dc2"])
    }

    /// The domain that all tests of this program share, started when it is asked for first.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn shared() -> &'static Domain {
        // It is never dropped: the kernel ends it with the process.
        static SHARED: OnceLock<Domain> = OnceLock::new();
        SHARED.get_or_init(|| Domain::start().unwrap_or_else(|error| panic!("{error}")))
    }

    fn with(names: &[&str]) -> Result<Domain> {
        let template = template::ready(names.len())?;
        let network = Network::start()?;
        let controllers = names
            .iter()
            .map(|name| DomainController::from_template(&template, &network, name))
            .collect::<Result<Vec<_>>>()?;
        for controller in &controllers {
            controller.wait_until_it_serves()?;
        }
        Ok(Domain {
            controllers,
            network,
        })
    }

    /// The network all is on.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The first controller, `dc.ad.test`.
    pub fn controller(&self) -> &DomainController {
        &self.controllers[0]
    }

    /// All controllers.
    pub fn controllers(&self) -> &[DomainController] {
        &self.controllers
    }

    /// Starts a host that asks the controllers for names and has joined nothing: no `krb5.conf`, an
    /// empty `smb.conf`. It has an IPv4 and an IPv6 address.
    pub fn host(&self, name: &str) -> Result<LightHost> {
        self.resolving(LightHost::on(&self.network, name, self.network.free())?)
    }

    /// Like [`Domain::host`], with IPv6 only.
    pub fn host_on_v6(&self, name: &str) -> Result<LightHost> {
        self.resolving(LightHost::on(
            &self.network,
            name,
            self.network.free().only_v6(),
        )?)
    }

    /// Like [`Domain::host`], set up so that the domain's users can work there with MIT Kerberos and
    /// Samba's clients: `kinit alice`, `smbclient --use-kerberos=required`.
    pub fn client(&self, name: &str) -> Result<LightHost> {
        let host = self.host(name)?;
        host.write("/etc/krb5.conf", controller::KRB5_CONF)?;
        host.write(
            "/etc/samba/smb.conf",
            format!(
                "[global]\n  workgroup = {}\n  realm = {}\n",
                Domain::NETBIOS,
                Domain::REALM
            ),
        )?;
        Ok(host)
    }

    /// Has `host` ask the controllers by those addresses it can reach.
    fn resolving(&self, host: LightHost) -> Result<LightHost> {
        let own = host.addresses();
        let servers: Vec<IpAddr> = self
            .controllers
            .iter()
            .filter_map(|controller| {
                let mut theirs = controller.addresses().into_iter();
                theirs.find(|address| own.iter().any(|own| own.is_ipv4() == address.is_ipv4()))
            })
            .collect();
        host.resolve_by(&servers, Domain::NAME)?;
        Ok(host)
    }

    /// Has every controller fetch what the others have and it lacks of the domain's own naming
    /// context. They do so by themselves, too, some seconds after a change.
    pub fn replicate(&self) -> Result<()> {
        for target in &self.controllers {
            for source in &self.controllers {
                if source.name() != target.name() {
                    template::replicate(source, target, Domain::BASE)?;
                }
            }
        }
        Ok(())
    }

    /// Runs `samba-tool` on the first controller as the administrator, where that is told by
    /// `-U` and so on the network; takes about a second.
    pub fn samba_tool(&self, arguments: &[&str]) -> Result<String> {
        let login = format!("{}%{}", Domain::ADMINISTRATOR, Domain::PASSWORD);
        run(self
            .controller()
            .command("samba-tool")
            .args(arguments)
            .args(["-U", &login]))
    }
}

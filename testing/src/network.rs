//! A network for light hosts: a switch, addresses, and cables that can be pulled.
//!
//! ```no_run
//! use smbgw_testing::{Capability, LightHost, Network, require, run};
//!
//! require!(Capability::Root);
//! let network = Network::start().unwrap();
//! let server = LightHost::on(&network, "server", Network::addresses(10)).unwrap();
//! let client = LightHost::on(&network, "client", network.free()).unwrap();
//! run(client.command("ping").args(["-c", "1", "10.99.0.10"])).unwrap();
//! server.pull_cable().unwrap();
//! // From here on the server hears and says nothing, and nobody is told.
//! ```
//!
//! The switch is a bridge in a network namespace of its own, so every [`Network`] has the same
//! addresses and none can disturb another, or be seen by the machine. It lives as long as the value
//! or a host on it, and ends with the test process however that ends.

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use crate::{Error, Result, keep};

/// Where [`Network::free`] begins to give out numbers; those below are for a test to choose.
const FIRST_FREE: u8 = 100;

/// The addresses of one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    v4: Option<Ipv4Addr>,
    v6: Option<Ipv6Addr>,
}

impl Addresses {
    /// The same without IPv6.
    #[must_use]
    pub fn only_v4(self) -> Addresses {
        Addresses { v6: None, ..self }
    }

    /// The same without IPv4.
    #[must_use]
    pub fn only_v6(self) -> Addresses {
        Addresses { v4: None, ..self }
    }

    /// The IPv4 address.
    pub fn v4(self) -> Option<Ipv4Addr> {
        self.v4
    }

    /// The IPv6 address.
    pub fn v6(self) -> Option<Ipv6Addr> {
        self.v6
    }

    /// All of them, IPv4 first.
    pub fn all(self) -> Vec<IpAddr> {
        let v4 = self.v4.map(IpAddr::from);
        v4.into_iter().chain(self.v6.map(IpAddr::from)).collect()
    }
}

/// A running network. Hosts come onto it by [`LightHost::on`](crate::LightHost::on).
#[derive(Debug)]
pub struct Network {
    switch: Arc<Switch>,
    next_free: AtomicU8,
}

impl Network {
    /// Starts a network with nobody on it.
    pub fn start() -> Result<Network> {
        Ok(Network {
            switch: Arc::new(Switch::start()?),
            next_free: AtomicU8::new(FIRST_FREE),
        })
    }

    /// The addresses of host `number`: `10.99.0.NUMBER/24` and `fd99::NUMBER/64`.
    pub const fn addresses(number: u8) -> Addresses {
        Addresses {
            v4: Some(Ipv4Addr::new(10, 99, 0, number)),
            v6: Some(Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, written(number))),
        }
    }

    /// Addresses that were not given out before, with numbers from 100 on.
    ///
    /// # Panics
    /// When there are none left.
    pub fn free(&self) -> Addresses {
        let number = self.next_free.fetch_add(1, Ordering::Relaxed);
        assert!(
            (FIRST_FREE..255).contains(&number),
            "the network has no address left"
        );
        Network::addresses(number)
    }

    /// Lays a cable from the switch to the host whose process 1 is `pid`, as its `eth0`.
    pub(crate) fn connect(&self, pid: u32, addresses: Addresses) -> Result<Cable> {
        let number = self.switch.next_port.fetch_add(1, Ordering::Relaxed);
        let cable = Cable {
            switch: Arc::clone(&self.switch),
            port: format!("port{number}"),
        };
        let port = &cable.port;
        self.switch.ip(&format!(
            "link add {port} type veth peer name eth0 netns {pid}\n\
             link set {port} addrgenmode none\n\
             link set {port} master br0 up\n"
        ))?;
        let mut host = String::from("link set eth0 addrgenmode none\n");
        if let Some(v4) = addresses.v4 {
            host.push_str(&format!("addr add {v4}/24 dev eth0\n"));
        }
        if let Some(v6) = addresses.v6 {
            // Nobody else has it, so nothing waits a second to find that out.
            host.push_str(&format!("addr add {v6}/64 dev eth0 nodad\n"));
        }
        host.push_str("link set eth0 up\n");
        ip(pid, &host)?;
        Ok(cable)
    }
}

/// The group of an IPv6 address that reads like the decimal `number`.
const fn written(number: u8) -> u16 {
    let number = number as u16;
    number / 100 * 0x100 + number / 10 % 10 * 0x10 + number % 10
}

/// What connects a host to its network.
#[derive(Debug)]
pub(crate) struct Cable {
    switch: Arc<Switch>,
    port: String,
}

impl Cable {
    pub(crate) fn pull(&self) -> Result<()> {
        self.switch.ip(&format!("link set {} down\n", self.port))
    }

    pub(crate) fn plug(&self) -> Result<()> {
        self.switch.ip(&format!("link set {} up\n", self.port))
    }
}

/// The process that holds the namespace with the bridge. It ends when its input closes.
#[derive(Debug)]
struct Switch {
    holder: Child,
    next_port: AtomicU32,
}

impl Switch {
    fn start() -> Result<Switch> {
        let mut holder = Command::new("unshare")
            .args(["--net", "sh", "-ec"])
            .arg(include_str!("network/switch.sh"))
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(Error::doing("starting a network (unshare)"))?;
        let stdout = holder.stdout.take().expect("it is a pipe");
        let mut line = String::new();
        let read = BufReader::new(stdout).read_line(&mut line);
        let mut switch = Switch {
            holder,
            next_port: AtomicU32::new(0),
        };
        if read.is_ok() && line == "ready\n" {
            if keep() {
                // It then lives on by itself; see the script.
                switch.say("keep\n");
            }
            return Ok(switch);
        }
        let mut why = String::new();
        if let Some(mut stderr) = switch.holder.stderr.take() {
            let _ = std::io::Read::read_to_string(&mut stderr, &mut why);
        }
        Err(Error::new(format!("a network did not start: {why}")))
    }

    fn say(&mut self, word: &str) {
        if let Some(stdin) = &mut self.holder.stdin {
            // One that has ended is noticed by the next who uses it.
            let _ = stdin.write_all(word.as_bytes());
        }
    }

    fn ip(&self, batch: &str) -> Result<()> {
        ip(self.holder.id(), batch)
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        if !keep() {
            let _ = self.holder.wait();
        }
    }
}

/// Gives `ip` these commands in the network namespace of process `pid`.
fn ip(pid: u32, batch: &str) -> Result<()> {
    let doing = || Error::doing("running ip");
    let mut child = Command::new("nsenter")
        .arg(format!("--net=/proc/{pid}/ns/net"))
        .args(["--", "ip", "-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(doing())?;
    let mut stdin = child.stdin.take().expect("it is a pipe");
    let written = stdin.write_all(batch.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().map_err(doing())?;
    if output.status.success() {
        return written.map_err(doing());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Error::new(format!("ip failed for `{batch}`: {said}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_addresses_show_the_same_number() {
        for (number, v4, v6) in [
            (9, "10.99.0.9", "fd99::9"),
            (10, "10.99.0.10", "fd99::10"),
            (254, "10.99.0.254", "fd99::254"),
        ] {
            let addresses = Network::addresses(number);
            assert_eq!(
                addresses.all(),
                [v4.parse::<IpAddr>().unwrap(), v6.parse().unwrap()]
            );
            assert_eq!(addresses.only_v4().all(), [v4.parse::<IpAddr>().unwrap()]);
            assert_eq!(addresses.only_v6().all(), [v6.parse::<IpAddr>().unwrap()]);
        }
    }
}

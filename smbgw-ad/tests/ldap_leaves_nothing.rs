//! A connection that ended leaves neither a thread nor a descriptor. Alone in its process, as others
//! would open descriptors meanwhile.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use smbgw_ad::ldap::{Connection, RootDse, Security, Server};
use smbgw_core::deadline::Deadline;

fn count(of: &str) -> usize {
    fs::read_dir(format!("/proc/self/{of}")).unwrap().count()
}

#[test]
fn nothing_is_left() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let server = Server {
        host: "dc.ad.test".parse().unwrap(),
        address: listener.local_addr().unwrap(),
    };
    let (threads, descriptors) = (count("task"), count("fd"));
    for _ in 0..3 {
        let soon = Deadline::after(Duration::from_secs(20));
        let mut connection = Connection::open(&server, Security::Anonymous, soon).unwrap();
        assert_eq!(count("task"), threads, "it started a thread");
        assert!(count("fd") > descriptors);
        let now = Deadline::after(Duration::from_millis(20));
        assert!(RootDse::read(&mut connection, now).is_err());
        assert_eq!(count("task"), threads, "it started a thread");
        drop(connection);
        assert_eq!((count("task"), count("fd")), (threads, descriptors));
    }
}

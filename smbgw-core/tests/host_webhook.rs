//! The webhook with TLS, against a server of this test under an authority of its own.
#![cfg(feature = "webhook")]

mod alert;
mod inside;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;

use alert::{configure, deliver, notice, soon};
use inside::{in_light_host, threads_and_files};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use smbgw_core::alert::ChannelError;
use smbgw_testing::{Authority, Capability, require};

/// Delivers one message to a server of that configuration; with the result what the server read, if it got that far.
fn post(
    config: &Arc<ServerConfig>,
    host: &str,
    more: &str,
) -> (Result<(), ChannelError>, Option<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let toml = format!("[webhook]\nurl = \"https://{host}:{port}/hook\"\n{more}");
    std::thread::scope(|scope| {
        let server = scope.spawn(|| {
            let (stream, _) = listener.accept().unwrap();
            let connection = ServerConnection::new(config.clone()).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            let mut text = Vec::new();
            let mut buffer = [0; 4096];
            // The JSON is the last thing that comes.
            while !text.ends_with(b"}") {
                let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
                text.extend_from_slice(&buffer[..count]);
            }
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                .ok()?;
            String::from_utf8(text).ok()
        });
        let result = deliver(&toml, &notice(), soon());
        (result, server.join().unwrap())
    })
}

#[test]
fn a_message_is_posted_to_a_server_that_the_named_authority_vouches_for() {
    require!(Capability::Openssl);
    in_light_host(
        "a_message_is_posted_to_a_server_that_the_named_authority_vouches_for",
        || {
            let authority = Authority::new("/run/authority").unwrap();
            let config = configure(&authority);
            let trusted = format!("ca_file = {:?}\n", authority.certificate());
            let before = threads_and_files();
            for host in ["localhost", "127.0.0.1"] {
                let (result, text) = post(&config, host, &trusted);
                result.unwrap();
                let text = text.unwrap();
                assert!(text.starts_with("POST /hook HTTP/1.1\r\n"), "{text}");
                assert!(text.contains("Médiathèque"), "{text}");
            }
            assert_eq!(threads_and_files(), before, "something was left behind");

            let other = Authority::new("/run/other").unwrap();
            let wrong = format!("ca_file = {:?}\n", other.certificate());
            std::fs::write("/etc/hosts", "127.0.0.1 localhost gw\n127.0.0.1 hooks\n").unwrap();
            for (host, more) in [
                ("localhost", wrong.as_str()),
                ("localhost", ""),
                ("hooks", &trusted),
            ] {
                let (result, text) = post(&config, host, more);
                let error = result.unwrap_err();
                assert!(!error.is_permanent(), "{error}");
                assert!(error.to_string().contains("certificate"), "{error}");
                assert_eq!(text, None);
            }
        },
    );
}

#[test]
fn the_authorities_of_the_system_are_trusted() {
    require!(Capability::Openssl);
    in_light_host("the_authorities_of_the_system_are_trusted", || {
        let authority = Authority::new("/run/authority").unwrap();
        let config = configure(&authority);
        // As `update-ca-certificates` would add it; `/etc` is this host's own.
        let bundle = "/etc/ssl/certs/ca-certificates.crt";
        let mut all = std::fs::read(bundle).unwrap();
        all.extend(std::fs::read(authority.certificate()).unwrap());
        std::fs::write(bundle, all).unwrap();
        let (result, text) = post(&config, "localhost", "");
        result.unwrap();
        assert!(text.unwrap().contains("Médiathèque"));
    });
}

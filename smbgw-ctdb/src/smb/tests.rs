use std::net::TcpListener;

use super::*;

/// What a client makes of a server that says `bytes` and closes.
fn told(bytes: &'static [u8]) -> SmbError {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = [0; 16];
        stream.read_exact(&mut asked).unwrap();
        stream.write_all(bytes).unwrap();
    });
    let mut client = Client {
        stream: TcpStream::connect(address).unwrap(),
        next_message: 0,
        session: 0,
        tree: 0,
        key: None,
    };
    let error = client.negotiate().unwrap_err();
    server.join().unwrap();
    error
}

#[test]
fn servers_that_are_none_are_told() {
    assert!(matches!(told(b""), SmbError::Connection(_)));
    assert!(matches!(told(b"HTTP/1.1 400"), SmbError::Malformed(_)));
    assert!(matches!(told(b"\0\0\0\x01x"), SmbError::Malformed(_)));
    let mut short = vec![0, 0, 0, 64];
    short.extend_from_slice(b"\xfeSMB");
    short.resize(68, 0);
    assert!(matches!(told(short.leak()), SmbError::Malformed(_)));
    // A refusal is told with its status.
    let mut refused = vec![0, 0, 0, 73];
    refused.extend_from_slice(b"\xfeSMB\x40\0\0\0\x22\0\0\xc0");
    refused.resize(77, 0);
    let error = told(refused.leak());
    assert!(error.is_final());
    assert_eq!(
        error.to_string(),
        "the SMB server refused the protocol with status 0xc0000022"
    );
}

//! The webhook against small HTTP servers on this machine.
#![cfg(feature = "webhook")]

mod alert;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use alert::{deliver, notice, problems_of, soon};
use smbgw_core::alert::{ChannelError, Notice};
use smbgw_core::deadline::Deadline;

/// A request as a server got it.
#[derive(Clone, Debug, Default)]
struct Request {
    head: Vec<String>,
    body: String,
}

impl Request {
    fn field(&self, name: &str) -> Option<&str> {
        self.head.iter().find_map(|line| {
            let (field, value) = line.split_once(": ")?;
            field.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

fn read_request(stream: &TcpStream) -> Request {
    let mut reader = BufReader::new(stream);
    let mut request = Request::default();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
            break;
        }
        request.head.push(line.trim_end().to_string());
    }
    let length = request
        .field("content-length")
        .map_or(0, |l| l.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    request.body = String::from_utf8(body).unwrap();
    request
}

/// Delivers to a server whose connections `serve` handles. `more` are lines of the settings, and
/// `path` is what follows the server in the URL.
fn with_server(
    serve: impl Fn(TcpStream) -> Request + Sync,
    path: &str,
    more: &str,
    deadline: Deadline,
) -> (Result<(), ChannelError>, Vec<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let done = AtomicBool::new(false);
    let toml = format!("[webhook]\nurl = \"http://{address}{path}\"\n{more}");
    std::thread::scope(|scope| {
        let server = scope.spawn(|| {
            let mut requests = Vec::new();
            for stream in listener.incoming() {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                requests.push(serve(stream.unwrap()));
            }
            requests
        });
        let result = deliver(&toml, &notice(), deadline);
        done.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(address));
        (result, server.join().unwrap())
    })
}

/// Delivers to a server that answers with `answer`.
fn answered(answer: &str, path: &str, more: &str) -> (Result<(), ChannelError>, Vec<Request>) {
    with_server(
        |mut stream| {
            let request = read_request(&stream);
            stream.write_all(answer.as_bytes()).unwrap();
            request
        },
        path,
        more,
        soon(),
    )
}

const TAKEN: &str = "HTTP/1.1 204 No Content\r\n\r\n";

#[test]
fn a_message_is_posted_as_json() {
    let more = "headers = { X-Team = \"storage\" }\n";
    let (result, requests) = answered(TAKEN, "/secret-path?a=b", more);
    result.unwrap();
    let [request] = &requests[..] else {
        panic!("{requests:?}");
    };
    assert_eq!(request.head[0], "POST /secret-path?a=b HTTP/1.1");
    let version = concat!("smbgw/", env!("CARGO_PKG_VERSION"));
    for (name, value) in [
        ("content-type", "application/json"),
        ("idempotency-key", "0123456789abcdef0123456789abcdef"),
        ("user-agent", version),
        ("x-team", "storage"),
    ] {
        assert_eq!(request.field(name), Some(value), "{request:?}");
    }
    assert_eq!(request.field("authorization"), None);
    let json: serde_json::Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(json["version"], 1);
    assert_eq!(
        json["subject"],
        "[smbgw gw] warning: Médiathèque: 9G of 10G are used"
    );
    let back: Notice = serde_json::from_value(json).unwrap();
    assert_eq!(back, notice());
}

#[test]
fn the_answer_decides_whether_to_try_again() {
    for (status, permanent) in [
        (301, false),
        (307, false),
        (400, true),
        (401, false),
        (403, false),
        (404, true),
        (407, false),
        (408, false),
        (410, true),
        (425, false),
        (429, false),
        (500, false),
        (503, false),
    ] {
        let answer = format!(
            "HTTP/1.1 {status} Whatever\r\nLocation: http://127.0.0.1:1/other\r\n\
             Content-Length: 13\r\n\r\nnot\ntoday :-("
        );
        let (result, requests) = answered(&answer, "/secret-path", "");
        let error = result.unwrap_err();
        assert_eq!(error.is_permanent(), permanent, "{status}: {error}");
        assert_eq!(requests.len(), 1, "a redirect was followed");
        let text = error.to_string();
        assert!(text.contains(&status.to_string()), "{text}");
        assert!(!text.contains("secret-path"), "{text}");
        assert_eq!(text.contains("not today :-("), status >= 400, "{text}");
    }
}

#[test]
fn a_token_is_sent_and_shown_nowhere() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("token");
    std::fs::write(&path, "hunter2\n").unwrap();
    let chmod = |mode| {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    chmod(0o600);
    let more = format!("token_file = {path:?}\n");
    let (result, requests) = answered(TAKEN, "/", &more);
    result.unwrap();
    assert_eq!(requests[0].field("authorization"), Some("Bearer hunter2"));

    let answer = "HTTP/1.1 403 No\r\nContent-Length: 16\r\n\r\nhunter2 is wrong";
    let error = answered(answer, "/", &more).0.unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(text.contains("(secret) is wrong"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");

    // Not even the beginning of it, where the text is cut.
    let said = format!("{} hunter2", "x".repeat(195));
    let answer = format!("HTTP/1.1 403 No\r\nContent-Length: 203\r\n\r\n{said}");
    let text = answered(&answer, "/", &more).0.unwrap_err().to_string();
    assert!(text.contains("xxx") && !text.contains("hun"), "{text}");

    chmod(0o644);
    let (result, requests) = answered(TAKEN, "/", &more);
    assert!(!result.unwrap_err().is_permanent());
    assert!(requests.is_empty());
}

#[test]
fn what_a_server_repeats_of_the_request_is_not_shown() {
    let more = "headers = { X-Api-Key = \"s3cret-of-mine\", Authorization = \"Basic Z3c6aHVudGVyMg==\" }\n";
    let path = "/v1/T0123456/s3cret-of-path?key=s3cret-of-query";
    for (said, shown) in [
        (
            "Cannot POST /v1/T0123456/s3cret-of-path",
            "Cannot POST (secret)",
        ),
        (
            "no `s3cret-of-path` with s3cret-of-query",
            "no `(secret)` with (secret)",
        ),
        (
            "the key s3cret-of-mine is unknown",
            "the key (secret) is unknown",
        ),
        (
            "bad credentials: Z3c6aHVudGVyMg==",
            "bad credentials: (secret)",
        ),
    ] {
        let length = said.len();
        let answer = format!("HTTP/1.1 404 No\r\nContent-Length: {length}\r\n\r\n{said}");
        let error = answered(&answer, path, more).0.unwrap_err();
        let text = error.to_string();
        assert!(text.ends_with(&format!(": {shown}")), "{text}");
    }
}

/// Delivers with little time, and returns the text of the error that this has to be.
fn in_vain(serve: impl Fn(TcpStream) -> Request + Sync) -> String {
    let started = Instant::now();
    let brief = Deadline::after(Duration::from_secs(2));
    let (result, _) = with_server(serve, "/", "", brief);
    assert!(started.elapsed() < Duration::from_secs(30));
    let error = result.unwrap_err();
    assert!(!error.is_permanent(), "{error}");
    error.to_string()
}

#[test]
fn a_server_that_does_not_answer_holds_no_longer_than_the_deadline() {
    let text = in_vain(|stream| {
        let request = read_request(&stream);
        // Until the other side gives up.
        let _ = (&stream).read(&mut [0; 1]);
        request
    });
    assert!(text.contains("did not answer in time"), "{text}");

    let drip = |start: &'static str| {
        in_vain(move |mut stream| {
            let request = read_request(&stream);
            let _ = stream.write_all(start.as_bytes());
            while stream.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(50));
            }
            request
        })
    };
    let text = drip("HTTP/1.1 204 No Content\r\nX-Long: ");
    assert!(text.contains("did not answer in time"), "{text}");
    // The answer is known by then; what follows it is not waited for.
    let text = drip("HTTP/1.1 500 Broken\r\nContent-Length: 3000\r\n\r\n");
    assert!(text.contains("500"), "{text}");
}

#[test]
fn a_server_that_stops_half_way_did_not_take_the_message() {
    let error = answered("HTTP/1.1 20", "/", "").0.unwrap_err();
    assert!(!error.is_permanent(), "{error}");
    let error = answered("what?\r\n\r\n", "/", "").0.unwrap_err();
    assert!(!error.is_permanent(), "{error}");
}

#[test]
fn a_proxy_is_gone_through() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::scope(|scope| {
        let proxy = scope.spawn(|| {
            let (mut stream, _) = listener.accept().unwrap();
            let request = read_request(&stream);
            if request.head[0].starts_with("CONNECT") {
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
                read_request(&stream);
            }
            stream.write_all(TAKEN.as_bytes()).unwrap();
            request
        });
        let toml =
            format!("[webhook]\nurl = \"http://hooks.invalid/x\"\nproxy = \"http://{address}\"\n");
        deliver(&toml, &notice(), soon()).unwrap();
        let request = proxy.join().unwrap();
        assert!(request.head[0].contains("hooks.invalid"), "{request:?}");
    });
}

#[test]
fn a_server_nobody_knows_is_told_and_tried_again() {
    let toml = "[webhook]\nurl = \"http://hooks.invalid/secret-path\"\n";
    let error = deliver(toml, &notice(), soon()).unwrap_err();
    assert!(!error.is_permanent());
    let text = error.to_string();
    assert!(
        text.contains("hooks.invalid") && !text.contains("secret-path"),
        "{text}"
    );
}

#[test]
fn wrong_settings_are_told_by_name_and_without_secrets() {
    let fields = |toml: &str| -> Vec<String> {
        let found = problems_of(&format!("[webhook]\n{toml}"));
        for problem in &found {
            assert!(!problem.to_string().contains("s3cret"), "{problem}");
        }
        found.into_iter().map(|problem| problem.field).collect()
    };
    assert_eq!(fields("url = \"https://a.b/s3cret\""), [""; 0]);
    for url in [
        "",
        "s3cret",
        "ftp://a.b/s3cret",
        "https://x:s3cret@a.b/",
        "https://",
        "/s3cret",
    ] {
        assert_eq!(fields(&format!("url = {url:?}")), ["webhook.url"], "{url}");
    }
    let url = "url = \"https://a.b/s3cret\"\n";
    assert_eq!(
        fields(&format!(
            "{url}headers = {{ Host = \"x\", \"a b\" = \"s3cret\", X = \"s3cret\\n\" }}"
        )),
        ["webhook.headers"; 3]
    );
    assert_eq!(
        fields(&format!(
            "{url}token_file = \"/t\"\nheaders = {{ Authorization = \"s3cret\" }}"
        )),
        ["webhook.headers"]
    );
    assert_eq!(
        fields("url = \"http://a.b/s3cret\"\ntoken_file = \"/t\""),
        ["webhook.url"]
    );
    assert_eq!(
        fields("url = \"http://[::1]/s3cret\"\ntoken_file = \"/t\""),
        [""; 0]
    );
    // The way to a proxy is a way over the network, too.
    let with_proxy = |url: &str, proxy: &str| {
        fields(&format!(
            "url = {url:?}\ntoken_file = \"/t\"\nproxy = {proxy:?}"
        ))
    };
    assert_eq!(
        with_proxy("http://localhost/s3cret", "http://a.b:3128"),
        ["webhook.proxy"]
    );
    assert_eq!(
        with_proxy("http://localhost/s3cret", "http://127.0.0.1:3128"),
        [""; 0]
    );
    assert_eq!(with_proxy("https://a.b/s3cret", "http://a.b:3128"), [""; 0]);
    assert_eq!(
        fields("url = \"http://a.b/\"\nca_file = \"/c\""),
        ["webhook.url"]
    );
    assert_eq!(
        fields(&format!("{url}proxy = \"socks5://s3cret\"")),
        ["webhook.proxy"]
    );
    let settings: smbgw_core::alert::channel::ChannelSettings = toml::from_str(
        "[webhook]\nurl = \"https://u:s3cret@a.b/s3cret\"\nheaders = { X = \"s3cret\" }",
    )
    .unwrap();
    let shown = format!("{settings:?}");
    assert!(
        shown.contains("a.b") && !shown.contains("s3cret"),
        "{shown}"
    );
}

//! A file fetched by HTTP into a file that may have a part of it already (RFC 9110, section 14).

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;

use smbgw_core::deadline::Deadline;
use smbgw_core::error::chain_text;
use smbgw_core::host::{FileError, Host};
use smbgw_core::http;
use ureq::http::{StatusCode, Uri, header};
use ureq::tls::RootCerts;
use ureq::{Agent, Body};

use super::source::ImageSource;
use crate::template::error::TemplateError;

/// How often another address may be named.
const REDIRECTS: usize = 5;

/// The largest image, in bytes: one that has no end does not fill the disk.
const LARGEST: u64 = 64 << 30;

/// Fetches `address` into the file `path` of `host`, going on behind what is there.
///
/// # Errors
/// Where it cannot be fetched whole. What has come stays, for the next time.
pub(super) fn download(
    host: &dyn Host,
    address: &Uri,
    path: &Path,
    deadline: Deadline,
) -> Result<(), TemplateError> {
    let from = ImageSource::Address(address.clone()).shown();
    let fail = |why: String| TemplateError::Download {
        from: from.clone(),
        why,
    };
    let local = host.local_path(path).ok_or_else(|| {
        fail(format!(
            "the files of {} are not reached from here",
            host.name()
        ))
    })?;
    let broken = |source| TemplateError::from(FileError::new("write", path, source));
    let file = OpenOptions::new().create(true).append(true).open(&local);
    let mut file = file.map_err(broken)?;
    let mut has = file.metadata().map_err(broken)?.len();
    let mut address = address.clone();
    for _ in 0..=REDIRECTS {
        let agent = agent(host, &address, deadline).map_err(fail)?;
        let mut request = agent.get(&address);
        if has > 0 {
            request = request.header(header::RANGE, format!("bytes={has}-"));
        }
        let response = request.call().map_err(|error| fail(chain_text(&error)))?;
        match response.status() {
            StatusCode::OK => {
                // All of it, whatever was asked for.
                file.set_len(0).map_err(broken)?;
                return copy(response.into_body(), &mut file, path, LARGEST)
                    .map_err(|error| error.of(fail));
            }
            StatusCode::PARTIAL_CONTENT if begins_at(&response, has) => {
                let rest = LARGEST.saturating_sub(has);
                return copy(response.into_body(), &mut file, path, rest)
                    .map_err(|error| error.of(fail));
            }
            // Nothing is behind what is there: it is whole, or another file.
            StatusCode::RANGE_NOT_SATISFIABLE if has > 0 => return Ok(()),
            // Something else than was asked for: from the start.
            StatusCode::PARTIAL_CONTENT => {
                file.set_len(0).map_err(broken)?;
                has = 0;
            }
            status if status.is_redirection() => {
                let location = response.headers().get(header::LOCATION);
                let location = location.and_then(|value| value.to_str().ok());
                address = location
                    .and_then(|location| other(&address, location))
                    .ok_or_else(|| fail("it names another address that cannot be used".into()))?;
            }
            status => return Err(fail(format!("the server answered {status}"))),
        }
    }
    Err(fail(format!(
        "it names another address more than {REDIRECTS} times"
    )))
}

/// Why a file was not written whole.
enum Broken {
    Here(FileError),
    There(String),
}

impl Broken {
    fn of(self, fail: impl Fn(String) -> TemplateError) -> TemplateError {
        match self {
            Self::Here(error) => error.into(),
            Self::There(why) => fail(why),
        }
    }
}

fn copy(body: Body, file: &mut File, path: &Path, most: u64) -> Result<(), Broken> {
    let mut reader = body.into_with_config().limit(u64::MAX).reader();
    let mut buffer = vec![0; 1 << 20];
    let mut left = most;
    loop {
        let count = reader
            .read(&mut buffer)
            .map_err(|error| Broken::There(chain_text(&error)))?;
        if count == 0 {
            break;
        }
        left = left
            .checked_sub(count as u64)
            .ok_or_else(|| Broken::There(format!("it is larger than {LARGEST} bytes")))?;
        let here = |source| Broken::Here(FileError::new("write", path, source));
        file.write_all(&buffer[..count]).map_err(here)?;
    }
    let here = |source| Broken::Here(FileError::new("write", path, source));
    file.sync_all().map_err(here)
}

/// Whether the part that comes is the one behind what is there (`Content-Range: bytes 10-99/100`).
fn begins_at(response: &ureq::http::Response<Body>, has: u64) -> bool {
    let range = response.headers().get(header::CONTENT_RANGE);
    let range = range.and_then(|value| value.to_str().ok());
    let first = range.and_then(|range| range.strip_prefix("bytes ")?.split('-').next());
    first.and_then(|first| first.parse().ok()) == Some(has)
}

/// The address that `location` stands for where it was said at `address`: a whole one, or a path.
fn other(address: &Uri, location: &str) -> Option<Uri> {
    let text = match location.starts_with('/') && !location.starts_with("//") {
        true => format!(
            "{}://{}{location}",
            address.scheme_str()?,
            address.authority()?
        ),
        false => location.to_owned(),
    };
    match ImageSource::parse(&text)? {
        ImageSource::Address(address) => Some(address),
        ImageSource::File(_) => None,
    }
}

/// What makes one request to the server of `address`.
fn agent(host: &dyn Host, address: &Uri, deadline: Deadline) -> Result<Agent, String> {
    let port = match (address.port_u16(), address.scheme_str()) {
        (Some(port), _) => port,
        (None, Some("http")) => 80,
        (None, _) => 443,
    };
    let server = (address.host().unwrap_or_default(), port);
    http::agent(host, server, RootCerts::PlatformVerifier, None, deadline)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_address_is_a_whole_one_or_a_path() {
        let here: Uri = "http://a.example:8080/x/y".parse().unwrap();
        let whole = |location: &str| other(&here, location).map(|uri| uri.to_string());
        assert_eq!(whole("/z").as_deref(), Some("http://a.example:8080/z"));
        assert_eq!(
            whole("https://b.example/z").as_deref(),
            Some("https://b.example/z")
        );
        assert_eq!(whole("file:///etc/passwd"), None);
    }
}

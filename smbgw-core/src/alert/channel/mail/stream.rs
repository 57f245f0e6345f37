//! A connection of which no more is read than what was asked for.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// As much as is given at once, in bytes.
const LONGEST_READ: usize = 4096;

/// A connection that gives one line at a time.
///
/// Who reads answers through a buffer reads ahead. What somebody on the way put behind the answer to
/// `STARTTLS` would be in that buffer when encryption begins, and be taken for what the server says
/// under its protection: a mail would count as delivered that never arrived. Left where it is, it
/// goes into the handshake, which fails of it (RFC 3207, section 6).
#[derive(Debug)]
pub(super) struct LineByLine(pub(super) TcpStream);

impl AsyncRead for LineByLine {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut bytes = [0; LONGEST_READ];
        let mut ahead = ReadBuf::new(&mut bytes);
        ready!(self.0.poll_peek(context, &mut ahead))?;
        let ahead = ahead.filled();
        let line = ahead.split_inclusive(|&byte| byte == b'\n').next();
        let length = line.map_or(0, <[u8]>::len).min(buffer.remaining());
        let mut line = ReadBuf::new(bytes.get_mut(..length).unwrap_or_default());
        ready!(Pin::new(&mut self.0).poll_read(context, &mut line))?;
        buffer.put_slice(line.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for LineByLine {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

impl AsyncTokioStream for LineByLine {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr()
    }
}

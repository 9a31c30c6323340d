//! As much of an HTTP client as can hang up anywhere: requests as text over a socket, responses read by their length.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection that is kept for the next request.
pub(crate) struct Connection {
    stream: TcpStream,
    /// What was read and not yet used.
    unread: Vec<u8>,
}

/// The response to one request.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, unread: Vec::new() })
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Closes the connection: every second one at once, without the farewell that TCP has.
    pub(crate) fn hang_up(self, is_abrupt: bool) {
        if is_abrupt {
            // A connection that is closed already can't be closed more abruptly.
            let _ = self.stream.set_zero_linger();
        }
    }

    /// The next response; `None` where the connection ends before its end.
    pub(crate) async fn receive(&mut self) -> io::Result<Option<Response>> {
        let Some(head) = self.until(b"\r\n\r\n").await? else { return Ok(None) };
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| malformed(&head))?;
        let length = field(&head, "content-length").and_then(|length| length.parse().ok());
        let body = match length {
            Some(length) => self.exactly(length).await?,
            None if field(&head, "transfer-encoding") == Some("chunked") => self.chunks().await?,
            None => return Err(malformed(&head)),
        };
        Ok(body.map(|body| Response { status, body }))
    }

    /// Waits for the first bytes of a response.
    pub(crate) async fn begin_receiving(&mut self) -> io::Result<()> {
        self.until(b"\r\n\r\n").await.map(drop)
    }

    async fn chunks(&mut self) -> io::Result<Option<String>> {
        let mut body = String::new();
        loop {
            let Some(size) = self.until(b"\r\n").await? else { return Ok(None) };
            let size = usize::from_str_radix(size.trim(), 16).map_err(|_| malformed(&size))?;
            let Some(chunk) = self.exactly(size + 2).await? else { return Ok(None) };
            if size == 0 {
                return Ok(Some(body));
            }
            body.push_str(&chunk[..size]);
        }
    }

    /// All up to the end of `mark`.
    async fn until(&mut self, mark: &[u8]) -> io::Result<Option<String>> {
        loop {
            if let Some(at) = self.unread.windows(mark.len()).position(|window| window == mark) {
                return self.take(at + mark.len()).map(Some);
            }
            if self.read_more().await? == 0 {
                return Ok(None);
            }
        }
    }

    async fn exactly(&mut self, length: usize) -> io::Result<Option<String>> {
        while self.unread.len() < length {
            if self.read_more().await? == 0 {
                return Ok(None);
            }
        }
        self.take(length).map(Some)
    }

    async fn read_more(&mut self) -> io::Result<usize> {
        match self.stream.read_buf(&mut self.unread).await {
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(0),
            read => read,
        }
    }

    fn take(&mut self, length: usize) -> io::Result<String> {
        let rest = self.unread.split_off(length);
        let bytes = std::mem::replace(&mut self.unread, rest);
        String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

/// The value of a field of a head, whose names come in small letters.
fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.filter(|(field, _)| *field == name).map(|(_, value)| value.trim()).next()
}

fn malformed(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("this is no response: {text:?}"))
}

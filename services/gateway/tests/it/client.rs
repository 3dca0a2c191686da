//! A small HTTP/1.1 client that shows everything that is on the wire.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::Duration,
};

use socket2::{Domain, Socket, Type};

const PATIENCE: Duration = Duration::from_secs(20);

/// The answer to one request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

pub(crate) fn connect(port: u16) -> io::Result<TcpStream> {
    patient(TcpStream::connect(("127.0.0.1", port))?)
}

/// As another machine would, of as many addresses as a test likes.
pub(crate) fn connect_from(address: [u8; 4], port: u16) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    // A port of ours must not be in the way of another test's server.
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::from((address, 0)).into())?;
    socket.connect(&SocketAddr::from(([127, 0, 0, 1], port)).into())?;
    patient(TcpStream::from(socket))
}

fn patient(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

pub(crate) fn get(port: u16, path: &str) -> io::Result<Answer> {
    ask(port, path, "")
}

/// One request with further header lines, on a connection of its own.
pub(crate) fn ask(port: u16, path: &str, headers: &str) -> io::Result<Answer> {
    raw(
        port,
        format!(
            "GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n{headers}\r\n"
        )
        .as_bytes(),
    )
}

/// Sends these bytes, and reads one answer.
pub(crate) fn raw(port: u16, request: &[u8]) -> io::Result<Answer> {
    over(connect(port)?, request)
}

/// The same on a stream of one's own.
pub(crate) fn over(mut stream: impl Read + Write, request: &[u8]) -> io::Result<Answer> {
    // A server may answer and close before it has read everything.
    let _ = stream.write_all(request);
    let mut reader = BufReader::new(stream);
    let (status, headers) = head(&mut reader)?;
    let mut answer = Answer {
        status,
        headers,
        body: Vec::new(),
    };
    let head = request.starts_with(b"HEAD ");
    match answer.header("content-length").and_then(|n| n.parse().ok()) {
        _ if head => {}
        Some(length) => {
            answer.body = vec![0; length];
            reader.read_exact(&mut answer.body)?;
        }
        None if answer.header("transfer-encoding") == Some("chunked") => {
            Chunks::new(reader).read_to_end(&mut answer.body)?;
        }
        None => {
            reader.read_to_end(&mut answer.body)?;
        }
    }
    Ok(answer)
}

fn head(reader: &mut impl BufRead) -> io::Result<(u16, Vec<(String, String)>)> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|s| s.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("no answer: {line:?}")))?;
    Ok((status, headers(reader)?))
}

fn headers(reader: &mut impl BufRead) -> io::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            return Ok(headers);
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

/// An endless answer, read as it comes.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) kind: String,
    body: BufReader<Chunks<BufReader<TcpStream>>>,
}

/// One part of a multipart stream.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Part {
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    pub(crate) fn frame(&self) -> u64 {
        self.header("x-frame-id").parse().unwrap()
    }
}

impl Stream {
    pub(crate) fn open(port: u16, path: &str) -> Self {
        Self::open_with(port, path, "")
    }

    pub(crate) fn open_with(port: u16, path: &str, more: &str) -> Self {
        let mut stream = connect(port).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        let (status, headers) = head(&mut reader).unwrap();
        assert_eq!(status, 200, "{path}");
        let kind = headers.iter().find(|(name, _)| name == "content-type");
        Self {
            kind: kind.map_or_else(String::new, |(_, kind)| kind.clone()),
            body: BufReader::new(Chunks::new(reader)),
        }
    }

    /// The next part; an error when the stream ended.
    pub(crate) fn part(&mut self) -> io::Result<Part> {
        let mut line = String::new();
        while line.trim_end() != "--vigla" {
            line.clear();
            if self.body.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let headers = headers(&mut self.body)?;
        let mut part = Part {
            headers,
            body: Vec::new(),
        };
        let Ok(length) = part.header("content-length").parse() else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        part.body = vec![0; length];
        self.body.read_exact(&mut part.body)?;
        // The line end before the boundary.
        self.body.read_exact(&mut [0; 2])?;
        Ok(part)
    }

    /// Says that nothing more will be asked; what comes can still be read.
    pub(crate) fn finish(&self) {
        let wire = self.body.get_ref().inner.get_ref();
        wire.shutdown(Shutdown::Write).unwrap();
    }

    /// The next server-sent event: its name, id and data.
    pub(crate) fn event(&mut self) -> io::Result<(String, String, String)> {
        let mut event = (String::new(), String::new(), String::new());
        loop {
            let mut line = String::new();
            if self.body.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match line.trim_end().split_once(": ") {
                Some(("event", name)) => name.clone_into(&mut event.0),
                Some(("id", id)) => id.clone_into(&mut event.1),
                Some(("data", data)) => data.clone_into(&mut event.2),
                _ if line == "\n" && !event.2.is_empty() => return Ok(event),
                _ => {}
            }
        }
    }
}

/// Takes the chunked encoding off.
#[derive(Debug)]
struct Chunks<R> {
    inner: R,
    left: usize,
    done: bool,
}

impl<R: BufRead> Chunks<R> {
    fn new(inner: R) -> Self {
        Self {
            inner,
            left: 0,
            done: false,
        }
    }
}

impl<R: BufRead> Read for Chunks<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !self.done {
            let mut line = String::new();
            self.inner.read_line(&mut line)?;
            if line.trim().is_empty() {
                line.clear();
                self.inner.read_line(&mut line)?;
            }
            self.left = usize::from_str_radix(line.trim(), 16).unwrap_or(0);
            self.done = self.left == 0;
        }
        if self.done {
            return Ok(0);
        }
        let most = buffer.len().min(self.left);
        let read = self.inner.read(&mut buffer[..most])?;
        self.left -= read;
        Ok(read)
    }
}

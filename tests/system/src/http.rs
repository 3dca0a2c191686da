//! The least HTTP client: one request, one connection, no library between us and the bytes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::Context as _;

/// An answer, its body still to be read.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Header lines, names in lower case.
    pub headers: Vec<(String, String)>,
    body: BufReader<TcpStream>,
}

/// Asks `path` of the server on `port` of loopback.
pub fn get(port: u16, path: &str) -> anyhow::Result<Answer> {
    send(port, "GET", path, "")
}

/// Sends `body` (JSON) with `method`.
pub fn send(port: u16, method: &str, path: &str, body: &str) -> anyhow::Result<Answer> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))
        .with_context(|| format!("connect to port {port}"))?;
    stream.set_read_timeout(Some(Duration::from_mins(1)))?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )?;
    let mut body = BufReader::new(stream);
    let first = line(&mut body)?;
    let status = first
        .split(' ')
        .nth(1)
        .and_then(|s| s.parse().ok())
        .context("no status line")?;
    let headers = headers(&mut body)?;
    Ok(Answer {
        status,
        headers,
        body,
    })
}

impl Answer {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        value(&self.headers, name)
    }

    /// The body as it comes over the wire.
    #[must_use]
    pub fn into_body(self) -> BufReader<TcpStream> {
        self.body
    }

    /// The rest of the body as bytes; chunked bodies are put together.
    pub fn bytes(mut self) -> anyhow::Result<Vec<u8>> {
        let chunked = self.header("transfer-encoding") == Some("chunked");
        let mut all = Vec::new();
        if chunked {
            while let Some(chunk) = self.chunk()? {
                all.extend(chunk);
            }
        } else if let Some(length) = self.header("content-length").and_then(|l| l.parse().ok()) {
            all.resize(length, 0);
            self.body.read_exact(&mut all)?;
        } else {
            self.body.read_to_end(&mut all)?;
        }
        Ok(all)
    }

    /// The body as text.
    pub fn text(self) -> anyhow::Result<String> {
        Ok(String::from_utf8(self.bytes()?)?)
    }

    /// The next chunk of a chunked body.
    pub fn chunk(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        let size = line(&mut self.body)?;
        let size = usize::from_str_radix(size.split(';').next().unwrap_or_default(), 16)
            .context("chunk size")?;
        let mut chunk = vec![0; size];
        self.body.read_exact(&mut chunk)?;
        line(&mut self.body)?;
        Ok((size > 0).then_some(chunk))
    }

    /// The next `count` parts of a multipart body: headers and bytes.
    pub fn parts(&mut self, count: usize) -> anyhow::Result<Vec<Part>> {
        let mut flow = Flow {
            answer: self,
            held: Vec::new(),
        };
        let mut parts = Vec::new();
        while parts.len() < count {
            parts.push(flow.part()?);
        }
        Ok(parts)
    }
}

/// A part of a multipart body.
#[derive(Debug)]
pub struct Part {
    /// Header lines, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Part {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        value(&self.headers, name)
    }
}

/// Chunks as one flow of bytes.
struct Flow<'a> {
    answer: &'a mut Answer,
    held: Vec<u8>,
}

impl Flow<'_> {
    fn fill(&mut self) -> anyhow::Result<()> {
        if self.answer.header("transfer-encoding") == Some("chunked") {
            self.held
                .extend(self.answer.chunk()?.context("the stream ended")?);
        } else {
            let more = self.answer.body.fill_buf()?.to_vec();
            anyhow::ensure!(!more.is_empty(), "the stream ended");
            self.answer.body.consume(more.len());
            self.held.extend(more);
        }
        Ok(())
    }

    fn part(&mut self) -> anyhow::Result<Part> {
        let end = loop {
            if let Some(end) = self.held.windows(4).position(|w| w == b"\r\n\r\n") {
                break end;
            }
            self.fill()?;
        };
        let head: Vec<u8> = self.held.drain(..end + 4).collect();
        let headers = headers(&mut &head[head.iter().position(|&b| b == b'-').unwrap_or(0)..])?;
        let length: usize = value(&headers, "content-length")
            .and_then(|l| l.parse().ok())
            .context("a part without length")?;
        while self.held.len() < length {
            self.fill()?;
        }
        Ok(Part {
            headers,
            bytes: self.held.drain(..length).collect(),
        })
    }
}

fn value<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(n, _)| n == name)
        .map(|(_, v)| v.as_str())
}

fn line(from: &mut impl BufRead) -> anyhow::Result<String> {
    let mut text = String::new();
    anyhow::ensure!(from.read_line(&mut text)? > 0, "the connection ended");
    Ok(text.trim_end().to_owned())
}

fn headers(from: &mut impl BufRead) -> anyhow::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let text = line(from)?;
        if text.is_empty() {
            return Ok(headers);
        }
        if let Some((name, value)) = text.split_once(':') {
            headers.push((name.to_lowercase(), value.trim().to_owned()));
        }
    }
}

//! A web server that cuts connections: it serves one content, with ranges, and hangs up when told.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What it does: `content` at `/bundle`.
#[derive(Debug, Default)]
pub struct Habits {
    /// What there is.
    pub content: Vec<u8>,
    /// Its strong entity tag.
    pub tag: String,
    /// After so many bytes of a body each of the next connections is cut.
    pub cuts: Vec<usize>,
    /// Other paths, with what is there.
    pub files: Vec<(String, Vec<u8>)>,
    /// Request lines and ranges that came.
    pub heard: Vec<String>,
    /// Answers nothing from now on, and keeps the connections.
    pub hangs: bool,
}

/// It listens until the test ends.
#[derive(Debug, Clone)]
pub struct Web {
    habits: Arc<Mutex<Habits>>,
    port: u16,
}

impl Web {
    /// On a free port of loopback.
    ///
    /// # Errors
    /// When there is none.
    pub fn start(habits: Habits) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let web = Self {
            habits: Arc::new(Mutex::new(habits)),
            port: listener.local_addr()?.port(),
        };
        let habits = web.habits.clone();
        std::thread::spawn(move || {
            let mut kept = Vec::new();
            for stream in listener.incoming().flatten() {
                // A client that hung up is no failure of the server.
                let _ = serve(&stream, &habits);
                if lock(&habits).hangs {
                    kept.push(stream);
                }
            }
        });
        Ok(web)
    }

    /// Its address of `path`, on this machine.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        self.url_at("127.0.0.1", path)
    }

    /// The same for a client that calls this machine `host`.
    #[must_use]
    pub fn url_at(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.port)
    }

    /// Request lines and ranges that came.
    #[must_use]
    pub fn heard(&self) -> Vec<String> {
        self.habits().heard.clone()
    }

    /// What it does from now on.
    pub fn habits(&self) -> MutexGuard<'_, Habits> {
        lock(&self.habits)
    }
}

fn lock(habits: &Mutex<Habits>) -> MutexGuard<'_, Habits> {
    habits.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(mut stream: &TcpStream, habits: &Mutex<Habits>) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut range, mut tag) = (String::new(), None, None);
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let header = header.trim();
        let Some((name, value)) = header.split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "range" => {
                range = value
                    .strip_prefix("bytes=")
                    .and_then(|v| v.strip_suffix('-')?.parse::<usize>().ok());
            }
            "if-range" => tag = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut habits = lock(habits);
    habits.heard.push(format!(
        "{path} {}",
        range.map_or_else(|| "whole".to_owned(), |from| from.to_string())
    ));
    if habits.hangs {
        return Ok(());
    }
    if path != "/bundle" {
        let file = habits.files.iter().find(|(name, _)| *name == path);
        let (status, body) = file.map_or(("404 Not Found", &[][..]), |(_, body)| ("200 OK", body));
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        return stream.write_all(body);
    }
    let same = tag.as_deref() == Some(&habits.tag);
    let from = range.filter(|_| same).unwrap_or(0);
    let total = habits.content.len();
    let status = if from > 0 {
        "206 Partial Content"
    } else {
        "200 OK"
    };
    let mut head = format!(
        "HTTP/1.1 {status}\r\nETag: {}\r\nContent-Length: {}\r\n",
        habits.tag,
        total - from
    );
    if from > 0 {
        let range = format!("bytes {from}-{}/{total}", total - 1);
        head.push_str(&["Content-Range: ", &range, "\r\n"].concat());
    }
    stream.write_all((head + "\r\n").as_bytes())?;
    let mut body = habits.content[from..].to_vec();
    if !habits.cuts.is_empty() {
        body.truncate(habits.cuts.remove(0));
    }
    drop(habits);
    stream.write_all(&body)
}

//! Commands as root in the guest, over a wire of their own (`image/dev/usr/lib/vigla/dev-agent`).

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The longest that one command takes, in an emulated board on a busy machine.
const PATIENCE: Duration = Duration::from_mins(15);

/// What a command said, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Its exit code.
    pub status: i32,
    /// Output and complaints, without the last line end.
    pub text: String,
}

/// The other end of the wire.
#[derive(Debug)]
pub struct Agent {
    wire: BufReader<TcpStream>,
    /// Of the last command: its answer has the same. One that was cut off by a restart may still be carried out, and
    /// answered, after the next greeting.
    number: u64,
}

impl Agent {
    /// Waits for its greeting: the guest is then past `sysinit.target`.
    pub(crate) fn greet(wire: TcpStream) -> anyhow::Result<Self> {
        wire.set_read_timeout(Some(PATIENCE))?;
        let wire = BufReader::new(wire);
        let mut agent = Self { wire, number: 0 };
        let hello = agent.line().context("wait for the guest's agent")?;
        anyhow::ensure!(hello == "hello", "the agent greets with `{hello}`");
        Ok(agent)
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        let length = self.wire.read_line(&mut line)?;
        anyhow::ensure!(length > 0, "the guest has hung up");
        Ok(line.trim_end().to_owned())
    }

    /// Restarts the node, and waits for its greeting.
    ///
    /// # Errors
    /// As [`Self::again`].
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.order("systemctl reboot")?;
        self.again()
    }

    /// Sends a line of shell that restarts the node: the answer may be cut off, and is not waited for.
    ///
    /// # Errors
    /// When the guest has hung up.
    pub fn order(&mut self, command: &str) -> anyhow::Result<()> {
        anyhow::ensure!(!command.contains('\n'), "one line: `{command}`");
        self.number += 1;
        writeln!(self.wire.get_mut(), "{} {command}", self.number)?;
        Ok(())
    }

    /// Waits for the next start's greeting, after a restart that is on its way.
    ///
    /// # Errors
    /// When the guest hangs up or is silent for a quarter of an hour.
    pub fn again(&mut self) -> anyhow::Result<()> {
        // What a command that was cut off had left to say comes before.
        while self.line().context("wait for the next start")? != "hello" {}
        Ok(())
    }

    /// Runs one line of shell; an exit code that is not 0 is no error here.
    ///
    /// # Errors
    /// When the guest restarts, hangs up or is silent for a quarter of an hour.
    pub fn ask(&mut self, command: &str) -> anyhow::Result<Said> {
        self.order(command)?;
        loop {
            let line = self.line().with_context(|| format!("run `{command}`"))?;
            anyhow::ensure!(line != "hello", "the node has restarted");
            let (number, said) = line.split_once(' ').unwrap_or((&line, ""));
            if number == self.number.to_string() {
                return answer(said).with_context(|| format!("in `{line}`"));
            }
        }
    }

    /// Runs one line of shell that must succeed; what it says.
    ///
    /// # Errors
    /// As [`Self::ask`], and when it fails.
    pub fn run(&mut self, command: &str) -> anyhow::Result<String> {
        let said = self.ask(command)?;
        let Said { status, text } = said;
        anyhow::ensure!(status == 0, "`{command}` ended with {status}: {text}");
        Ok(text)
    }
}

/// Exit code and, in base64, what was said.
fn answer(text: &str) -> anyhow::Result<Said> {
    let (status, said) = text.split_once(' ').unwrap_or((text, ""));
    let said = STANDARD.decode(said).map_err(anyhow::Error::msg)?;
    Ok(Said {
        status: status.parse()?,
        text: String::from_utf8_lossy(&said).into_owned(),
    })
}

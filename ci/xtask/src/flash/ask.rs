//! The last question before a disk is overwritten.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use super::disks;
use super::target::{Kind, Target};
use crate::say;
use crate::signals;
use crate::stop::{self, Stop};

/// Shows what will be lost, and wants a yes, from the command line or from the terminal.
pub(super) fn consent(target: &Target, yes: bool) -> anyhow::Result<()> {
    let path = target.path.display();
    match &target.kind {
        Kind::File { full: false } => return Ok(()),
        Kind::File { full: true } => {
            say::line(format_args!("The file `{path}` will be overwritten."));
        }
        Kind::Disk(disk) => {
            let (about, size) = (disk.about(), disks::size(disk.size));
            say::line(format_args!(
                "Everything on `{path}`, {about}, {size}, will be lost:"
            ));
            for line in disk.content() {
                say::line(format_args!("  {line}"));
            }
        }
    }
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        let message = "nobody is there to ask; give `--yes` to overwrite it";
        return Err(Stop::with(stop::USAGE, message));
    }
    let mut answer = String::new();
    let mut out = io::stdout().lock();
    let _ = write!(out, "Type `yes` to go on: ").and_then(|()| out.flush());
    io::stdin().lock().read_line(&mut answer)?;
    signals::check()?;
    anyhow::ensure!(answer.trim() == "yes", "nothing was written");
    Ok(())
}

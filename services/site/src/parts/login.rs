//! `[login]`: who may see the page.

use crate::Secret;
use crate::mistake::Notes;
use crate::site::Login;
use crate::table::Table;

/// As `vigla-gateway` wants it of a new password.
const SHORTEST: usize = 10;
const LONGEST: usize = 256;
const DIFFERENT: usize = 4;

pub(super) fn read(top: &Table, notes: &mut Notes) -> Login {
    let Some(table) = top.table("login", &["open", "password"], notes) else {
        return Login::default();
    };
    let open = table.flag("open", notes);
    let password = table.text("password", notes).and_then(|given| {
        let Some(why) = weak(given.text) else {
            return Some(Secret::new(given.text));
        };
        let fix = "choose another, or remove the line and use the code of vigla-report.txt";
        notes.add(&given.span, why, fix);
        None
    });
    Login { open, password }
}

fn weak(password: &str) -> Option<String> {
    let mut different: Vec<char> = password.chars().collect();
    let count = different.len();
    different.sort_unstable();
    different.dedup();
    if count < SHORTEST {
        Some(format!("a password has {SHORTEST} characters at least"))
    } else if password.len() > LONGEST {
        Some(format!("a password has {LONGEST} bytes at most"))
    } else if different.len() < DIFFERENT {
        Some("this password is made of too few different characters".to_owned())
    } else {
        None
    }
}

//! `[camera.NAME]`: what is watched. The rules are those of `vigla-camera`.

use std::collections::BTreeMap;

use super::{host_and_port, is_line};
use crate::Secret;
use crate::mistake::Notes;
use crate::site::Camera;
use crate::table::{Table, Text, shown};

const KEYS: &[&str] = &["source", "label", "user", "password", "size", "rate"];
const SOURCES: &str = "write `usb:SERIAL`, `usb:1.2`, `usb:046d:0825`, `/dev/video0`, `rtsp://10.0.0.9/live`, \
    the path of a film that starts with `/`, or `synthetic`";

pub(super) fn read(top: &Table, notes: &mut Notes) -> BTreeMap<String, Camera> {
    let mut cameras = BTreeMap::new();
    let Some(named) = top.free_table("camera", notes) else {
        return cameras;
    };
    for (name, span) in named.names() {
        let Some(table) = named.table(name, KEYS, notes) else {
            continue;
        };
        if !is_name(name) {
            let what = format!("`{}` cannot be the name of a camera", shown(name));
            let fix = "use up to 40 small letters, digits, `-` and `_`; `label` may be anything";
            notes.add(&span, what, fix);
        } else if let Some(camera) = camera(&table, notes) {
            cameras.insert(name.to_owned(), camera);
        }
    }
    cameras
}

fn is_name(name: &str) -> bool {
    (1..=40).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
}

fn camera(table: &Table, notes: &mut Notes) -> Option<Camera> {
    let source = table.needed("source", "\"usb:1.2\"", notes);
    let label = table.text("label", notes).filter(|given| {
        let good = is_line(given.text) && given.text.chars().count() <= 100;
        if !good {
            notes.add(
                &given.span,
                "`label` is one line of up to 100 characters",
                "shorten it",
            );
        }
        good
    });
    let size = table.text("size", notes).filter(|given| {
        let good = is_size(given.text);
        if !good {
            let what = format!("`{}` is no size", shown(given.text));
            let fix = "write two even numbers from 16 to 8192, like `size = \"1280x720\"`";
            notes.add(&given.span, what, fix);
        }
        good
    });
    let rate = table.number("rate", notes).filter(|(rate, span)| {
        let good = (0.01..=240.0).contains(rate);
        if !good {
            notes.add(
                span,
                "`rate` is out of range",
                "write 0.01 to 240 pictures a second",
            );
        }
        good
    });
    let source = source.filter(|given| is_source(given, notes));
    let credentials = credentials(table, source.as_ref(), notes);
    Some(Camera {
        source: Secret::new(source?.text),
        label: label.map(|given| given.text.to_owned()),
        credentials,
        size: size.map(|given| given.text.to_owned()),
        rate: rate.map(|(rate, _)| rate),
    })
}

fn is_size(text: &str) -> bool {
    let good = |text: &str| {
        let plain = text.bytes().all(|b| b.is_ascii_digit());
        let number = text.parse::<u32>().ok().filter(|_| plain);
        number.is_some_and(|n| (16..=8192).contains(&n) && n.is_multiple_of(2))
    };
    let sides = text.split_once('x');
    sides.is_some_and(|(width, height)| good(width) && good(height))
}

/// Notes what is wrong; what may hold a password is not repeated.
fn is_source(given: &Text, notes: &mut Notes) -> bool {
    let text = given.text;
    let (what, fix) = if let Some((scheme, rest)) = text.split_once("://") {
        let Err(wrong) = stream(scheme, rest) else {
            return true;
        };
        wrong
    } else if let Some(wanted) = text.strip_prefix("usb:") {
        if !wanted.is_empty() && is_line(wanted) {
            return true;
        }
        (
            "`usb:` wants a serial number, a port or vendor:product",
            SOURCES,
        )
    } else if text == "synthetic" || (text.starts_with('/') && is_line(text)) {
        return true;
    } else {
        ("`source` is no camera and no film", SOURCES)
    };
    notes.add(&given.span, what, fix);
    false
}

fn stream(scheme: &str, rest: &str) -> Result<(), (&'static str, &'static str)> {
    if !matches!(scheme, "rtsp" | "rtsps") {
        return Err((
            "`source` is no address of a network camera",
            "it starts with `rtsp://` or `rtsps://`",
        ));
    }
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains('@') {
        let fix = "take `user:password@` out of it, and add lines `user = \"...\"` and `password = \"...\"`";
        return Err(("`source` holds user and password", fix));
    }
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '\'' | '\\');
    if host_and_port(host).is_none() || !rest.chars().all(plain) || rest.ends_with("?...") {
        return Err((
            "`source` is no address of a network camera",
            "write it like `rtsp://192.168.1.20/stream`",
        ));
    }
    Ok(())
}

fn credentials(
    table: &Table,
    source: Option<&Text>,
    notes: &mut Notes,
) -> Option<(String, Secret)> {
    let (user, password) = (table.text("user", notes), table.text("password", notes));
    let (user, password) = match (user, password) {
        (Some(user), Some(password)) => (user, password),
        (None, None) => return None,
        (Some(given), None) | (None, Some(given)) => {
            notes.add(
                &given.span,
                "`user` and `password` belong together",
                "add the other one",
            );
            return None;
        }
    };
    if source.is_some_and(|source| !source.text.contains("://")) {
        let fix = "remove `user` and `password`";
        notes.add(
            &user.span,
            "only a network camera (`rtsp://...`) has a password",
            fix,
        );
        return None;
    }
    if !is_line(user.text) || user.text.contains(':') {
        notes.add(
            &user.span,
            "`user` is one line without a colon",
            "correct `user`",
        );
        return None;
    }
    // The file with both is read line by line, without the white space at the ends.
    let kept = password.text.trim_end() == password.text;
    if !is_line(password.text) || !kept {
        let what = "`password` is empty, has more than one line, or ends with a space";
        notes.add(&password.span, what, "correct `password`");
        return None;
    }
    Some((user.text.to_owned(), Secret::new(password.text)))
}

//! `/account`: who one is; and for the owner passwords and guest links.

use std::fmt::Write;

use hyper::{HeaderMap, header};
use warp::{http::StatusCode, reply::Response};

use super::{Call, Form, refused, sentence, to};
use crate::{
    access::Who,
    door::Door,
    events::Events,
    fault::Fault,
    html::{Field, Html},
    login::{
        NotSet, Role,
        tokens::{Token, Wish},
    },
};

const HOURS: u64 = 3_600_000_000;

/// How long a link may last: what stands in the form, its text, and its microseconds.
const LENGTHS: [(&str, &str, u64); 4] = [
    ("hour", "An hour", HOURS),
    ("day", "A day", 24 * HOURS),
    ("week", "A week", 7 * 24 * HOURS),
    ("month", "30 days", 30 * 24 * HOURS),
];

/// What came of a form.
#[derive(Debug)]
pub(super) enum Said {
    Nothing,
    Done(&'static str),
    Wrong(String, StatusCode),
    /// The secret of a new link.
    Link(String),
}

pub(super) fn page(call: &Call<'_>, headers: &HeaderMap, said: &Said) -> Response {
    let who = call.visitor.who;
    let mut html = Html::new("Log-in and guests").link("/", "Back to the pictures");
    let mut status = StatusCode::OK;
    match said {
        Said::Nothing => {}
        Said::Done(done) => html = html.status("ok", done, ""),
        Said::Wrong(wrong, code) => {
            html = html.alert(wrong);
            status = *code;
        }
        Said::Link(secret) => {
            let host = headers
                .get(header::HOST)
                .and_then(|host| host.to_str().ok());
            let scheme = call.door.scheme();
            let link = format!("{scheme}://{}/guest/{secret}", host.unwrap_or_default());
            html = html.copy("The new link, shown only now", &link);
        }
    }
    html = html.text(described(who, call.door));
    if call.visitor.by_itself {
        html = html.form("/logout", &[], "Log out");
    } else if call.door == Door::Tls {
        html = html.link("/login", "Log in");
    }
    if who.meets(Who::OWNER) {
        html = guests(
            html,
            &call.app.login.tokens(),
            call.app.context.clock.now_usec(),
        );
        html = passwords(html, call).heading("Pictures of events").form(
            "/account/forget",
            &[],
            "Delete all of them",
        );
    }
    html.answer(status)
}

const fn described(who: Who, door: Door) -> &'static str {
    if matches!(door, Door::Home) {
        "You are at this machine, where no log-in is needed."
    } else if who.meets(Who::OWNER) {
        "You are logged in as the owner."
    } else if who.meets(Who::VIEWER) {
        "You may look at everything and change nothing."
    } else {
        "You are a guest: you may look until your link ends."
    }
}

fn guests(html: Html, tokens: &[Token], now_usec: u64) -> Html {
    let mut html = html.heading("Guest links and tokens");
    for token in tokens {
        let mut scopes = String::new();
        for scope in &token.scopes {
            let _ = write!(scopes, "{} ", scope.word());
        }
        let end = match token.expires_usec.checked_sub(now_usec) {
            _ if token.expires_usec == 0 => "does not end".to_owned(),
            Some(left) => format!("ends in {} h", left.div_ceil(HOURS)),
            None => "has ended".to_owned(),
        };
        let text = format!("{} ({}): {}, {end}", token.name, token.id, scopes.trim());
        let fields = [Field::Hidden("id", &token.id)];
        let button = format!("Revoke {}", token.name);
        html = html.text(&text).form("/account/revoke", &fields, &button);
    }
    let lengths = LENGTHS.map(|(word, text, _)| (word, text));
    let fields = [
        Field::Text("name", "Who it is for", "", "off"),
        Field::Choice("length", "How long", &lengths),
    ];
    html.form("/account/guests", &fields, "Make a guest link")
}

fn passwords(html: Html, call: &Call<'_>) -> Html {
    let viewer = if call.app.login.has_viewer() {
        "Viewers have a password. Leave both fields empty to take it away."
    } else {
        "Viewers have no password."
    };
    let fields = |role| {
        vec![
            Field::Hidden("user", role),
            Field::Password("password", "New password", "new-password"),
            Field::Password("again", "The same once more", "new-password"),
        ]
    };
    let mut owners = fields("owner");
    if call.visitor.by_itself {
        owners.insert(
            1,
            Field::Password("now", "Password of today", "current-password"),
        );
    }
    html.heading("Password of the viewers")
        .text(viewer)
        .form(
            "/account/password",
            &fields("viewer"),
            "Set the viewers' password",
        )
        .heading("Password of the owner")
        .text("A new password logs everybody out, guests too.")
        .form("/account/password", &owners, "Set the owner's password")
}

/// A cookie is not enough for the owner's password: whoever stole it would be the owner for good.
async fn set_password(
    call: &Call<'_>,
    role: Role,
    now: &str,
    typed: (&str, &str),
) -> Result<(), NotSet> {
    if role == Role::Owner && call.visitor.by_itself {
        call.app.login.is_owner(now, call.from).await?;
    }
    call.app.login.set_password(role, typed).await
}

/// The forms of the page.
pub(super) async fn post(
    call: &Call<'_>,
    path: &str,
    headers: &HeaderMap,
    form: &Form,
) -> Result<Response, Fault> {
    let login = &call.app.login;
    let said = match path {
        "/account/password" => {
            let role = Role::parse(form.get("user")).ok_or(Fault::Form)?;
            let typed = (form.get("password"), form.get("again"));
            match set_password(call, role, form.get("now"), typed).await {
                // Everybody was logged out, whoever set it too.
                Ok(()) if role == Role::Owner => return Ok(to("/")),
                Ok(()) => Said::Done("It is done. Viewers must log in again."),
                Err(NotSet::Fault(fault)) => {
                    let page = |said: &str, status| {
                        page(call, headers, &Said::Wrong(said.to_owned(), status))
                    };
                    return Ok(refused(&fault, page));
                }
                Err(wrong) => Said::Wrong(sentence(&wrong), StatusCode::BAD_REQUEST),
            }
        }
        "/account/guests" => {
            let length = LENGTHS
                .iter()
                .find(|(word, ..)| *word == form.get("length"));
            let (.., length) = length.ok_or(Fault::Form)?;
            let now = call.app.context.clock.now_usec();
            match Wish::new(
                form.get("name"),
                &["guest"],
                now.saturating_add(*length),
                now,
            ) {
                Ok(wish) => Said::Link(login.add_token(&wish)?.1),
                Err(unfit) => Said::Wrong(sentence(&unfit), StatusCode::BAD_REQUEST),
            }
        }
        "/account/forget" => {
            Events::forget(&call.app.context, None).await?;
            Said::Done("All pictures of events are deleted.")
        }
        "/account/revoke" => {
            if login.revoke(form.get("id"))? {
                Said::Done("It is revoked.")
            } else {
                Said::Done("It was revoked before.")
            }
        }
        _ => return Err(Fault::NoRoute),
    };
    Ok(page(call, headers, &said))
}

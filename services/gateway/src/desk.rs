//! Where people log in and out: the pages and forms that `access` gives to it. Forms are small, come
//! from a page of ours, and say on the same page what was wrong.

use std::{net::IpAddr, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{HeaderMap, Method, Request, body::Incoming, header};
use tokio::time;
use warp::{
    Reply,
    http::{StatusCode, header::HeaderValue},
    reply::Response,
};

use crate::{
    api,
    app::App,
    door::{Door, name_of},
    events::Events,
    fault::Fault,
    html::{Field, Html},
    login::{self, COOKIE, NotSet, Visitor, password::SHORTEST},
    page::Asset,
    site,
};

mod account;
mod enrolment;
mod updater;

/// Largest form, in bytes.
const LARGEST_FORM: usize = 4096;

/// Longest wait for a whole form.
const FORM_TIMEOUT: Duration = Duration::from_secs(10);

/// A request, with all that is known of who sent it.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) app: &'a App,
    pub(crate) door: Door,
    pub(crate) from: IpAddr,
    pub(crate) visitor: &'a Visitor,
    /// The port of HTTPS.
    pub(crate) tls_port: u16,
}

/// Answers a request that the table gives to this place.
pub(crate) async fn answer(call: &Call<'_>, request: Request<Incoming>) -> Result<Response, Fault> {
    let (head, body) = request.into_parts();
    let path = head.uri.path().trim_end_matches('/').to_owned();
    if head.method == Method::DELETE {
        return forget(call, &path).await;
    }
    if head.method != Method::POST {
        return match path.as_str() {
            "/api/v1/update" => Ok(api::json(&updater::versions(call).await)),
            "/api/v1/enrolment" => Ok(api::json(&enrolment::way(call).await)),
            "/api/v1/site" => Ok(api::json(&site::Findings::read(&call.app.settings.site))),
            "/api/v1/reset" => Ok(api::json(&updater::reset_words())),
            "" => front(call, &head.headers),
            "/login" => entrance(call),
            "/account" => Ok(account::page(call, &head.headers, &account::Said::Nothing)),
            path => match path.strip_prefix("/guest/") {
                Some(secret) => guest(call, secret),
                None => Err(Fault::NoRoute),
            },
        };
    }
    if call.door == Door::Plain {
        return Err(Fault::NotEncrypted(call.tls_port));
    }
    if path == "/logout" {
        // It says all by itself: a form in it is not looked at, and need not be there.
        if let Some(secret) = login::cookie(&head.headers) {
            call.app.login.sessions().close(secret);
        }
        return Ok(with_cookie(to("/"), "", Duration::ZERO));
    }
    let form = Form::read(&head.headers, body).await?;
    match path.as_str() {
        path if path.starts_with("/api/v1/enrolment/") => enrolment::post(call, path).await,
        path if path.starts_with("/api/") => updater::post(call, path, &form).await,
        "/setup" => Ok(set_up(call, &form).await),
        "/login" => Ok(enter(call, &form).await),
        path => account::post(call, path, &head.headers, &form).await,
    }
}

/// Deletes the picture of one event, or of all.
async fn forget(call: &Call<'_>, path: &str) -> Result<Response, Fault> {
    let one = path
        .strip_prefix("/api/v1/events/")
        .and_then(|rest| rest.strip_suffix("/thumbnail"));
    let id = one.map(|id| id.parse().map_err(|_| Fault::NoRoute));
    Events::forget(&call.app.context, id.transpose()?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `/`: the page for who may see it, and for everybody else what he can do.
fn front(call: &Call<'_>, headers: &HeaderMap) -> Result<Response, Fault> {
    if call.visitor.who.is_person() {
        let known = headers.get(header::IF_NONE_MATCH);
        let index = Asset::named("index.html").ok_or(Fault::Internal)?;
        return Ok(index.answer(known.and_then(|tag| tag.to_str().ok())));
    }
    if call.door == Door::Plain {
        return Ok(plain(call, headers));
    }
    // A browser keeps our cookie to itself when another site sent it here; not when we do.
    let elsewhere = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    if elsewhere == Some(b"cross-site") {
        return Ok(hop());
    }
    entrance(call)
}

/// The form that one can use now.
fn entrance(call: &Call<'_>) -> Result<Response, Fault> {
    match call.door {
        Door::Home => Ok(hop()),
        Door::Plain => Err(Fault::NotEncrypted(call.tls_port)),
        Door::Tls if call.app.login.is_set() => Ok(log_in(None, StatusCode::OK)),
        Door::Tls => Ok(setting_up(call, None, StatusCode::OK)),
    }
}

/// All that is shown over HTTP: how the node is, and where to go on.
fn plain(call: &Call<'_>, headers: &HeaderMap) -> Response {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let name = host.and_then(name_of).unwrap_or("localhost");
    let secure = format!("https://{name}:{}/", call.tls_port);
    state(call, Html::new("How this node is"))
        .link(&secure, "Log in over HTTPS")
        .text("The browser will warn that it does not know the certificate: compare its SHA-256 with the one in the node's report.")
        .go_on(30, "/")
        .answer(StatusCode::OK)
}

/// For strangers.
fn state(call: &Call<'_>, html: Html) -> Html {
    let sentence = call.app.node().public_sentence();
    html.status(sentence.state, &sentence.text, &sentence.fix)
}

fn hop() -> Response {
    Html::new("One moment")
        .go_on(0, "/")
        .link("/", "Go on")
        .answer(StatusCode::OK)
}

fn log_in(wrong: Option<&str>, status: StatusCode) -> Response {
    let html = Html::new("Log in");
    let html = match wrong {
        Some(wrong) => html.alert(wrong),
        None => html,
    };
    let fields = [
        Field::Text("user", "User (owner or viewer)", "owner", "username"),
        Field::Password("password", "Password", "current-password"),
    ];
    html.form("/login", &fields, "Log in").answer(status)
}

fn setting_up(call: &Call<'_>, wrong: Option<&str>, status: StatusCode) -> Response {
    let html = Html::new("Set the owner's password");
    let html = match wrong {
        Some(wrong) => html.alert(wrong),
        None => state(call, html),
    };
    let fields = [
        Field::Text(
            "code",
            "One-time code, from the node's console or report",
            "",
            "one-time-code",
        ),
        Field::Hidden("user", "owner"),
        Field::Password("password", "New password", "new-password"),
        Field::Password("again", "The same once more", "new-password"),
    ];
    html.text(&format!(
        "This node has no password yet. Whoever has its one-time code sets one, of {SHORTEST} characters at least, and is its owner."
    ))
    .form("/setup", &fields, "Set the password")
    .answer(status)
}

async fn set_up(call: &Call<'_>, form: &Form) -> Response {
    let typed = (form.get("password"), form.get("again"));
    let set = call.app.login.set_up(form.get("code"), typed, call.from);
    match set.await {
        Ok(secret) => logged_in(call, &secret),
        Err(NotSet::Fault(fault)) => {
            refused(&fault, |said, status| setting_up(call, Some(said), status))
        }
        Err(NotSet::Already) => log_in(Some(&sentence(&NotSet::Already)), StatusCode::CONFLICT),
        Err(wrong) => setting_up(call, Some(&sentence(&wrong)), StatusCode::FORBIDDEN),
    }
}

async fn enter(call: &Call<'_>, form: &Form) -> Response {
    let login = &call.app.login;
    let entered = login.enter(form.get("user"), form.get("password"), call.from);
    match entered.await {
        Ok(secret) => logged_in(call, &secret),
        Err(fault) => refused(&fault, |said, status| log_in(Some(said), status)),
    }
}

/// What is wrong, on the page where it was asked; status and headers as the fault has them.
fn refused(fault: &Fault, page: impl FnOnce(&str, StatusCode) -> Response) -> Response {
    let mut response = page(&sentence(fault), fault.status());
    let told: Response = fault.response();
    if let Some(when) = told.headers().get(header::RETRY_AFTER) {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, when.clone());
    }
    response
}

/// A guest comes in. The answer is a page of ours that goes on by itself: the browser would not
/// send the new cookie along a redirect that began at another site.
fn guest(call: &Call<'_>, secret: &str) -> Result<Response, Fault> {
    match call.door {
        Door::Plain => return Err(Fault::NotEncrypted(call.tls_port)),
        Door::Home => return Ok(hop()),
        Door::Tls => {}
    }
    match call.app.login.visit(secret) {
        Ok(secret) => Ok(with_cookie(
            hop(),
            &secret,
            call.app.login.sessions().longest(),
        )),
        Err(Fault::Wrong) => Ok(Html::new("This link is over")
            .text("Ask whoever gave it to you for another one.")
            .answer(StatusCode::NOT_FOUND)),
        Err(fault) => Err(fault),
    }
}

fn logged_in(call: &Call<'_>, secret: &str) -> Response {
    with_cookie(to("/"), secret, call.app.login.sessions().longest())
}

fn to(path: &'static str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, HeaderValue::from_static(path));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn with_cookie(mut response: Response, secret: &str, age: Duration) -> Response {
    let age = age.as_secs();
    let cookie =
        format!("{COOKIE}={secret}; Secure; HttpOnly; SameSite=Strict; Path=/; Max-Age={age}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// An error as a sentence on a page.
fn sentence(error: &impl ToString) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        format!("{}{}.", first.to_uppercase(), letters.as_str())
    })
}

/// A form that was sent.
#[derive(Debug)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    async fn read(headers: &HeaderMap, body: Incoming) -> Result<Self, Fault> {
        let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
        let form = b"application/x-www-form-urlencoded";
        if !kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with(form)) {
            return Err(Fault::Form);
        }
        let announced = headers
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        if announced.is_some_and(|length| length > LARGEST_FORM) {
            return Err(Fault::TooLarge(LARGEST_FORM));
        }
        let whole = Limited::new(body, LARGEST_FORM).collect();
        let whole = time::timeout(FORM_TIMEOUT, whole).await;
        let whole = whole.map_err(|_| Fault::Late)?.map_err(|error| {
            if error.is::<LengthLimitError>() {
                Fault::TooLarge(LARGEST_FORM)
            } else {
                Fault::Form
            }
        })?;
        Self::parse(&whole.to_bytes())
    }

    fn parse(bytes: &Bytes) -> Result<Self, Fault> {
        let fields = serde_urlencoded::from_bytes(bytes);
        fields.map(Self).map_err(|_| Fault::Form)
    }

    /// A field; empty when it was not sent.
    pub(crate) fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::login::{Role, code::Code, tokens::Wish};

    #[test]
    fn any_damage_to_a_form_is_survived() {
        let code = Code::new().unwrap();
        vigla_testkit::fuzz(env!("CARGO_MANIFEST_DIR"), "form", |bytes| {
            let Ok(form) = Form::parse(&Bytes::copy_from_slice(bytes)) else {
                return;
            };
            assert!(!code.is(form.get("code")));
            Role::parse(form.get("user"));
            let expires = form.get("expires_usec").parse().unwrap_or_default();
            let _ = Wish::new(form.get("name"), &[form.get("scopes")], expires, 1);
        });
    }
}

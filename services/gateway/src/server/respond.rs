//! The way of a request: the guard, who sent it, whether he may, and then the place that answers.

use std::{convert::Infallible, net::IpAddr, sync::Arc, time::Instant};

use bytes::Bytes;
use http_body::Body;
use hyper::{Method, Request, body::Incoming};
use hyper_util::service::TowerToHyperService;
use warp::{filters::BoxedFilter, http, reply::Response};

use super::{admission::Turn, bound::Bound};
use crate::{
    access::{self, Found, Place, Who},
    app::App,
    desk::{self, Call},
    door::Door,
    fault::Fault,
    guard,
    login::Visitor,
};

/// What every request at one door needs.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) app: App,
    pub(crate) door: Door,
    pub(crate) routes: BoxedFilter<(Response,)>,
}

/// Answers, and counts that.
pub(crate) async fn respond(
    request: Request<Incoming>,
    site: Arc<Site>,
    from: IpAddr,
    turn: Turn,
) -> Result<http::Response<impl Body<Data = Bytes, Error = warp::Error>>, Infallible> {
    let began = Instant::now();
    let mut life = None;
    let mut response = match answer(request, &site, (from, &turn), &mut life).await {
        Ok(response) => response,
        Err(fault) => fault.response(),
    };
    guard::dress(response.headers_mut());
    let metrics = &site.app.metrics;
    metrics
        .request_seconds
        .observe(began.elapsed().as_secs_f64());
    let class = match response.status().as_u16() {
        0..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    };
    metrics.requests.with_label_values(&[class]).inc();
    Ok(response.map(|body| Bound::new(body, life, turn)))
}

async fn answer(
    mut request: Request<Incoming>,
    site: &Site,
    (from, turn): (IpAddr, &Turn),
    life: &mut Option<crate::login::sessions::Life>,
) -> Result<Response, Fault> {
    let (app, door) = (&site.app, site.door);
    guard::check(&request, door, &app.settings.names)?;
    let visitor = visitor(&request, site, from).await?;
    if visitor.who != Who::NOBODY {
        turn.known();
    }
    let place = admit(&request, site, &visitor)?;
    if !guard::is_reading(request.method()) {
        guard::check_intent(request.headers(), visitor.by_itself)?;
    }
    life.clone_from(&visitor.life);
    match place {
        Place::Desk => {
            let call = Call {
                app,
                door,
                from,
                visitor: &visitor,
                tls_port: app.settings.tls.port.get(),
            };
            desk::answer(&call, request).await
        }
        Place::Routes => {
            // Routes know GET; hyper itself leaves out the body of an answer to HEAD.
            *request.method_mut() = Method::GET;
            let service = TowerToHyperService::new(warp::service(site.routes.clone()));
            let answer = hyper::service::Service::call(&service, request).await;
            answer.map_err(|never: Infallible| match never {})
        }
    }
}

/// Who sent it.
async fn visitor(request: &Request<Incoming>, site: &Site, from: IpAddr) -> Result<Visitor, Fault> {
    let known = match site.door {
        Door::Home => return Ok(Visitor::plain(Who::OWNER)),
        // Nobody can show anything here: it would be read on the way.
        Door::Plain => None,
        Door::Tls => site.app.login.identify(request.headers(), from).await?,
    };
    let stranger = if site.app.settings.open {
        Who::VIEWER
    } else {
        Who::NOBODY
    };
    Ok(known.unwrap_or(Visitor::plain(stranger)))
}

/// Asks the table.
fn admit<B>(request: &Request<B>, site: &Site, visitor: &Visitor) -> Result<Place, Fault> {
    let uri = request.uri();
    let found = access::find(request.method(), uri.path(), uri.query());
    let row = match found {
        Found::Row(row) if row.who.meets(visitor.who) => return Ok(row.place),
        // Who may see nothing does not learn what there is.
        _ if visitor.who == Who::NOBODY => return Err(stranger(request, site)),
        Found::Row(_) => Fault::NotYours,
        Found::Method(allowed) => Fault::Method(allowed),
        Found::Nothing => Fault::NoRoute,
    };
    Err(row)
}

fn stranger<B>(request: &Request<B>, site: &Site) -> Fault {
    if site.door == Door::Plain {
        return Fault::NotEncrypted(site.app.settings.tls.port.get());
    }
    // A browser would ask with a window of its own, over the page that has a form for it.
    let challenge = !request.headers().contains_key("sec-fetch-mode");
    Fault::Unknown { challenge }
}

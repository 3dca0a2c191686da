//! The page in a real browser.

use vigla_system_tests::browser::{self, Browser};
use vigla_system_tests::{Scene, Site};

pub(crate) const PICTURE: &str = "document.querySelector('[data-testid=picture]')";

/// A window with the page in it; `None` only where the system has no browser to install.
pub(crate) fn open(site: &Site) -> Option<Browser> {
    if !browser::can_be_had() {
        vigla_testkit::skip(
            "Ubuntu has Chromium only as a snap, and it is not installed: run \
             `sudo snap install chromium`",
        );
        return None;
    }
    let browser = Browser::open(1280, 900).unwrap();
    browser
        .go(&format!("http://127.0.0.1:{}/", site.port))
        .unwrap();
    Some(browser)
}

/// The id of the frame that is drawn now.
pub(crate) fn frame(browser: &Browser) -> u64 {
    let id = browser
        .wait(
            "a frame is drawn",
            &format!("return {PICTURE}?.dataset.frameId"),
        )
        .unwrap();
    id.as_str().unwrap().parse().unwrap()
}

#[test]
fn shows_live_pictures_with_boxes_that_change() {
    let site = Site::start(Scene::Clip).unwrap();
    site.whole().unwrap();
    let Some(browser) = open(&site) else { return };
    let first = frame(&browser);
    browser
        .wait(
            "the picture moves on",
            &format!("return {PICTURE}.dataset.frameId > {first}"),
        )
        .unwrap();
    let boxes = format!("return JSON.parse({PICTURE}.dataset.boxes ?? '[]')");
    let person = format!("{boxes}.some(o => o.label === 'person')");
    browser.wait("a person is in a box", &person).unwrap();
    let before = browser.run(&boxes).unwrap();
    browser
        .wait(
            "the boxes change",
            &format!(
                "{boxes}.length > 0 && JSON.stringify({boxes2}) !== '{before}'",
                boxes2 = boxes.trim_start_matches("return ")
            ),
        )
        .unwrap();
    // Something is painted: more than one colour in the middle of the canvas.
    let colours = format!(
        "const c = {PICTURE}; const p = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; \
         return new Set(p.filter((_, i) => i % 4 === 0)).size > 16"
    );
    browser.wait("pixels are painted", &colours).unwrap();
}

#[test]
fn the_sentence_says_how_the_node_is() {
    let mut site = Site::start(Scene::Synthetic).unwrap();
    site.whole().unwrap();
    let Some(browser) = open(&site) else { return };
    let sentence = "document.querySelector('[data-testid=sentence]').dataset.state";
    browser
        .wait("all is well", &format!("return {sentence} === 'ok'"))
        .unwrap();
    site.kill("detector").unwrap();
    browser
        .wait("degraded", &format!("return {sentence} === 'degraded'"))
        .unwrap();
    site.bring("detector").unwrap();
    browser
        .wait("all is well again", &format!("return {sentence} === 'ok'"))
        .unwrap();
}

#[test]
fn reconnects_by_itself_after_the_gateway_restarted() {
    let mut site = Site::start(Scene::Synthetic).unwrap();
    site.whole().unwrap();
    let Some(browser) = open(&site) else { return };
    let before = frame(&browser);
    site.kill("gateway").unwrap();
    browser
        .wait(
            "the page says that it lost the node",
            "return document.documentElement.dataset.link === 'lost'",
        )
        .unwrap();
    site.bring("gateway").unwrap();
    browser
        .wait(
            "the link is back",
            "return document.documentElement.dataset.link === 'up'",
        )
        .unwrap();
    browser
        .wait(
            "pictures go on",
            &format!("return {PICTURE}.dataset.frameId > {before}"),
        )
        .unwrap();
}

#[test]
fn works_with_the_keyboard_alone() {
    let site = Site::start(Scene::Synthetic).unwrap();
    site.whole().unwrap();
    let Some(browser) = open(&site) else { return };
    frame(&browser);
    browser.press("1").unwrap();
    browser
        .wait(
            "the camera's view",
            "return location.hash === '#/camera/street'",
        )
        .unwrap();
    browser.press("Escape").unwrap();
    browser
        .wait(
            "back on the wall",
            "return document.documentElement.dataset.view === 'wall'",
        )
        .unwrap();
    browser.press("?").unwrap();
    browser
        .wait(
            "the list of keys",
            "return document.querySelector('[data-testid=keys-dialog]')?.open",
        )
        .unwrap();
    browser.press("Escape").unwrap();
    browser
        .wait(
            "the list closes",
            "return !document.querySelector('[data-testid=keys-dialog]').open",
        )
        .unwrap();
}

#[test]
fn tells_a_screen_reader_what_there_is() {
    let site = Site::start(Scene::Synthetic).unwrap();
    site.whole().unwrap();
    let Some(browser) = open(&site) else { return };
    frame(&browser);
    let tree = browser.accessibility().unwrap();
    let has = |role: &str| {
        tree.iter()
            .any(|(r, name)| r == role && (role == "status" || !name.is_empty()))
    };
    for role in ["main", "heading", "status", "image", "button", "link"] {
        assert!(
            has(role) || role == "main" && tree.iter().any(|(r, _)| r == role),
            "no {role} in {tree:?}"
        );
    }
    let unnamed: Vec<_> = tree
        .iter()
        .filter(|(r, n)| ["button", "link", "image"].contains(&r.as_str()) && n.is_empty())
        .collect();
    assert!(unnamed.is_empty(), "without a name: {unnamed:?}");
}

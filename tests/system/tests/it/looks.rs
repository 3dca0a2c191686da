//! How the page looks: on a telephone and on a wall, in the dark, and to people who want calm.

use serde_json::{Value, json};
use vigla_system_tests::browser::Browser;
use vigla_system_tests::{Scene, Site};

use super::page::{PICTURE, frame, open};

/// A function `faint(least)`: the texts whose contrast with what lies behind them is under `least`
/// to 1, as WCAG 2 counts it. Texts on pictures are left out: what lies behind them moves.
const CONTRAST: &str = r"
const bytes = (c) => {
  const to = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  to.fillStyle = c; to.fillRect(0, 0, 1, 1);
  return [...to.getImageData(0, 0, 1, 1).data];
};
const light = (c) => {
  const [r, g, b] = bytes(c).map((v) => v / 255).map((v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
  return .2126 * r + .7152 * g + .0722 * b;
};
const behind = (e) => {
  for (; e; e = e.parentElement) {
    const c = getComputedStyle(e).backgroundColor;
    if (bytes(c)[3] === 255) return c;
  }
  return 'white';
};
const contrast = (e) => {
  const [a, b] = [light(getComputedStyle(e).color), light(behind(e))].sort((x, y) => y - x);
  return (a + .05) / (b + .05);
};
const faint = (least) => [...document.body.querySelectorAll('*')]
  .filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
  .filter((e) => e.checkVisibility() && !e.closest('.picture, .skip, noscript'))
  .map((e) => [contrast(e), e.textContent.trim().slice(0, 40)])
  .filter(([ratio]) => ratio < least);
";

/// Colours of the page: what lies behind everything, and the sentence on it.
fn colours(browser: &Browser) -> (Value, Value) {
    let of = |element: &str, what: &str| {
        let script = format!("return getComputedStyle({element}).{what}");
        browser.run(&script).unwrap()
    };
    (
        of("document.documentElement", "backgroundColor"),
        of("document.getElementById('sentence')", "color"),
    )
}

/// Nothing is wider than the window, which is `width` or has a scroll bar at its side.
fn fits(browser: &Browser, width: u64) {
    let wide = "return document.documentElement.scrollWidth";
    let wide = browser.run(wide).unwrap().as_u64().unwrap();
    assert!(wide <= width, "it scrolls sideways: {wide} of {width}");
}

#[test]
fn fits_a_narrow_telephone() {
    let site = Site::start(Scene::Synthetic).unwrap();
    site.whole().unwrap();
    let Some(browser) = open(&site) else { return };
    browser.resize(360, 740, 2).unwrap();
    frame(&browser);
    fits(&browser, 360);
}

#[test]
fn follows_the_system_into_the_dark_and_stays_readable() {
    let site = Site::start(Scene::Synthetic).unwrap();
    site.whole().unwrap();
    let Some(browser) = open(&site) else { return };
    frame(&browser);
    let mut seen = Vec::new();
    for scheme in ["light", "dark"] {
        browser.prefer("prefers-color-scheme", scheme).unwrap();
        let matches = format!("return matchMedia('(prefers-color-scheme: {scheme})').matches");
        browser.wait(scheme, &matches).unwrap();
        let faint = browser
            .run(&format!("{CONTRAST} return faint(4.5)"))
            .unwrap();
        assert_eq!(faint, json!([]), "hard to read when {scheme}");
        let all = browser.run(&format!("{CONTRAST} return faint(22).length"));
        assert!(all.unwrap().as_u64() > Some(20), "texts were looked at");
        seen.push(colours(&browser));
    }
    assert_ne!(seen[0].0, seen[1].0, "the background stays");
    assert_ne!(seen[0].1, seen[1].1, "the text stays");
}

#[test]
fn fills_a_wall_screen_of_four_thousand_pixels() {
    let site = Site::start(Scene::Wall).unwrap();
    site.wait("all stream", std::time::Duration::from_secs(30), |state| {
        let cameras = state["cameras"].as_array();
        cameras.is_some_and(|all| all.len() == 4 && all.iter().all(|c| c["state"] == "streaming"))
    })
    .unwrap();
    let Some(browser) = open(&site) else { return };
    browser.resize(3840, 2160, 1).unwrap();
    frame(&browser);
    fits(&browser, 3840);
    browser.press("w").unwrap();
    browser
        .wait(
            "the wall screen",
            "return document.documentElement.dataset.wall === ''",
        )
        .unwrap();
    // The tiles share out what the sentence leaves, up to a caption's height of one side.
    let filled = "const all = [...document.querySelectorAll('.tile')].map((t) => t.getBoundingClientRect()); \
         const top = document.querySelector('.tiles').getBoundingClientRect().top; \
         const [right, bottom] = [Math.max(...all.map((r) => r.right)), Math.max(...all.map((r) => r.bottom))]; \
         const left = Math.min(...all.map((r) => r.left)); \
         const [across, down] = [(right - left) / innerWidth, (bottom - top) / (innerHeight - top)]; \
         return all.length === 4 && across <= 1 && down <= 1 && Math.max(across, down) > .95 \
           && Math.min(across, down) > .5";
    browser.wait("the tiles fill the screen", filled).unwrap();
    fits(&browser, 3840);
    let tall = "return document.documentElement.scrollHeight";
    assert_eq!(browser.run(tall).unwrap(), 2160, "it scrolls down");
}

#[test]
fn keeps_calm_for_who_asked_for_less_motion() {
    let site = Site::start(Scene::Synthetic).unwrap();
    site.whole().unwrap();
    let Some(browser) = open(&site) else { return };
    frame(&browser);
    let moving = "return [...document.querySelectorAll('*')].filter((e) => \
         getComputedStyle(e).transitionDuration.split(', ').some((d) => parseFloat(d) > 0)).length \
         + document.getAnimations().length";
    assert_ne!(browser.run(moving).unwrap(), 0, "nothing moves anyway");
    browser.prefer("prefers-reduced-motion", "reduce").unwrap();
    browser
        .wait("all is still", &format!("{moving} === 0"))
        .unwrap();
    // Pictures go on, one a second: frames in between are left out.
    browser
        .run(&format!(
            "window.drawn = []; const c = {PICTURE}; \
             new MutationObserver(() => drawn.push(Number(c.dataset.frameId))) \
               .observe(c, {{ attributeFilter: ['data-frame-id'] }})"
        ))
        .unwrap();
    let drawn = browser
        .wait("pictures go on", "return drawn.length > 5 && drawn")
        .unwrap();
    let drawn: Vec<u64> = serde_json::from_value(drawn).unwrap();
    // The first two may have been under way.
    assert!(
        drawn[2..].windows(2).all(|pair| pair[1] - pair[0] >= 5),
        "{drawn:?}"
    );
}

/// `docs/pictures/README.md` says what it is for.
#[test]
#[ignore = "makes the picture for the README"]
fn the_picture_of_the_readme() {
    let site = Site::start(Scene::Clip).unwrap();
    site.whole().unwrap();
    let Some(browser) = open(&site) else { return };
    frame(&browser);
    for label in ["person", "car"] {
        let seen = format!(
            "return JSON.parse({PICTURE}.dataset.boxes ?? '[]').some(o => o.label === '{label}')"
        );
        browser.wait(label, &seen).unwrap();
    }
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("page.png");
    browser.screenshot(&file).unwrap();
    println!("{}", file.display());
}

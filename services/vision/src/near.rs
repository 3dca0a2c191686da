//! Words that look like the one that was typed: for errors that say what was probably meant.

/// From this on two words are alike, 0..=1.
const ALIKE: f64 = 0.75;
/// So many are listed at most.
const MOST: usize = 5;

/// Those of `names` that look like `wanted`, nearest first, at most five.
pub(crate) fn nearest<'n>(wanted: &str, names: impl IntoIterator<Item = &'n str>) -> Vec<String> {
    let wanted = wanted.to_lowercase();
    let scored = names
        .into_iter()
        .map(|name| (likeness(&wanted, name), name));
    let mut scored: Vec<(f64, &str)> = scored.filter(|(score, _)| *score >= ALIKE).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let nearest = scored.into_iter().take(MOST);
    nearest.map(|(_, name)| name.to_owned()).collect()
}

/// How alike two words are, 0..=1. Everyday words that mean one of COCO's count as equal: they
/// are what people type first.
fn likeness(wanted: &str, name: &str) -> f64 {
    const MEANT: [(&str, &str); 9] = [
        ("people", "person"),
        ("pedestrian", "person"),
        ("human", "person"),
        ("bike", "bicycle"),
        ("cyclist", "bicycle"),
        ("motorbike", "motorcycle"),
        ("van", "truck"),
        ("lorry", "truck"),
        ("vehicle", "car"),
    ];
    let singular = wanted.strip_suffix('s').unwrap_or(wanted);
    if MEANT
        .iter()
        .any(|(word, meant)| (*word == wanted || *word == singular) && *meant == name)
    {
        return 1.0;
    }
    let name = name.to_lowercase();
    // One slip of the finger (`cra`, `bsu`) weighs heavily in a short word.
    if strsim::osa_distance(wanted, &name) == 1 {
        return 0.95;
    }
    strsim::jaro_winkler(wanted, &name)
}

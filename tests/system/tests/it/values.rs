//! Values that nobody should send over the bus.

use std::collections::HashMap;

use proptest::prelude::*;
use vigla_bus::zbus::{Dict, ObjectPath, Signature, Variant};

type Values = Vec<Variant<'static>>;

/// Calls with arguments of the right types and hostile values, one at a time.
pub(crate) fn hostile(signatures: &[String]) -> Vec<Values> {
    let mut calls = Vec::new();
    for (place, signature) in signatures.iter().enumerate() {
        for value in of_type(signature) {
            let mut call = plain(signatures);
            call[place] = value;
            calls.push(call);
        }
    }
    calls
}

/// Calls whose arguments are too few, too many, or of another type.
pub(crate) fn misfits(signatures: &[String]) -> Vec<Values> {
    let mut calls = Vec::new();
    let mut more = plain(signatures);
    more.push(Variant::from("one too many"));
    calls.push(more);
    for place in 0..signatures.len() {
        calls.push(plain(&signatures[..place]));
        for value in one_of_each() {
            if value.value_signature().to_string() != signatures[place] {
                let mut call = plain(signatures);
                call[place] = value;
                calls.push(call);
            }
        }
    }
    calls
}

/// Any value, also a nested one.
pub(crate) fn any() -> impl Strategy<Value = Variant<'static>> {
    let leaf = prop_oneof![
        any_text().prop_map(Variant::from),
        prop::num::u64::ANY.prop_map(Variant::from),
        prop::num::i64::ANY.prop_map(Variant::from),
        prop::num::u32::ANY.prop_map(Variant::from),
        prop::num::f64::ANY.prop_map(Variant::from),
        prop::bool::ANY.prop_map(Variant::from),
        Just(Variant::from(ObjectPath::from_static_str_unchecked(
            "/org/vigla"
        ))),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            inner
                .clone()
                .prop_map(|value| Variant::Variant(Box::new(value))),
            prop::collection::hash_map("[a-z]{0,8}", inner, 0..6).prop_map(options),
            prop::collection::vec(any_text(), 0..6).prop_map(Variant::from),
        ]
    })
}

fn any_text() -> impl Strategy<Value = String> {
    // The bus itself refuses a text with a zero in it.
    prop_oneof![
        "[^\u{0}]{0,64}",
        Just("street".to_owned()),
        Just("jpeg".to_owned())
    ]
}

/// Arguments against which a method should have nothing, as far as the type tells.
fn plain(signatures: &[String]) -> Values {
    let value = |signature: &String| match signature.as_str() {
        "s" => Variant::from("street"),
        "t" => Variant::from(1_u64),
        "u" => Variant::from(1_u32),
        "at" => Variant::from(vec![1_u64]),
        "as" => Variant::from(vec!["stream"]),
        "x" => Variant::from(1_i64),
        "v" => Variant::Variant(Box::new(Variant::from("info"))),
        "a{sv}" => options(HashMap::new()),
        other => panic!("no value of type `{other}`: add one"),
    };
    signatures.iter().map(value).collect()
}

fn of_type(signature: &str) -> Values {
    match signature {
        "s" => texts(),
        "t" => [0, 1, u64::MAX].map(Variant::from).into(),
        "u" => [0, 501, u32::MAX].map(Variant::from).into(),
        "as" => [vec![], vec!["nosuch"], vec!["stream"; 10_000], vec![""]]
            .map(Variant::from)
            .into(),
        "at" => [vec![], vec![0, u64::MAX], vec![7; 100_000]]
            .map(Variant::from)
            .into(),
        "x" => [i64::MIN, -1, 0, i64::MAX].map(Variant::from).into(),
        "v" => one_of_each()
            .into_iter()
            .chain(texts())
            .map(|value| Variant::Variant(Box::new(value)))
            .collect(),
        "a{sv}" => dictionaries(),
        other => panic!("no values of type `{other}`: add some"),
    }
}

fn texts() -> Values {
    [
        String::new(),
        "../../../../etc/shadow".to_owned(),
        "street/../street".to_owned(),
        "%s%n{}{0}$(reboot)`reboot`';--".to_owned(),
        "\u{1b}[31m\r\n\u{202e}\u{feff}\u{1f980}".to_owned(),
        "native".to_owned(),
        "org.vigla.Daemon1".to_owned(),
        "LogLevel".to_owned(),
        "a".repeat(1 << 20),
    ]
    .map(Variant::from)
    .into()
}

/// A value of each type that an argument of ours may be mistaken for.
fn one_of_each() -> Values {
    let mut deep = Variant::from(f64::NAN);
    for _ in 0..30 {
        deep = Variant::Variant(Box::new(deep));
    }
    vec![
        Variant::from("text"),
        Variant::from(true),
        Variant::from(7_u8),
        Variant::from(-7_i16),
        Variant::from(7_u32),
        Variant::from(-7_i64),
        Variant::from(7_u64),
        Variant::from(f64::NAN),
        Variant::from(f64::NEG_INFINITY),
        Variant::from(ObjectPath::from_static_str_unchecked("/")),
        Variant::from(Vec::<String>::new()),
        Variant::from(vec![0_u8; 1 << 16]),
        Variant::from((1_u32, "two", 3.0)),
        options(HashMap::from([("key".to_owned(), Variant::from(1_u32))])),
        deep,
    ]
}

fn dictionaries() -> Values {
    let one =
        |key: &str, value: Variant<'static>| options(HashMap::from([(key.to_owned(), value)]));
    let mut all: Values = one_of_each()
        .into_iter()
        .map(|value| one("wakeups", value))
        .collect();
    all.push(one("", Variant::from("")));
    all.push(one("unknown", Variant::from(f64::NAN)));
    let many = (0..10_000).map(|n| (format!("key {n}"), Variant::from(n)));
    all.push(options(many.collect::<HashMap<String, Variant<'static>>>()));
    all
}

fn options(values: HashMap<String, Variant<'static>>) -> Variant<'static> {
    let mut dict = Dict::new(&Signature::Str, &Signature::Variant);
    for (key, value) in values {
        dict.append(Variant::from(key), Variant::Variant(Box::new(value)))
            .unwrap();
    }
    Variant::Dict(dict)
}

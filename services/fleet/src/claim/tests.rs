use ring::rand::SystemRandom;

use super::*;

const CODE: &str = "K7QF-2M8A-0123-4567-89AB-CDEF-GHJK-MNPQ-RS";

fn some() -> Claim {
    Claim::generate(&SystemRandom::new()).unwrap()
}

#[test]
fn what_is_written_is_read_back() {
    for _ in 0..100 {
        let claim = some();
        let text = claim.reveal();
        assert_eq!(text.len(), 44);
        assert_eq!(text.parse::<Claim>().unwrap(), claim);
        let careless = text.to_lowercase().replace('-', " ").replace('0', "o");
        assert_eq!(careless.replace('1', "l").parse::<Claim>().unwrap(), claim);
        assert!(text.starts_with(&claim.id().as_str()[..4]));
    }
}

#[test]
fn every_wrong_symbol_and_every_swap_is_found() {
    let claim = some();
    let code: Vec<char> = claim.0.chars().collect();
    let read = |code: &[char]| code.iter().collect::<String>().parse::<Claim>();
    for at in 0..ALL {
        for other in SYMBOLS {
            let mut wrong = code.clone();
            wrong[at] = char::from(*other);
            assert_eq!(read(&wrong).is_ok(), wrong == code, "{at} {other}");
        }
        for with in 0..at.min(BODY) {
            let mut wrong = code.clone();
            wrong.swap(at, with);
            assert!(wrong == code || at >= BODY || read(&wrong) == Err(NoClaim::Check));
        }
    }
}

#[test]
fn says_what_is_wrong_and_not_what_was_written() {
    assert_eq!(CODE.parse::<Claim>(), Err(NoClaim::Length(34)));
    let odd = CODE.replace('7', "U");
    assert_eq!(odd.parse::<Claim>(), Err(NoClaim::Symbol(2)));
    assert_eq!("\u{fc}".parse::<Claim>(), Err(NoClaim::Symbol(1)));
    let long = format!("{CODE}-{CODE}");
    assert_eq!(long.parse::<Claim>(), Err(NoClaim::Length(68)));
}

#[test]
fn the_secret_is_not_shown() {
    let claim = some();
    let shown = format!("{claim:?}");
    assert_eq!(shown, format!("Claim({}..)", claim.id()));
}

#[test]
fn a_public_name_is_eight_symbols() {
    assert!("K7QF2M8A".parse::<ClaimId>().is_ok());
    for wrong in ["", "K7QF2M8", "k7qf2m8a", "K7QF2M8AA", "K7QF-M8A"] {
        assert!(wrong.parse::<ClaimId>().is_err(), "{wrong}");
    }
}

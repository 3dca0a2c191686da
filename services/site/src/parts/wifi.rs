//! `[wifi]` and `[[wifi.network]]`.

use vigla_act::words::{Country, Psk, Ssid};

use crate::Secret;
use crate::mistake::Notes;
use crate::site::{Key, Wifi, WifiNetwork};
use crate::table::{Table, Text, shown};

/// ISO 3166-1, two letters.
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR \
    BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET \
    FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ \
    IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML \
    MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS \
    PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL \
    TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

/// As many as an act takes.
const MOST: usize = 16;

pub(super) fn read(top: &Table, notes: &mut Notes) -> Option<Wifi> {
    let wifi = top.table("wifi", &["country", "network"], notes)?;
    let country = wifi.needed("country", "\"DE\"", notes);
    let country = country.and_then(|given| self::country(&given, notes));
    let mut networks = Vec::new();
    let tables = wifi.tables("network", &["ssid", "passphrase"], notes);
    if tables.is_empty() {
        let fix = "add `[[wifi.network]]` with `ssid` and `passphrase`";
        notes.add(&wifi.span, "[wifi] has no network", fix);
    }
    for network in tables {
        if networks.len() < MOST {
            networks.extend(self::network(&network, notes));
        } else {
            let what = format!("there are more than {MOST} Wi-Fi networks");
            notes.add(&network.span, what, "remove those that are not there");
        }
    }
    let some = !networks.is_empty();
    some.then_some(Wifi { country, networks })
}

fn country(given: &Text, notes: &mut Notes) -> Option<Country> {
    let known = |code: &str| COUNTRIES.split_whitespace().any(|known| known == code);
    let upper = given.text.to_ascii_uppercase();
    if known(given.text) {
        return Country::try_from(upper).ok();
    }
    let fix = if known(&upper) {
        format!("write `country = \"{upper}\"`")
    } else if upper == "UK" {
        "write `country = \"GB\"`".to_owned()
    } else {
        "write the two capital letters of the country, like \"DE\" or \"GB\"".to_owned()
    };
    let what = format!("`{}` is no country", shown(given.text));
    notes.add(&given.span, what, fix);
    None
}

fn network(table: &Table, notes: &mut Notes) -> Option<WifiNetwork> {
    let ssid = table.needed("ssid", "\"name of the network\"", notes);
    let phrase = table.needed("passphrase", "\"its passphrase\"", notes);
    let ssid = ssid.and_then(|given| {
        Ssid::try_from(given.text.to_owned())
            .map_err(|why| notes.add(&given.span, why, "write it as the access point shows it"))
            .ok()
    });
    let key = phrase.and_then(|given| key(&given, notes));
    Some(WifiNetwork {
        ssid: ssid?,
        key: key?,
    })
}

/// Nothing of it is repeated.
fn key(given: &Text, notes: &mut Notes) -> Option<Key> {
    let text = given.text;
    let printable = text.bytes().all(|b| (b' '..=b'~').contains(&b));
    if let Ok(psk) = Psk::try_from(text.to_owned()) {
        return Some(Key::Psk(psk));
    }
    if printable && (8..=63).contains(&text.len()) {
        return Some(Key::Passphrase(Secret::new(text)));
    }
    let (what, fix) = if !printable {
        (
            "the passphrase has a character that Wi-Fi does not know".to_owned(),
            "use letters, digits, spaces and signs of ASCII, or the 64 digits of `wpa_passphrase`",
        )
    } else if text.len() == 64 {
        (
            "a passphrase of 64 characters must be hexadecimal".to_owned(),
            "use the 64 digits of `wpa_passphrase`, or a passphrase of 8 to 63 characters",
        )
    } else {
        (
            format!("the passphrase has {} characters", text.len()),
            "a passphrase has 8 to 63 characters; look at it on the access point",
        )
    };
    notes.add(&given.span, what, fix);
    None
}

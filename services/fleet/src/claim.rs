//! The claim: a code that lets one device, or a group of them, join the fleet.
//!
//! ```text
//!  K7QF-2M8A-XXXX-XXXX-XXXX-XXXX-XXXX-XXCC     8 symbols: its public name
//!  ^^^^^^^^^ public name                       26 symbols: the secret, 130 bits
//!            ^^^ secret ^^^^^^^^^^^^^^^^CC      2 symbols: the check
//! ```
//!
//! Crockford's base32: no `I`, `L`, `O`, `U`; small letters, hyphens and spaces do not matter, `I` and
//! `L` are read as `1`, `O` as `0`. The check finds every single wrong symbol and every swap of two.
//! The secret is never sent and never shown: what is derived from it is in [`crate::proof`].

use std::fmt;
use std::str::FromStr;

use ring::rand::SecureRandom;
use zeroize::Zeroizing;

const SYMBOLS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Symbols of the public name.
pub const ID: usize = 8;
const SECRET: usize = 26;
const BODY: usize = ID + SECRET;
const ALL: usize = BODY + 2;
const GROUP: usize = 4;
/// The largest prime that two symbols can hold.
const MODULUS: u32 = 1021;

/// A whole, checked code; as symbols without hyphens.
#[derive(Clone, PartialEq, Eq)]
pub struct Claim(Zeroizing<String>);

/// The public name of a claim: 8 symbols.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimId(String);

/// Why a text is no claim. None of these repeats what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoClaim {
    /// Not [`ALL`] symbols.
    #[error("a claim has {ALL} letters and digits, this has {0}")]
    Length(usize),
    /// A character that is not in the alphabet.
    #[error("character {0} of the claim is no letter or digit that a claim can have")]
    Symbol(usize),
    /// The last two symbols do not fit the others.
    #[error("the claim has a typing error: its last two characters do not fit the others")]
    Check,
}

impl Claim {
    /// A new one.
    ///
    /// # Errors
    ///
    /// The system has no randomness.
    pub fn generate(random: &dyn SecureRandom) -> Result<Self, ring::error::Unspecified> {
        let mut bytes = Zeroizing::new([0; BODY]);
        random.fill(&mut bytes[..])?;
        let mut code = Zeroizing::new(String::with_capacity(ALL));
        for byte in bytes.iter() {
            code.push(symbol(*byte));
        }
        let check = check(&code);
        code.push(symbol(check.0));
        code.push(symbol(check.1));
        Ok(Self(code))
    }

    /// The public name.
    #[must_use]
    pub fn id(&self) -> ClaimId {
        ClaimId(self.0[..ID].to_owned())
    }

    /// Name and secret, as they go into the derivation.
    pub(crate) fn symbols(&self) -> &str {
        &self.0[..BODY]
    }

    /// The code in groups, for the file that the owner puts on a card. Not for messages.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(ALL + ALL / GROUP));
        for (at, symbol) in self.0.chars().enumerate() {
            if at > 0 && at % GROUP == 0 {
                text.push('-');
            }
            text.push(symbol);
        }
        text
    }
}

impl FromStr for Claim {
    type Err = NoClaim;

    fn from_str(text: &str) -> Result<Self, NoClaim> {
        let mut code = Zeroizing::new(String::with_capacity(ALL));
        let mut length = 0;
        for (at, given) in text.trim().chars().enumerate() {
            if matches!(given, '-' | ' ') {
                continue;
            }
            length += 1;
            let symbol = normal(given).ok_or(NoClaim::Symbol(at + 1))?;
            if length <= ALL {
                code.push(symbol);
            }
        }
        if length != ALL {
            return Err(NoClaim::Length(length));
        }
        let (first, second) = check(&code[..BODY]);
        if code[BODY..].chars().eq([symbol(first), symbol(second)]) {
            Ok(Self(code))
        } else {
            Err(NoClaim::Check)
        }
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Claim({}..)", self.id())
    }
}

impl ClaimId {
    /// The symbols.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClaimId {
    type Err = NoClaim;

    fn from_str(text: &str) -> Result<Self, NoClaim> {
        let known = |given: char| given.is_ascii() && SYMBOLS.contains(&(given as u8));
        match text.chars().position(|given| !known(given)) {
            Some(at) => Err(NoClaim::Symbol(at + 1)),
            None if text.len() == ID => Ok(Self(text.to_owned())),
            None => Err(NoClaim::Length(text.len())),
        }
    }
}

impl fmt::Display for ClaimId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Of the lowest five bits.
fn symbol(value: u8) -> char {
    char::from(SYMBOLS[usize::from(value & 31)])
}

/// As it is written in [`SYMBOLS`].
fn normal(given: char) -> Option<char> {
    let capital = match given.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let byte = u8::try_from(capital).ok()?;
    SYMBOLS.contains(&byte).then_some(capital)
}

/// Each symbol weighs what its place is: modulo a prime, one wrong symbol or a swap of two changes the sum.
fn check(symbols: &str) -> (u8, u8) {
    let value = |byte| SYMBOLS.iter().position(|symbol| *symbol == byte);
    let sum = symbols.bytes().zip(1_u32..).fold(0, |sum, (byte, weight)| {
        let value = u32::try_from(value(byte).unwrap_or(0)).unwrap_or(0);
        (sum + weight * value) % MODULUS
    });
    let low = |bits: u32| u8::try_from(bits & 31).unwrap_or(0);
    (low(sum >> 5), low(sum))
}

#[cfg(test)]
mod tests;

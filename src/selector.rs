//! Which token is meant: RFC 7512 `pkcs11:` URIs, `card:` selectors, and bare words.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

use crate::{
    error::{Error, Result},
    token::{Application, Identity, Place, Route, Text},
};

/// What stands unencoded in a value: the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A selector as a shell takes it for one word: `;` and `?` stand in it, and no quotation mark, which is encoded.
pub fn quoted(selector: &str) -> String {
    format!("'{selector}'")
}

/// Which token is meant.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// `--token`, or the word behind `status`.
    pub selector: Option<Selector>,
    /// `--application`.
    pub application: Option<String>,
    /// `--via`.
    pub via: Option<Route>,
    /// `--reference`: which of several user PINs.
    pub reference: Option<String>,
}

impl Selection {
    /// Refuses the name of an application that is not among `known`: profiles add to them.
    ///
    /// # Errors
    /// [`Error::Usage`], with the names that are known and never the one that was typed.
    pub fn check(&self, known: &[Application]) -> Result<()> {
        let is_known = |name: &str| known.iter().any(|application| application.name() == name);
        let names = || known.iter().map(|application| application.name()).collect::<Vec<_>>().join(", ");
        if self.application.as_deref().is_some_and(|name| !is_known(name)) {
            return Err(Error::Usage(format!("--application takes one of {}", names())));
        }
        let selected = match &self.selector {
            Some(Selector::Card(attributes)) => attributes.get("application"),
            _ => None,
        };
        match selected.map(|name| std::str::from_utf8(name)) {
            Some(Ok(name)) if name != Application::Pkcs11.name() && is_known(name) => Ok(()),
            None => Ok(()),
            Some(_) => Err(Error::Usage("application= names none of the card applications that pukka knows".into())),
        }
    }
}

/// What names a token. Its `Debug` says nothing of what was typed: it may be a PIN in the wrong place.
#[derive(Clone, PartialEq, Eq)]
pub enum Selector {
    /// A `pkcs11:` URI.
    Pkcs11(Attributes),
    /// A `card:` selector.
    Card(Attributes),
    /// A bare word: a serial, then a label, then a reader name.
    Word(Text),
}

/// Attributes by name, decoded.
type Attributes = BTreeMap<&'static str, Vec<u8>>;

/// The attributes that an RFC 7512 URI may name a token by, path and query alike.
const PKCS11: [&str; 6] = ["token", "manufacturer", "serial", "model", "slot-id", "module-path"];
/// Those of a `card:` selector.
const CARD: [&str; 3] = ["serial", "application", "reader"];

impl Selector {
    /// Reads what was typed.
    ///
    /// # Errors
    /// [`Error::Usage`] for an attribute that is unknown, given twice or badly encoded. The message names no value.
    pub fn parse(typed: &str) -> Result<Self> {
        if let Some(attributes) = typed.strip_prefix("pkcs11:") {
            let attributes = parse_attributes(attributes, &PKCS11)?;
            match attributes.get("slot-id") {
                Some(id) if parse_slot(id).is_none() => Err(Error::Usage("slot-id takes a decimal number".into())),
                _ => Ok(Self::Pkcs11(attributes)),
            }
        } else if let Some(attributes) = typed.strip_prefix("card:") {
            parse_attributes(attributes, &CARD).map(Self::Card)
        } else {
            Ok(Self::Word(Text::from(typed)))
        }
    }

    /// The module whose token is named, where the selector carries one.
    pub fn module(&self) -> Option<PathBuf> {
        let Self::Pkcs11(attributes) = self else { return None };
        Some(PathBuf::from(String::from_utf8_lossy(attributes.get("module-path")?).into_owned()))
    }

    /// The application that is named, where the selector carries one.
    pub fn application(&self) -> Option<&str> {
        match self {
            Self::Pkcs11(_) => Some(Application::Pkcs11.name()),
            Self::Card(attributes) => attributes.get("application").and_then(|name| std::str::from_utf8(name).ok()),
            Self::Word(_) => None,
        }
    }

    /// The reader that is named, where the selector carries one.
    pub fn reader(&self) -> Option<&[u8]> {
        match self {
            Self::Card(attributes) => attributes.get("reader").map(Vec::as_slice),
            Self::Pkcs11(_) | Self::Word(_) => None,
        }
    }

    /// Whether the reader alone decides, so that no serial need be read to choose.
    pub fn is_decided_by_reader(&self) -> bool {
        matches!(self, Self::Card(attributes) if !attributes.contains_key("serial"))
    }

    /// Whether it names a serial, and just one of `identities` has that: no other token can be meant.
    pub fn is_met_by_serial(&self, identities: &[&Identity]) -> bool {
        let [index] = self.matches(identities)[..] else { return false };
        match self {
            Self::Pkcs11(wanted) | Self::Card(wanted) => wanted.contains_key("serial"),
            Self::Word(word) => {
                identities.get(index).is_some_and(|identity| is(identity.serial.as_ref(), word.bytes()))
            }
        }
    }

    /// Those of `identities` that are meant, by index.
    ///
    /// A bare word is a serial where one matches, else a label, else a reader's name.
    pub fn matches(&self, identities: &[&Identity]) -> Vec<usize> {
        let those = |wanted: &dyn Fn(&Identity) -> bool| -> Vec<usize> {
            identities.iter().enumerate().filter(|(_, identity)| wanted(identity)).map(|(index, _)| index).collect()
        };
        match self {
            Self::Pkcs11(wanted) => {
                those(&|identity| wanted.iter().all(|(name, value)| has_pkcs11_attribute(identity, name, value)))
            }
            Self::Card(wanted) => {
                those(&|identity| wanted.iter().all(|(name, value)| has_card_attribute(identity, name, value)))
            }
            Self::Word(word) => {
                let word = word.bytes();
                let by_serial = those(&|identity| is(identity.serial.as_ref(), word));
                let by_label = || those(&|identity| is(identity.label.as_ref(), word));
                let by_reader =
                    || those(&|identity| matches!(&identity.place, Place::Reader(name) if name.bytes() == word));
                [by_serial]
                    .into_iter()
                    .chain([by_label()])
                    .chain([by_reader()])
                    .find(|found| !found.is_empty())
                    .unwrap_or_default()
            }
        }
    }
}

impl std::fmt::Debug for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Pkcs11(_) => "Selector(pkcs11:…)",
            Self::Card(_) => "Selector(card:…)",
            Self::Word(_) => "Selector(word)",
        })
    }
}

/// The selector of each identity, as [`naming`] names it.
pub fn selectors(identities: &[&Identity]) -> Vec<String> {
    let name = naming(identities);
    identities.iter().map(|identity| name(identity)).collect()
}

/// What names each of these identities, unique among them; slot id and module, or the reader, where serials are empty or shared.
pub fn naming<'a>(identities: &[&'a Identity]) -> impl Fn(&Identity) -> String + use<'a> {
    // Counted once for all: a store may have thousands of tokens.
    let mut twins = BTreeMap::new();
    for identity in identities {
        *twins.entry((identity.application, identity.serial.as_ref())).or_insert(0_usize) += 1;
    }
    move |identity| {
        let count = twins.get(&(identity.application, identity.serial.as_ref()));
        print(identity, identity.serial.is_some() && count == Some(&1))
    }
}

/// One selector; with the token's place unless its serial is enough.
fn print(identity: &Identity, by_serial: bool) -> String {
    let mut path = Vec::new();
    match &identity.place {
        Place::Reader(reader) => {
            match &identity.serial {
                Some(serial) if by_serial => path.push(attribute("serial", serial.bytes())),
                _ => path.push(attribute("reader", reader.bytes())),
            }
            path.push(attribute("application", identity.application.name().as_bytes()));
            format!("card:{}", path.join(";"))
        }
        Place::Slot { id, module } => {
            path.extend(
                identity.label.as_ref().filter(|_| !identity.blank).map(|label| attribute("token", label.bytes())),
            );
            path.extend(identity.serial.as_ref().map(|serial| attribute("serial", serial.bytes())));
            if by_serial {
                return format!("pkcs11:{}", path.join(";"));
            }
            path.push(attribute("slot-id", id.to_string().as_bytes()));
            format!("pkcs11:{}?{}", path.join(";"), attribute("module-path", module_bytes(module)))
        }
    }
}

fn attribute(name: &str, value: &[u8]) -> String {
    format!("{name}={}", percent_encode(value, RESERVED))
}

fn module_bytes(module: &Path) -> &[u8] {
    std::os::unix::ffi::OsStrExt::as_bytes(module.as_os_str())
}

fn parse_attributes(text: &str, known: &[&'static str]) -> Result<Attributes> {
    let mut attributes = Attributes::new();
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    let parts = path.split(';').chain(query.split('&')).filter(|part| !part.is_empty());
    for part in parts {
        let (name, value) =
            part.split_once('=').ok_or_else(|| Error::Usage("a selector is made of name=value parts".into()))?;
        let name = known
            .iter()
            .find(|known| **known == name)
            .ok_or_else(|| Error::Usage(format!("a selector knows these attributes only: {}", known.join(", "))))?;
        if attributes.insert(name, percent_decode_str(value).collect()).is_some() {
            return Err(Error::Usage(format!("a selector names {name} once")));
        }
    }
    if attributes.is_empty() {
        return Err(Error::Usage("a selector names at least one attribute".into()));
    }
    Ok(attributes)
}

fn parse_slot(id: &[u8]) -> Option<u64> {
    std::str::from_utf8(id).ok()?.parse().ok()
}

fn is(text: Option<&Text>, wanted: &[u8]) -> bool {
    text.is_some_and(|text| text.bytes() == wanted)
}

fn has_pkcs11_attribute(identity: &Identity, name: &str, value: &[u8]) -> bool {
    let Place::Slot { id, module } = &identity.place else { return false };
    match name {
        "token" => is(identity.label.as_ref(), value),
        "manufacturer" => is(identity.manufacturer.as_ref(), value),
        "serial" => is(identity.serial.as_ref(), value),
        "model" => is(identity.model.as_ref(), value),
        "slot-id" => parse_slot(value) == Some(*id),
        _ => module_bytes(module) == value,
    }
}

fn has_card_attribute(identity: &Identity, name: &str, value: &[u8]) -> bool {
    let Place::Reader(reader) = &identity.place else { return false };
    match name {
        "serial" => is(identity.serial.as_ref(), value),
        "application" => identity.application.name().as_bytes() == value,
        _ => reader.bytes() == value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(id: u64, serial: &str, label: &str) -> Identity {
        Identity {
            application: Application::Pkcs11,
            serial: Text::trimmed(serial.as_bytes()),
            label: Text::trimmed(label.as_bytes()),
            manufacturer: None,
            model: None,
            place: Place::Slot { id, module: "/lib/a b.so".into() },
            blank: serial.is_empty(),
        }
    }

    fn card(reader: &str, serial: Option<&str>) -> Identity {
        Identity {
            application: Application::Piv,
            serial: serial.map(Text::from),
            label: None,
            manufacturer: None,
            model: None,
            place: Place::Reader(Text::from(reader)),
            blank: false,
        }
    }

    #[test]
    fn every_printed_selector_finds_its_token_and_no_other() {
        let listing = [
            slot(1, "aa", "desk;7 ✓"),
            slot(2, "bb", "twin"),
            slot(3, "bb", "twin"),
            slot(4, "", ""),
            slot(5, "", ""),
            card("Reader 00 00", None),
            card("Reader 01 00", Some("12345678")),
            card("Reader 02 00", Some("aa")),
        ];
        let identities: Vec<&Identity> = listing.iter().collect();
        for (index, printed) in selectors(&identities).iter().enumerate() {
            assert_eq!(Selector::parse(printed).unwrap().matches(&identities), [index], "{printed}");
        }
    }

    #[test]
    fn a_quoted_selector_is_one_word_of_a_shell_whatever_it_holds() {
        let printed = selectors(&[&slot(1, "aa", "a'b;c$(d) `e`")]).concat();
        let inner = quoted(&printed).strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).map(str::to_owned);
        assert_eq!(inner.as_deref(), Some(printed.as_str()));
        assert!(!printed.contains('\''), "{printed}");
    }

    #[test]
    fn values_are_percent_encoded_as_in_rfc_7512() {
        assert_eq!(selectors(&[&slot(1, "aa", "desk;7 ✓")]), ["pkcs11:token=desk%3B7%20%E2%9C%93;serial=aa"]);
        assert_eq!(selectors(&[&slot(4, "", "")]), ["pkcs11:slot-id=4?module-path=%2Flib%2Fa%20b.so"]);
    }

    #[test]
    fn a_bare_word_is_a_serial_then_a_label_then_a_reader() {
        let listing = [slot(1, "aa", "bb"), slot(2, "bb", "cc"), card("cc", None), card("dd", None)];
        let identities: Vec<&Identity> = listing.iter().collect();
        let find = |word: &str| Selector::parse(word).unwrap().matches(&identities);
        assert_eq!(find("bb"), [1]);
        assert_eq!(find("cc"), [1]);
        assert_eq!(find("dd"), [3]);
        assert!(find("b").is_empty());
    }

    #[test]
    fn a_wrong_selector_is_refused_without_repeating_it() {
        for typed in
            ["pkcs11:", "pkcs11:pin=271828", "pkcs11:slot-id=x271828", "card:reader=a;reader=271828", "card:271828"]
        {
            let error = Selector::parse(typed).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(!error.to_string().contains("271828"), "{error}");
        }
    }

    #[test]
    fn an_application_that_is_not_known_is_refused_without_repeating_it() {
        let by_selector =
            Selection { selector: Selector::parse("card:application=271828").ok(), ..Selection::default() };
        let by_option = Selection { application: Some("271828".into()), ..Selection::default() };
        for selection in [by_selector, by_option] {
            let error = selection.check(&Application::BUILT_IN).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(!error.to_string().contains("271828"), "{error}");
        }
        let known = Selection { application: Some("gids".into()), ..Selection::default() };
        assert_eq!(known.check(&Application::BUILT_IN), Ok(()));
    }

    #[test]
    fn debug_does_not_show_what_was_typed() {
        assert_eq!(format!("{:?}", Selector::parse("271828").unwrap()), "Selector(word)");
    }
}

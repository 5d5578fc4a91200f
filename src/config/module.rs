//! One entry of `modules`: a path, or a table that also says what the module wants at its start.

use std::{
    ffi::CString,
    fmt,
    path::{Path, PathBuf},
};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Unexpected, Visitor, value::MapAccessDeserializer},
};

/// A PKCS#11 module as the configuration names it: `"/a.so"`, or `{ path = "/b.so", init = "…" }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// The library.
    pub path: PathBuf,
    /// What its C_Initialize gets as pReserved, for a module that wants that (NSS).
    pub init: Option<CString>,
}

impl<'de> Deserialize<'de> for Module {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Either)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(deserialize_with = "path")]
    path: PathBuf,
    #[serde(default, deserialize_with = "init")]
    init: Option<CString>,
}

/// Not serde's untagged enum, which forgets what was wrong, and where.
struct Either;

impl<'de> Visitor<'de> for Either {
    type Value = Module;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a path, or a table of path and init")
    }

    fn visit_str<E: Error>(self, path: &str) -> Result<Module, E> {
        named(path.into()).map(|path| Module { path, init: None })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Module, A::Error> {
        Table::deserialize(MapAccessDeserializer::new(map)).map(|Table { path, init }| Module { path, init })
    }
}

fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    PathBuf::deserialize(deserializer).and_then(named)
}

fn init<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<CString>, D::Error> {
    let text = String::deserialize(deserializer)?;
    CString::new(text).map(Some).map_err(|_| D::Error::custom("a module reads init up to a NUL, so it may hold none"))
}

/// The linker takes an empty path for the program itself.
fn named<E: Error>(path: PathBuf) -> Result<PathBuf, E> {
    match path == Path::new("") {
        true => Err(E::invalid_value(Unexpected::Str(""), &"a path")),
        false => Ok(path),
    }
}

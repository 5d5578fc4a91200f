//! The options that name sources of secrets, each written down once.

use std::collections::BTreeMap;

use clap::Args;

use crate::{
    input::Source,
    token::{Need, Role},
};

/// `--pin`
#[derive(Debug, Args)]
pub struct Pin {
    /// Where the present PIN comes from: prompt, env:NAME, file:PATH, fd:N, stdin or pinpad
    #[arg(long, value_name = "SOURCE", value_parser = Source::current)]
    pin: Option<Source>,
}

/// `--new-pin`
#[derive(Debug, Args)]
pub struct NewPin {
    /// Where the new PIN comes from: as --pin, or generate or generate:FILE
    #[arg(long, value_name = "SOURCE", value_parser = Source::new_value)]
    new_pin: Option<Source>,
}

/// `--puk`
#[derive(Debug, Args)]
pub struct Puk {
    /// Where the present PUK comes from: prompt, env:NAME, file:PATH, fd:N, stdin or pinpad
    #[arg(long, value_name = "SOURCE", value_parser = Source::current)]
    puk: Option<Source>,
}

/// `--new-puk`
#[derive(Debug, Args)]
pub struct NewPuk {
    /// Where the new PUK comes from: as --puk, or generate or generate:FILE
    #[arg(long, value_name = "SOURCE", value_parser = Source::new_value)]
    new_puk: Option<Source>,
}

/// `--so-pin`
#[derive(Debug, Args)]
pub struct SoPin {
    /// Where the present SO PIN comes from: prompt, env:NAME, file:PATH, fd:N, stdin or pinpad
    #[arg(long, value_name = "SOURCE", value_parser = Source::current, visible_alias = "admin-pin")]
    so_pin: Option<Source>,
}

/// `--new-so-pin`
#[derive(Debug, Args)]
pub struct NewSoPin {
    /// Where the new SO PIN comes from: as --so-pin, or generate or generate:FILE
    #[arg(long, value_name = "SOURCE", value_parser = Source::new_value)]
    new_so_pin: Option<Source>,
}

/// An option that names where one secret comes from.
pub trait Named {
    /// Which secret.
    const NEED: Need;
    /// Its source, where one was named.
    fn source(&self) -> Option<&Source>;
}

impl Named for Pin {
    const NEED: Need = Need::Current(Role::UserPin);
    fn source(&self) -> Option<&Source> {
        self.pin.as_ref()
    }
}

impl Named for NewPin {
    const NEED: Need = Need::New(Role::UserPin);
    fn source(&self) -> Option<&Source> {
        self.new_pin.as_ref()
    }
}

impl Named for Puk {
    const NEED: Need = Need::Current(Role::Puk);
    fn source(&self) -> Option<&Source> {
        self.puk.as_ref()
    }
}

impl Named for NewPuk {
    const NEED: Need = Need::New(Role::Puk);
    fn source(&self) -> Option<&Source> {
        self.new_puk.as_ref()
    }
}

impl Named for SoPin {
    const NEED: Need = Need::Current(Role::SoPin);
    fn source(&self) -> Option<&Source> {
        self.so_pin.as_ref()
    }
}

impl Named for NewSoPin {
    const NEED: Need = Need::New(Role::SoPin);
    fn source(&self) -> Option<&Source> {
        self.new_so_pin.as_ref()
    }
}

/// The source of one option, to be chained with those of others.
pub fn named<T: Named>(option: &T) -> Option<(Need, Source)> {
    option.source().map(|source| (T::NEED, source.clone()))
}

/// The sources of a command.
pub fn gather<const N: usize>(options: [Option<(Need, Source)>; N]) -> BTreeMap<Need, Source> {
    options.into_iter().flatten().collect()
}

//! Options of every command.

use std::{env, num::NonZeroU32, path::PathBuf, time::Duration};

use clap::{ArgAction, Args, ValueEnum, ValueHint};

use crate::{
    config::Config,
    error::{Error, Result},
    selector::{Selection, Selector},
    token::{Role, Route},
};

/// Seconds to wait for a token that another process uses, where nothing else is said.
const WAIT: u32 = 5;

/// Seconds that one call of a module may take, where nothing else is said.
const MODULE_TIMEOUT: u32 = 60;

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// The token: a pkcs11: URI, a card: selector, or its serial, label or reader name
    #[arg(short, long, global = true, value_name = "TOKEN", value_hint = ValueHint::Other)]
    pub token: Option<String>,
    /// The application on the card or token: piv, openpgp, gids, sc-hsm, pkcs11, or a profile's name
    #[arg(long, global = true, value_name = "NAME", value_hint = ValueHint::Other)]
    pub application: Option<String>,
    /// Which user PIN, by its name in `pukka status`, where a card has several
    #[arg(long, global = true, value_name = "NAME", value_hint = ValueHint::Other)]
    pub reference: Option<String>,
    /// The way to the token, where there are two
    #[arg(long, global = true, value_enum, value_name = "ROUTE")]
    pub via: Option<Via>,
    /// A PKCS#11 module; repeatable (default: PUKKA_MODULE, the configuration, p11-kit's proxy)
    #[arg(short, long = "module", global = true, value_name = "PATH")]
    pub modules: Vec<PathBuf>,
    /// A card of your own, as its profile describes it: looked for alone, unless --application or TOKEN names another
    #[arg(long, global = true, value_name = "FILE")]
    pub profile: Option<PathBuf>,
    /// Print one JSON object on standard output
    #[arg(long, global = true)]
    pub json: bool,
    /// Never ask anybody for anything
    #[arg(long, global = true)]
    pub no_input: bool,
    /// Stop before acting, and print the plan
    #[arg(long, global = true)]
    pub dry_run: bool,
    /// Spend even the last try of the PIN, or of the role that is named
    #[arg(long, global = true, value_name = "ROLE", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "user-pin")]
    pub allow_last_try: Vec<Whose>,
    /// Seconds to wait for a token that another process uses (default: 5)
    #[arg(long, global = true, value_name = "SECONDS", value_hint = ValueHint::Other, value_parser = parse_seconds)]
    pub wait: Option<u32>,
    /// Seconds that a module may take for one call (default: 60); one that writes is never cut off
    #[arg(long, global = true, value_name = "SECONDS", value_hint = ValueHint::Other, value_parser = parse_time)]
    pub module_timeout: Option<NonZeroU32>,
    /// Taken for scripts that give it; nothing is asked yet that yes could answer
    #[arg(long, global = true)]
    pub yes: bool,
    /// The configuration file, in place of the user's own
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Say more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Say nothing of a success
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Show APDUs and C_* calls on standard error; secrets are withheld
    #[arg(long, global = true)]
    pub trace: bool,
}

/// A way to tokens.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Via {
    /// APDUs over PC/SC
    Pcsc,
    /// A PKCS#11 module
    Pkcs11,
}

/// Whose secret: the last try of it, or its new value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Whose {
    /// The user PIN's
    UserPin,
    /// The PUK's
    Puk,
    /// The SO PIN's
    #[value(alias = "admin-pin")]
    SoPin,
    /// The reset code's
    ResetCode,
}

impl From<Whose> for Role {
    fn from(whose: Whose) -> Self {
        match whose {
            Whose::UserPin => Self::UserPin,
            Whose::Puk => Self::Puk,
            Whose::SoPin => Self::SoPin,
            Whose::ResetCode => Self::ResetCode,
        }
    }
}

impl Global {
    /// Which token is meant; `token` is the one named by position.
    ///
    /// # Errors
    /// [`Error::Usage`] for a malformed selector, or two.
    pub fn selection(&self, token: Option<Selector>) -> Result<Selection> {
        let named = self.token.as_deref().map(Selector::parse).transpose()?;
        let selector = match (named, token) {
            (Some(_), Some(_)) => return Err(Error::Usage("the token is named twice".into())),
            (named, token) => named.or(token),
        };
        let (application, reference) = (self.application.clone(), self.reference.clone());
        Ok(Selection { selector, application, via: self.route(), reference })
    }

    /// The way to the token, where one was named.
    pub fn route(&self) -> Option<Route> {
        self.via.map(|via| match via {
            Via::Pcsc => Route::Pcsc,
            Via::Pkcs11 => Route::Pkcs11,
        })
    }

    /// The modules to load: those named here, else by PUKKA_MODULE (a path list), else by the configuration; nothing where
    /// nobody says.
    pub fn modules(&self, config: &Config) -> Option<Vec<PathBuf>> {
        let by_environment = || {
            let paths = env::var_os("PUKKA_MODULE")?;
            let named: Vec<PathBuf> = env::split_paths(&paths).filter(|path| !path.as_os_str().is_empty()).collect();
            // Set to nothing is as good as not set.
            Some(named).filter(|named| !named.is_empty())
        };
        let by_configuration = || Some(config.modules.as_ref()?.iter().map(|module| module.path.clone()).collect());
        match self.modules.as_slice() {
            [] => by_environment().or_else(by_configuration),
            named => Some(named.to_vec()),
        }
    }

    /// How long to wait for a token that another process uses.
    pub fn wait(&self, config: &Config) -> Duration {
        Duration::from_secs(self.wait.or(config.wait).unwrap_or(WAIT).into())
    }

    /// How long one call of a module may take.
    pub fn module_timeout(&self, config: &Config) -> Duration {
        let seconds = self.module_timeout.or(config.module_timeout).map_or(MODULE_TIMEOUT, NonZeroU32::get);
        Duration::from_secs(seconds.into())
    }

    /// The roles whose last try may be spent.
    pub fn allowed_last_tries(&self) -> Vec<Role> {
        self.allow_last_try.iter().copied().map(Role::from).collect()
    }
}

fn parse_seconds(seconds: &str) -> Result<u32> {
    seconds.parse().map_err(|_| Error::Usage("takes a whole number of seconds".into()))
}

fn parse_time(seconds: &str) -> Result<NonZeroU32> {
    seconds.parse().map_err(|_| Error::Usage("takes a whole number of seconds, at least 1".into()))
}

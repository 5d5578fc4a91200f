//! What an application on a card is, and which there are.

use anyhow::{Context, Result, bail};

use crate::{
    apdu::{Command, Reply, Transport},
    dialect::Switches,
    gids::Gids,
    iso7816::Iso7816,
    openpgp::OpenPgp,
    piv::Piv,
    sc_hsm::ScHsm,
    store::Stored,
};

/// T=1 and nothing else: by this no driver knows a card.
pub const PLAIN_ATR: &[u8] = &[0x3B, 0x80, 0x80, 0x01, 0x01];

/// An application: its dialect is set, then it is delivered, then it answers.
pub trait Application {
    /// As it is called on the command line and in the store.
    fn name(&self) -> &'static str;

    /// Its switches, in groups.
    fn dialect(&mut self) -> Vec<&mut dyn Switches>;

    /// Takes the serial number of the card.
    ///
    /// # Errors
    /// It has none of that length.
    fn set_serial(&mut self, serial: &[u8]) -> Result<()>;

    /// Makes what is stored as its issuer hands it out, in the dialect that was set.
    fn deliver(&mut self);

    /// What it keeps without power.
    fn stored(&mut self) -> &mut dyn Stored;

    /// Answer to reset, where the card is this application's.
    fn atr(&self) -> &'static [u8] {
        PLAIN_ATR
    }

    /// How its responses reach the host.
    fn transport(&self) -> &Transport;

    /// Whether SELECT by this name, whole or cut short, means it.
    fn answers_to(&self, name: &[u8]) -> bool;

    /// SELECT by name: the answer, and what the choice does.
    #[allow(clippy::missing_errors_doc, reason = "the dialect says")]
    fn select(&mut self, command: &Command) -> Reply;

    /// Every other command while it is selected.
    #[allow(clippy::missing_errors_doc, reason = "the dialect says")]
    fn transmit(&mut self, command: &Command) -> Reply;

    /// Forgets what another choice forgets; some cards forget nothing then.
    fn deselect(&mut self) {
        self.reset();
    }

    /// Forgets what a reset forgets: verified PINs, authenticated keys, open challenges.
    fn reset(&mut self);
}

/// The applications by name.
pub const NAMES: [&str; 5] = ["gids", "iso7816", "openpgp", "piv", "sc-hsm"];

/// The application called `name`, not yet delivered.
///
/// # Errors
/// There is none of that name.
pub fn by_name(name: &str) -> Result<Box<dyn Application>> {
    Ok(match name {
        "gids" => Box::new(Gids::default()),
        "iso7816" => Box::new(Iso7816::default()),
        "openpgp" => Box::new(OpenPgp::default()),
        "piv" => Box::new(Piv::default()),
        "sc-hsm" => Box::new(ScHsm::default()),
        _ => bail!("{name}: none of {}", NAMES.join(", ")),
    })
}

/// What `refusals` turns, all at once.
const REFUSALS: [&str; 9] = [
    "wrong",
    "last",
    "blocked",
    "change-wrong",
    "change-last",
    "change-blocked",
    "reset-wrong",
    "reset-last",
    "reset-blocked",
];

/// Turns a switch, `NAME=VALUE` or `APPLICATION.NAME=VALUE`, on every application that is meant and has it.
///
/// # Errors
/// None has it, or it has no such value.
pub fn turn(applications: &mut [Box<dyn Application>], switch: &str) -> Result<()> {
    let (name, value) = switch.split_once('=').context("no = between name and value")?;
    let (only, name) = name.split_once('.').map_or((None, name), |(only, name)| (Some(only), name));
    let names = if name == "refusals" { &REFUSALS[..] } else { &[name] };
    let mut known = false;
    for application in applications.iter_mut().filter(|one| only.is_none_or(|only| only == one.name())) {
        for group in application.dialect() {
            for name in names {
                known |= group.set(name, value)?;
            }
        }
    }
    if !known {
        bail!("no such switch; --dialects shows them");
    }
    Ok(())
}

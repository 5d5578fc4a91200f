//! PIN administration of smart cards and PKCS#11 tokens.
//!
//! Every operation takes the same seven steps, each in one place: survey, plan, collect, act, confirm, record, report
//! ([`run`]). Who may import whom (a test holds it):
//!
//! | layer | modules | may import |
//! | --- | --- | --- |
//! | ground | [`child`] | nothing |
//! | core | [`token`], [`selector`], [`secret`], [`challenge`], [`error`], [`finding`] | core |
//! | decisions | [`operation`], [`policy`] | core, decisions |
//! | devices | [`device`] | ground, core; PKCS#11, PC/SC and ciphers nowhere else |
//! | edges | [`cli`], [`config`], [`input`], [`ledger`], [`render`] | ground, core, decisions; [`cli`] also [`config`] and [`input`], [`render`] also [`input`] and [`config`]; clap in [`cli`] only |
//! | spine | [`run`], [`interrupt`], [`command`] | everything above |

pub mod challenge;
pub mod child;
pub mod cli;
pub mod command;
pub mod config;
pub mod device;
pub mod error;
pub mod finding;
pub mod input;
pub mod interrupt;
pub mod ledger;
pub mod operation;
pub mod policy;
pub mod render;
pub mod run;
pub mod secret;
pub mod selector;
pub mod token;

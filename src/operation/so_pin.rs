//! `so-pin reset`: asked for by who has forgotten the SO PIN, and the plain answer that no token gives another.

use super::Plan;
use crate::{
    error::{Error, Result},
    token::{Role, State, Survey},
};

/// Never a plan: nobody stands above the SO PIN on any kind of token.
pub(super) fn plan(survey: &Survey) -> Result<Plan> {
    let role = Role::SoPin;
    match survey.reference(role) {
        None => Err(Error::unsupported(role.to_string())),
        Some(own) if own.state == State::Unset => Err(Error::Unset { role }),
        Some(own) => Err(Error::Unsupported {
            what: format!("nothing here can recover a forgotten {}, nor set another without it", own.name),
        }),
    }
}

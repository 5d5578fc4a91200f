//! Challenge and response: the token gives a challenge, and the response opens the transaction that follows.

use super::{Effect, Job, Progress};
use crate::{
    challenge::Block,
    error::{Error, Result},
    operation::Plan,
    secret::Entry,
    token::{Access, Found, Need, Role, Survey},
};

/// So many challenges are given in one call, where other programs keep using the card.
const ROUNDS: usize = 3;

impl Job<'_> {
    /// Acts by the response to a challenge of the token. Everything else has been collected before, so that a person is asked
    /// for the response alone, with nothing locked and nothing sent meanwhile. A challenge that was lost is given anew, to a
    /// person who can have it answered anew.
    ///
    /// # Errors
    /// [`Error::Stale`], and those of act and confirm.
    pub(super) fn by_challenge(
        &mut self,
        found: &mut Found,
        plan: &Plan,
        survey: &Survey,
        progress: &mut Progress,
    ) -> Result<Effect> {
        let mut round = 1;
        loop {
            let challenge = draw(found)?;
            self.render.challenge(&challenge);
            let mut response = Some(Entry::Value(self.collector.answer(&challenge, survey)?));
            let mut effect = None;
            let done = found.connection.transact(Access::Write, &mut |token| {
                self.interrupts.hold();
                let mut secrets = self.collector.collect(plan, survey)?;
                response.take().into_iter().for_each(|response| secrets.put(Need::Current(Role::Response), response));
                let acted = self.carry_out(token, plan, survey, &secrets, progress);
                if acted == Err(Error::Stale) {
                    self.collector.take_back(secrets);
                }
                effect = Some(acted?);
                Ok(())
            });
            match (done, effect) {
                (Err(Error::Stale), _) => self.begin_again(round, progress)?,
                (Err(error), _) => return Err(error),
                (Ok(()), effect) => {
                    return effect.ok_or_else(|| Error::Internal("a transaction without work".into()));
                }
            }
            round += 1;
        }
    }

    /// After a response that came to nothing: the token is as it was, and a person may be asked once more.
    fn begin_again(&mut self, round: usize, progress: &mut Progress) -> Result<()> {
        progress.acting = false;
        if round >= ROUNDS || !self.collector.asks_for_response() {
            return Err(Error::Stale);
        }
        if std::mem::take(&mut progress.recorded) {
            self.ledger.outcome(Err(&Error::Stale))?;
        }
        self.interrupts.release();
        self.render.note(&Error::Stale.to_string());
        Ok(())
    }
}

/// Has the token give a challenge, as the last command of its transaction.
fn draw(found: &mut Found) -> Result<Block> {
    let mut drawn = None;
    found.connection.transact(Access::Write, &mut |token| {
        drawn = Some(token.challenge()?);
        Ok(())
    })?;
    drawn
        .and_then(|challenge| Block::new(&challenge))
        .ok_or_else(|| Error::device("the token's challenge has neither 8 nor 16 bytes", None))
}

//! What VERIFY, CHANGE REFERENCE DATA and RESET RETRY COUNTER answer, in every dialect.

use crate::{
    apdu::{Reply, Status},
    dialect::{Answer, YesNo},
    secret::{Presented, Secret},
};

crate::switches! {
    /// The answers of the PIN commands: status words, or `63Cx` with the tries left.
    pub struct PinDialect {
        /// VERIFY, wrong
        wrong: Answer = Answer::Counted,
        /// VERIFY, wrong, and it was the last try
        last: Answer = Answer::Counted,
        /// VERIFY, blocked
        blocked: Answer = Answer::BLOCKED,
        /// VERIFY of a length that no PIN has: a status word refuses it for free; `9000` counts it like any wrong value
        verify_length: Answer = Answer::ACCEPTED,
        /// VERIFY, right, gives all tries back
        verify_restores: YesNo = YesNo(true),
        /// CHANGE, wrong old value
        change_wrong: Answer = Answer::Counted,
        /// CHANGE, wrong old value, and it was the last try
        change_last: Answer = Answer::Counted,
        /// CHANGE, blocked
        change_blocked: Answer = Answer::BLOCKED,
        /// CHANGE, new value too short; `9000`: accepted
        change_short: Answer = Answer::Fixed(Status::WRONG_LENGTH),
        /// RESET RETRY COUNTER, wrong code
        reset_wrong: Answer = Answer::Counted,
        /// RESET RETRY COUNTER, wrong code, and it was the last try
        reset_last: Answer = Answer::Counted,
        /// RESET RETRY COUNTER, code blocked
        reset_blocked: Answer = Answer::BLOCKED,
        /// RESET RETRY COUNTER, new value too short; `9000`: accepted
        reset_short: Answer = Answer::Fixed(Status::WRONG_LENGTH),
        /// empty VERIFY, not verified
        query: Answer = Answer::Counted,
        /// empty VERIFY, verified
        query_verified: Answer = Answer::ACCEPTED,
        /// empty VERIFY, blocked
        query_blocked: Answer = Answer::BLOCKED,
    }
}

impl PinDialect {
    /// The answer to an empty VERIFY, which never counts.
    #[allow(clippy::missing_errors_doc, reason = "the dialect says")]
    pub fn query(&self, secret: &Secret) -> Reply {
        let answer = match secret {
            secret if secret.is_blocked() => self.query_blocked,
            secret if secret.verified => self.query_verified,
            _ => self.query,
        };
        answer.with(secret.tries())
    }

    /// VERIFY with a value of a good length, or of a bad one that the dialect counts: see
    /// [`verify_length`](Self::verify_length).
    #[allow(clippy::missing_errors_doc, reason = "the dialect says")]
    pub fn verify(&self, secret: &mut Secret, value: &[u8], good_length: bool) -> Reply {
        let before = secret.tries();
        if !good_length && !secret.is_blocked() && !self.verify_length.is_acceptance() {
            return self.verify_length.with(before);
        }
        let presented = secret.present(value);
        if presented == Presented::Right {
            secret.verified = true;
            if !self.verify_restores.0 {
                secret.set_tries(before);
            }
        }
        answer(presented, secret, [self.wrong, self.last, self.blocked])
    }

    /// The old value in CHANGE.
    #[allow(clippy::missing_errors_doc, reason = "the dialect says")]
    pub fn change(&self, secret: &mut Secret, old: &[u8]) -> Reply {
        let presented = secret.present(old);
        answer(presented, secret, [self.change_wrong, self.change_last, self.change_blocked])
    }

    /// The code in RESET RETRY COUNTER.
    #[allow(clippy::missing_errors_doc, reason = "the dialect says")]
    pub fn reset(&self, code: &mut Secret, value: &[u8]) -> Reply {
        let presented = code.present(value);
        answer(presented, code, [self.reset_wrong, self.reset_last, self.reset_blocked])
    }
}

fn answer(presented: Presented, secret: &Secret, [wrong, last, blocked]: [Answer; 3]) -> Reply {
    match presented {
        Presented::Right => Ok(Vec::new()),
        Presented::Wrong => wrong.with(secret.tries()),
        Presented::Last => last.with(secret.tries()),
        Presented::Blocked => blocked.with(secret.tries()),
    }
}

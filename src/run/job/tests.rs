//! The spine over a card that is a plain struct, and a person who panics when asked under the lock.

mod challenge;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use zeroize::Zeroizing;

use super::*;
use crate::{
    input::{Destroy, Prompter, Source},
    ledger::Nowhere,
    policy::{Clause, Demands, Generator, Origin, Scope},
    secret::{Entry, Pin},
    token::{Ability, Application, Authority, Connection, Length, Need, Place, Reference, Text, Unit, Verb},
};

const ABILITIES: &[Ability] = &[
    Ability { verb: Verb::PinChange, by: None, commands: &["CHANGE"] },
    Ability { verb: Verb::PinVerify, by: None, commands: &["VERIFY"] },
    Ability { verb: Verb::PinReset, by: Some(Role::Puk), commands: &["RESET"] },
    Ability { verb: Verb::PinReset, by: Some(Role::Response), commands: &["CHALLENGE", "RESET"] },
];

/// A card of one PIN: what it does is written down, and how it fails is told.
struct FakeToken {
    pin: String,
    left: u8,
    /// What another program left: the survey sees no counter, only act finds out.
    hidden_left: Option<u8>,
    /// Says yes to a change and does nothing.
    lies: bool,
    /// How many challenges are lost before they are answered.
    loses: u8,
    log: Log,
}

type Log = Arc<Mutex<Vec<String>>>;

impl FakeToken {
    fn say(&self, what: &str) {
        self.log.lock().unwrap().push(what.to_owned());
    }

    fn present(&mut self, given: &Entry) -> Result<()> {
        let right = given.value().is_some_and(|pin| pin.bytes() == self.pin.as_bytes());
        if right {
            self.left = 3;
            return Ok(());
        }
        self.left -= 1;
        match self.left {
            0 => Err(Error::Blocked { role: Role::UserPin, now: true, detail: None }),
            left => {
                Err(Error::WrongSecret { role: Role::UserPin, retries: Retries::counted(left, None), detail: None })
            }
        }
    }
}

impl Token for FakeToken {
    fn survey(&mut self, _depth: Depth<'_>) -> Result<Survey> {
        self.say("survey");
        let reference = |role, retries| Reference {
            role,
            name: role.title(),
            key_reference: None,
            state: State::Ready,
            retries,
            default: None,
            length: Length { min: 4, max: Some(8), unit: Unit::Digits },
            current_length: None,
        };
        let seen = if self.hidden_left.is_some() { Retries::Unknown } else { Retries::counted(self.left, None) };
        let identity = Identity {
            application: Application::Piv,
            serial: None,
            label: Some(Text::from("desk-7")),
            manufacturer: None,
            model: None,
            place: Place::Reader(Text::from("R")),
            blank: false,
        };
        Ok(Survey::new(
            identity,
            vec![reference(Role::UserPin, seen), reference(Role::Puk, Retries::Unknown)],
            ABILITIES,
        ))
    }

    fn retries(&mut self, role: Role) -> Result<Retries> {
        self.say("counter");
        Ok(if role == Role::UserPin {
            Retries::counted(self.hidden_left.unwrap_or(self.left), None)
        } else {
            Retries::Unknown
        })
    }

    fn verify(&mut self, _role: Role, pin: &Entry) -> Result<()> {
        self.say("verify");
        self.present(pin)
    }

    fn change(&mut self, _role: Role, old: &Entry, new: &Entry) -> Result<()> {
        self.say("change");
        self.present(old)?;
        if !self.lies {
            self.pin = String::from_utf8(new.value().unwrap().bytes().to_vec()).unwrap();
        }
        Ok(())
    }

    fn challenge(&mut self) -> Result<Vec<u8>> {
        self.say("challenge");
        Ok(vec![self.loses; 8])
    }

    fn reset(&mut self, _role: Role, authority: Authority<'_>, new: &Entry) -> Result<()> {
        self.say("reset");
        if authority.role == Role::Response {
            self.say(std::str::from_utf8(authority.secret.value().unwrap().bytes()).unwrap());
            if self.loses > 0 {
                self.loses -= 1;
                return Err(Error::Stale);
            }
        }
        if self.lies {
            return Ok(());
        }
        self.left = 3;
        self.pin = String::from_utf8(new.value().unwrap().bytes().to_vec()).unwrap();
        Ok(())
    }

    fn prove(&mut self, _role: Role, pin: &Entry) -> Result<Proof> {
        self.say("prove");
        self.present(pin).map(|()| Proof::Proved)
    }
}

struct FakeConnection {
    token: FakeToken,
    open: Arc<AtomicBool>,
}

impl Connection for FakeConnection {
    fn transact(&mut self, _access: Access, work: &mut dyn FnMut(&mut dyn Token) -> Result<()>) -> Result<()> {
        self.token.say("[");
        self.open.store(true, Ordering::SeqCst);
        let done = work(&mut self.token);
        self.open.store(false, Ordering::SeqCst);
        self.token.say("]");
        done
    }
}

/// A person who types these answers, and panics when asked under the lock.
struct Person {
    answers: Vec<&'static str>,
    questions: Log,
    open: Arc<AtomicBool>,
}

impl Prompter for Person {
    fn secret(&mut self, question: &str) -> Result<Pin> {
        assert!(!self.open.load(Ordering::SeqCst), "nobody types while a transaction is open");
        self.questions.lock().unwrap().push(question.to_owned());
        match self.answers.is_empty() {
            true => Err(Error::Interrupted),
            false => Ok(Pin::take(Zeroizing::new(self.answers.remove(0).as_bytes().to_vec()))),
        }
    }

    fn word(&mut self, question: &str) -> Result<String> {
        self.secret(question).map(|pin| String::from_utf8(pin.bytes().to_vec()).unwrap())
    }

    fn tell(&mut self, sentence: &str) {
        self.questions.lock().unwrap().push(sentence.to_owned());
    }
}

struct Desk {
    token: FakeToken,
    orders: Orders,
    policy: Policy,
    answers: Vec<&'static str>,
    sources: BTreeMap<Need, Source>,
    dry_run: bool,
}

struct Done {
    result: Result<Report, Failure>,
    log: Vec<String>,
    questions: Vec<String>,
}

impl Desk {
    fn new() -> Self {
        let token =
            FakeToken { pin: "1234".into(), left: 3, hidden_left: None, lies: false, loses: 0, log: Log::default() };
        let (orders, policy) = (Orders::default(), Policy::default());
        Self { token, orders, policy, answers: vec![], sources: BTreeMap::new(), dry_run: false }
    }

    fn run(self, operation: &Operation) -> Done {
        let (open, questions, log) = (Arc::new(AtomicBool::new(false)), Log::default(), Arc::clone(&self.token.log));
        let person = Person { answers: self.answers, questions: Arc::clone(&questions), open: Arc::clone(&open) };
        let mut collector = Collector::new(self.sources, Some(Box::new(person)), Destroy::Ask);
        collector.read_ahead().unwrap();
        let job = Job {
            reference: None,
            render: Render { json: false, quiet: true, verbose: false },

            operation,
            orders: self.orders,
            policy: &self.policy,
            dry_run: self.dry_run,
            selector: "SEL".into(),
            collector: &mut collector,
            ledger: &mut Nowhere,
            interrupts: &Interrupts::default(),
        };
        let identity =
            FakeToken { pin: String::new(), left: 3, hidden_left: None, lies: false, loses: 0, log: Log::default() }
                .survey(Depth::Full)
                .unwrap()
                .identity;
        let found =
            Found { identity, abilities: ABILITIES, connection: Box::new(FakeConnection { token: self.token, open }) };
        let result = job.run(found);
        let told = |log: Log| std::mem::take(&mut *log.lock().unwrap());
        Done { result, log: told(log), questions: told(questions) }
    }
}

impl Done {
    fn error(&self) -> &Error {
        &self.result.as_ref().unwrap_err().error
    }
}

const CHANGE: Operation = Operation::Change { role: Role::UserPin };

#[test]
fn a_change_reads_the_counter_as_the_last_command_before_the_one_that_spends_and_proves_the_new_value() {
    let done = Desk { answers: vec!["1234", "5678", "5678"], ..Desk::new() }.run(&CHANGE);
    assert_eq!(done.log, ["[", "survey", "]", "[", "counter", "change", "prove", "]"]);
    let report = done.result.unwrap();
    assert_eq!((report.outcome, report.confirmed, report.at_least), (Some(Outcome::Changed), true, Some(3)));
}

#[test]
fn a_prompt_shows_the_token_and_the_tries_left() {
    let mut desk = Desk { answers: vec!["1234", "5678", "5678"], ..Desk::new() };
    desk.token.left = 2;
    let done = desk.run(&CHANGE);
    assert_eq!(done.questions.first().map(String::as_str), Some("PIN of desk-7 (2 tries left): "));
}

#[test]
fn a_token_that_says_yes_and_does_nothing_is_never_believed() {
    let mut desk = Desk { answers: vec!["1234", "5678", "5678"], ..Desk::new() };
    desk.token.lies = true;
    let done = desk.run(&CHANGE);
    assert_eq!(done.error().exit_code(), 11);
    let hint = done.result.unwrap_err().hint.unwrap();
    assert_eq!(hint.text(), "pukka pin verify --token 'SEL'");
}

#[test]
fn the_last_try_that_the_survey_sees_is_refused_before_anyone_is_asked() {
    let mut desk = Desk::new();
    desk.token.left = 1;
    let done = desk.run(&CHANGE);
    assert_eq!((done.error(), done.questions.len()), (&Error::LastTry { role: Role::UserPin }, 0));
    assert_eq!(done.log, ["[", "survey", "]"]);
}

#[test]
fn the_last_try_that_only_act_can_see_is_refused_before_it_is_spent() {
    let mut desk = Desk { answers: vec!["1234", "5678", "5678"], ..Desk::new() };
    desk.token.hidden_left = Some(1);
    let done = desk.run(&CHANGE);
    assert_eq!(done.error(), &Error::LastTry { role: Role::UserPin });
    assert_eq!(done.log, ["[", "survey", "]", "[", "counter", "]"]);
}

#[test]
fn a_last_try_that_the_policy_keeps_is_not_spent_though_the_call_allows_it_and_only_act_can_see_it() {
    let kept = Clause {
        origin: Origin { file: "FILE".into(), line: 3 },
        scope: Scope::default(),
        roles: [Role::UserPin].into(),
        demands: Demands::default(),
        common_pins: None,
        authorities: None,
        allow_last_try: Some(false),
        generate: Generator::default(),
        lines: BTreeMap::new(),
    };
    let mut desk = Desk { answers: vec!["1234", "5678", "5678"], ..Desk::new() };
    desk.token.hidden_left = Some(1);
    desk.orders.allow_last_try = vec![Role::UserPin];
    desk.policy.administrator = vec![kept];
    let done = desk.run(&CHANGE);
    assert_eq!(done.error(), &Error::LastTryForbidden { role: Role::UserPin, by: "FILE, line 3".into() });
    assert_eq!(done.log, ["[", "survey", "]", "[", "counter", "]"]);
}

#[test]
fn a_proof_is_not_made_while_only_one_try_is_left() {
    let mut desk = Desk { answers: vec!["1234", "5678", "5678"], ..Desk::new() };
    desk.token.hidden_left = Some(1); // and it stays so: a counter that a right value does not restore
    desk.orders.allow_last_try = vec![Role::UserPin];
    let done = desk.run(&CHANGE);
    assert!(!done.log.contains(&"prove".to_owned()), "{:?}", done.log);
    let report = done.result.unwrap();
    assert_eq!((report.outcome, report.confirmed), (Some(Outcome::Changed), false));
}

#[test]
fn a_wrong_pin_changes_nothing_and_is_not_proved() {
    let done = Desk { answers: vec!["9999", "5678", "5678"], ..Desk::new() }.run(&CHANGE);
    assert_eq!((done.error().exit_code(), done.error().tries_left()), (4, Some(2)));
    assert_eq!(done.log.last_chunk(), Some(&["change".to_owned(), "]".to_owned()]));
}

#[test]
fn a_person_who_gives_up_has_sent_nothing() {
    let done = Desk { answers: vec!["1234"], ..Desk::new() }.run(&CHANGE);
    assert_eq!(done.error(), &Error::Interrupted);
    assert_eq!(done.log, ["[", "survey", "]"]);
}

#[test]
fn a_dry_run_stops_before_acting_and_asks_nothing() {
    let done = Desk { dry_run: true, ..Desk::new() }.run(&CHANGE);
    assert_eq!((done.log, done.questions.len()), (vec!["[".into(), "survey".into(), "]".into()], 0));
    let report = done.result.unwrap();
    assert_eq!((report.outcome, report.plan.map(|plan| plan.needs().len())), (None, Some(2)));
}

#[test]
fn the_reference_that_a_reset_concerns_is_not_guarded_but_its_authority_is() {
    let mut desk = Desk { answers: vec!["12345678", "5678", "5678"], ..Desk::new() };
    desk.token.left = 1;
    let done = desk.run(&Operation::Reset { by: None });
    // The counter of the authority before, and of the new PIN after.
    assert_eq!(done.log, ["[", "survey", "]", "[", "counter", "reset", "counter", "prove", "]"]);
    let report = done.result.unwrap();
    assert_eq!((report.outcome, report.confirmed), (Some(Outcome::Reset), true));
    assert_eq!(report.retries, Retries::Left { left: 3, limit: None });
}

#[test]
fn the_proof_of_a_reset_that_was_only_claimed_does_not_spend_the_last_try() {
    let mut desk = Desk { answers: vec!["12345678", "5678", "5678"], ..Desk::new() };
    (desk.token.left, desk.token.lies) = (1, true);
    let done = desk.run(&Operation::Reset { by: None });
    assert!(!done.log.contains(&"prove".to_owned()), "{:?}", done.log);
    assert!(!done.result.unwrap().confirmed);
}

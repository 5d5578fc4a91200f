//! The tool killed at any moment: the token is never lost, and has its old value or its new one.

#![allow(clippy::print_stdout)] // The seed of a round that fails is what it takes to see it again.

use std::{
    thread,
    time::{Duration, Instant, SystemTime},
};

use crate::support::desk::{Desk, NEW, PIN, start};

/// How many rounds are run, in as many lanes, each with a token of its own, as a small machine has processors.
const ROUNDS: usize = 200;
const LANES: usize = 2;

/// Numbers that look random and come again with the same seed.
struct Dice(u64);

impl Dice {
    /// The seed is `PUKKA_TEST_SEED`, or of this moment; it is printed.
    fn new(lane: usize) -> Self {
        let now = || u64::from(SystemTime::UNIX_EPOCH.elapsed().unwrap().subsec_nanos());
        let seed = std::env::var("PUKKA_TEST_SEED").map_or_else(|_| now(), |seed| seed.parse().unwrap());
        println!("lane {lane}: PUKKA_TEST_SEED={seed}");
        Self(seed.wrapping_mul(2).wrapping_add(1).wrapping_add(lane as u64 * 0x9E37_79B9_7F4A_7C15))
    }

    /// Somewhere in `span`: of splitmix64.
    fn within(&mut self, span: Duration) -> Duration {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        span.mul_f64((mixed >> 11) as f64 / (1_u64 << 53) as f64)
    }
}

/// The store on a real file system: `/tmp` may be none.
fn lanes(work: impl Fn(&Desk, &mut Dice) -> [usize; 2] + Sync) -> [usize; 2] {
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES)
            .map(|lane| {
                scope.spawn({
                    let work = &work;
                    move || work(&Desk::on_disk(), &mut Dice::new(lane))
                })
            })
            .collect();
        lanes
            .into_iter()
            .map(|lane| lane.join().unwrap())
            .fold([0, 0], |sum, lane| [sum[0] + lane[0], sum[1] + lane[1]])
    })
}

/// Runs a call and kills it somewhere within `span`. Whether it was still running.
fn kill_somewhere(desk: &Desk, words: &str, dice: &mut Dice, span: &mut Duration) -> bool {
    let mut tool = start(desk.call(words));
    thread::sleep(dice.within(*span));
    let was_running = tool.try_wait().unwrap().is_none();
    let _ = tool.kill();
    tool.wait().unwrap();
    // A machine with other work is slower now and then: about one call in four is to have ended by itself.
    *span = span.mul_f64(if was_running { 1.01 } else { 0.97 });
    was_running
}

/// How long a call takes that nobody kills.
fn usual(desk: &Desk, words: &str, code: i32) -> Duration {
    let begin = Instant::now();
    desk.run(words).code(code);
    begin.elapsed()
}

#[test]
fn a_change_that_is_killed_leaves_the_old_pin_or_the_new_one() {
    let names = ["PIN", "NEW"];
    let [old, new] = lanes(|desk, dice| {
        let change = |from: usize| {
            format!("pin change --token desk-7 --pin env:{} --new-pin env:{} --no-input", names[from], names[1 - from])
        };
        // There and back, of which the first makes what is made once.
        usual(desk, &change(0), 0);
        let mut span = usual(desk, &change(1), 0);
        let (mut current, mut counts) = (0, [0, 0]);
        for round in 0..ROUNDS / LANES {
            let was_running = kill_somewhere(desk, &change(current), dice, &mut span);
            // Who comes next waits for the write to end.
            let verify = |which: usize| desk.run(&format!("pin verify --token desk-7 --pin env:{}", names[which]));
            let run = verify(1 - current);
            match run.code {
                0 => current = 1 - current,
                4 => drop(verify(current).code(0)),
                _ => panic!("round {round}: the token is lost: {run:?}"),
            }
            counts[usize::from(run.code == 0)] += usize::from(was_running);
        }
        assert!(desk.is_pin([PIN, NEW][current]), "another program finds the same");
        counts
    });
    println!("killed while it ran: {old} with the old PIN, {new} with the new one");
    assert!(old + new > ROUNDS / 2 && new > ROUNDS / 40, "the kills did not meet the call: {old}, {new}");
}

#[test]
fn a_wrong_try_that_is_killed_leaves_the_pin() {
    let [killed, _] = lanes(|desk, dice| {
        let wrong = "pin verify --token desk-7 --pin env:WRONG --no-input";
        usual(desk, wrong, 4);
        let mut span = usual(desk, wrong, 4);
        let mut killed = 0;
        for round in 0..ROUNDS / LANES {
            killed += usize::from(kill_somewhere(desk, wrong, dice, &mut span));
            let run = desk.run("pin verify --token desk-7 --pin env:PIN");
            assert_eq!(run.code, 0, "round {round}: {run:?}");
        }
        assert!(desk.is_pin(PIN));
        [killed, 0]
    });
    assert!(killed > ROUNDS / 2, "the kills did not meet the call: {killed}");
}

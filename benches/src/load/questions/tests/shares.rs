//! What a drawer draws, with a fixed seed.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::super::{Drawer, Kind, Mix, QuestionSet};
use super::set;
use zhengcha_engine::key::Mode;

const DRAWS: u32 = 200_000;

fn drawn(set: &QuestionSet, mix: &Mix) -> Vec<u32> {
    let drawer = Drawer::new(set, mix).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    (0..DRAWS).map(|_| drawer.next(&mut rng)).collect()
}

fn share(set: &QuestionSet, drawn: &[u32], is: impl Fn(usize) -> bool) -> f64 {
    let count = drawn.iter().filter(|&&number| is(number as usize)).count();
    assert!(drawn.iter().all(|&number| (number as usize) < set.questions.len()));
    count as f64 / drawn.len() as f64
}

#[test]
fn kinds_and_modes_come_by_their_weights() {
    let set = set();
    let mix = Mix {
        modes: [3.0, 0.0, 1.0, 0.0, 4.0, 2.0],
        kinds: [0.5, 0.2, 0.1, 0.15, 0.05],
        zipf: 0.8,
    };
    let drawn = drawn(&set, &mix);
    for (kind, right) in Kind::ALL.into_iter().zip(mix.kinds) {
        let share = share(&set, &drawn, |number| set.questions[number].kind == kind);
        assert!((share - right).abs() < 0.01, "{kind:?}: {share}");
    }
    for (mode, weight) in Mode::ALL.into_iter().zip(mix.modes) {
        let share = share(&set, &drawn, |number| set.questions[number].mode == mode);
        assert!((share - weight / 10.0).abs() < 0.01, "{mode:?}: {share}");
    }
}

#[test]
fn subjects_follow_the_law_of_zipf() {
    let set = set();
    for zipf in [0.0, 1.0, 1.4] {
        let modes = [0.0, 0.0, 1.0, 0.0, 0.0, 0.0];
        let mix = Mix { modes, kinds: [1.0, 0.0, 0.0, 0.0, 0.0], zipf };
        let drawn = drawn(&set, &mix);
        let all: f64 = (1..=200).map(|rank| f64::from(rank).powf(-zipf)).sum();
        for rank in [0u32, 1, 9, 99] {
            let right = (f64::from(rank) + 1.0).powf(-zipf) / all;
            let share = share(&set, &drawn, |number| set.questions[number].subject == rank);
            let tolerance = 5.0 * (right / f64::from(DRAWS)).sqrt();
            assert!((share - right).abs() < tolerance, "{zipf} {rank}: {share} {right}");
        }
    }
}

#[test]
fn a_mix_that_asks_nothing_is_refused() {
    let set = set();
    for mix in [
        Mix { kinds: [0.0; 5], ..Mix::default() },
        Mix { modes: [0.0; 6], ..Mix::default() },
        Mix { zipf: f64::NAN, ..Mix::default() },
        Mix { modes: [-1.0; 6], ..Mix::default() },
    ] {
        assert!(Drawer::new(&set, &mix).is_err(), "{mix:?}");
    }
    let empty = QuestionSet { questions: Vec::new(), ..set };
    assert!(Drawer::new(&empty, &Mix::default()).is_err());
}

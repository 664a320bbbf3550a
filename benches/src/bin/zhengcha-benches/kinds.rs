//! Weights of modes and kinds, as typed.

use anyhow::{Context, ensure};
use zhengcha_benches::load::questions::{Kind, Mix};
use zhengcha_engine::key::Mode;

/// The mix with what was typed, such as `IN=3,CN=1` and `hit=0.9,absent=0.1`; whatever is not named gets
/// no weight.
pub(crate) fn mix(modes: Option<&str>, kinds: Option<&str>, zipf: f64) -> anyhow::Result<Mix> {
    let mut mix = Mix { zipf, ..Mix::default() };
    if let Some(text) = modes {
        mix.modes = weights(text, &Mode::ALL.map(Mode::name)).context("--modes")?;
    }
    if let Some(text) = kinds {
        mix.kinds = weights(text, &Kind::ALL.map(Kind::name)).context("--kinds")?;
    }
    Ok(mix)
}

fn weights<const N: usize>(text: &str, names: &[&str; N]) -> anyhow::Result<[f64; N]> {
    let mut weights = [0.0; N];
    for part in text.split(',') {
        let form = || format!("`{part}` is not NAME=WEIGHT; the names are {}", names.join(", "));
        let (name, weight) = part.split_once('=').with_context(form)?;
        let place = names.iter().position(|one| one.eq_ignore_ascii_case(name.trim()));
        let weight: f64 = weight.trim().parse().ok().with_context(form)?;
        ensure!(weight.is_finite() && weight >= 0.0, "a weight is a number from 0 on: `{part}`");
        weights[place.with_context(form)?] = weight;
    }
    ensure!(weights.iter().sum::<f64>() > 0.0, "`{text}` leaves nothing to ask");
    Ok(weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_is_not_asked() {
        let typed = mix(Some("in=3,CN=1"), Some("hit=1"), 0.5).unwrap();
        assert_eq!(typed.modes.iter().sum::<f64>(), 4.0);
        assert_eq!(typed.modes[Mode::IN as usize], 3.0);
        assert_eq!(typed.kinds, [1.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(mix(None, None, 1.0).unwrap(), Mix::default());
        for wrong in ["IX=1", "IN", "IN=x", "IN=-1", "IN=0", ""] {
            assert!(mix(Some(wrong), None, 1.0).is_err(), "{wrong}");
        }
    }
}

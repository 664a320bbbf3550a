//! The public page in Debian's Chromium: with and without scripts, phone and desktop, keyboard, screen
//! reader tree, contrast, and pictures in `target/screenshots/`.

#![expect(clippy::unwrap_used, reason = "a step that fails fails its test")]

mod accessibility;
mod browser;
mod flows;
mod pictures;
mod site;

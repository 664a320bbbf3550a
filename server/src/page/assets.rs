//! The style, script and icon of the page, embedded and named by their content.
//!
//! Promises: an address never changes its bytes, so it may be kept for ever; addresses hold nothing but
//! the name and a hash. Knows nothing of the page's text.

use std::sync::LazyLock;

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

/// Nothing inline, nothing from elsewhere, never framed; the form goes back here and nowhere else.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
     img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Where the assets live on the public listener.
const PREFIX: &str = "/assets/";

/// One embedded file.
#[derive(Clone, Debug)]
pub struct Asset {
    /// Its address, hash included. May be cached for ever.
    pub path: String,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// The bytes, shared.
    pub body: Bytes,
}

impl Asset {
    fn new(stem: &str, ending: &str, content_type: &'static str, body: &'static [u8]) -> Self {
        Self {
            path: format!("{PREFIX}{stem}-{:016x}.{ending}", xxh3_64(body)),
            content_type,
            body: Bytes::from_static(body),
        }
    }
}

/// The three files of the page.
pub(super) struct Assets {
    pub(super) style: Asset,
    pub(super) script: Asset,
    pub(super) icon: Asset,
}

pub(super) static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    style: Asset::new("page", "css", "text/css; charset=utf-8", include_bytes!("assets/page.css")),
    script: Asset::new(
        "page",
        "js",
        "text/javascript; charset=utf-8",
        include_bytes!("assets/page.js"),
    ),
    icon: Asset::new("icon", "svg", "image/svg+xml", include_bytes!("assets/icon.svg")),
});

/// The embedded file at this path of the public listener, e.g. `/assets/page-0123456789abcdef.css`.
#[must_use]
pub fn asset(path: &str) -> Option<Asset> {
    let assets = &*ASSETS;
    [&assets.style, &assets.script, &assets.icon]
        .into_iter()
        .find(|asset| asset.path == path)
        .cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_is_found_under_its_hashed_name_only() {
        for known in [&ASSETS.style, &ASSETS.script, &ASSETS.icon] {
            let found = asset(&known.path).unwrap();
            assert_eq!(found.body, known.body);
            assert!(!found.body.is_empty());
            assert!(found.path.contains(&format!("{:016x}", xxh3_64(&found.body))));
        }
        for unknown in
            ["", "/", "/assets/", "/assets/page.css", "/assets/page-0000000000000000.css"]
        {
            assert!(asset(unknown).is_none(), "{unknown}");
        }
    }

    #[test]
    fn style_and_script_fetch_nothing() {
        for known in [&ASSETS.style, &ASSETS.script] {
            let text = std::str::from_utf8(&known.body).unwrap();
            for banned in ["http:", "https:", "url(", "@import", "fetch(", "eval(", "innerHTML"] {
                assert!(!text.contains(banned), "{} holds {banned}", known.path);
            }
        }
    }
}

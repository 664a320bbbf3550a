//! What one thread keeps from row to row: the certificate under construction, so that no row
//! allocates, and the texts of the columns that repeat.

use zhengcha_engine::Certificate;

use crate::layout::Layout;

/// Columns whose texts repeat: both of the occupation, both of the body.
const REPEATING: usize = 4;

/// Room for the judgement of one row after the other.
#[derive(Clone, Debug, Default)]
pub struct Workspace {
    pub(super) certificate: Certificate,
    layout: Option<Layout>,
    repeats: [Repeat; REPEATING],
}

/// The last text of a column. While it repeats, the certificate keeps its normal form.
#[derive(Clone, Debug, Default)]
pub(super) struct Repeat {
    /// As delivered.
    pub(super) delivered: String,
    /// Nothing was wrong with it.
    pub(super) is_sound: bool,
}

impl Workspace {
    /// The certificate to fill. What is right in one layout may be wrong in the other, so that a
    /// change of layout forgets everything.
    pub(super) fn for_layout(
        &mut self,
        layout: Layout,
    ) -> (&mut Certificate, &mut [Repeat; REPEATING]) {
        if self.layout.replace(layout) != Some(layout) {
            self.repeats = Default::default();
        }
        (&mut self.certificate, &mut self.repeats)
    }
}

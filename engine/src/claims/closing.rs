//! What must be done in the order of the stream: one deduction a person and year, counts, digest.

use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::bulk::{Counts, Judged};
use super::granted::{Grant, Granted};
use super::judge::Verdict;
use super::render::Output;

/// Puts judged chunks together. One for each stream.
pub struct Closing {
    output: Output,
    granted: Granted,
    granted_already: Vec<u8>,
    counts: Counts,
    digest: Sha256,
    new_grants: Vec<Grant>,
    keeps_new_grants: bool,
}

/// What a stream came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Claims by verdict.
    pub counts: Counts,
    /// The generation that answered.
    pub generation: u64,
    /// SHA-256 of all bytes before the summary, in 64 hexadecimal digits.
    pub digest: String,
}

impl Summary {
    /// The summary as a JSON object, without line breaks.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut fields = serde_json::Map::new();
        fields.insert("claims".to_owned(), self.counts.claims().into());
        for verdict in Verdict::ALL {
            fields.insert(verdict.name().to_owned(), self.counts.of(verdict).into());
        }
        fields.insert("generation".to_owned(), self.generation.into());
        fields.insert("digest".to_owned(), self.digest.clone().into());
        serde_json::Value::Object(fields).to_string()
    }
}

impl Closing {
    /// For a stream that is written like this. Grants beyond
    /// [`GRANTS_IN_MEMORY_MAX`](super::GRANTS_IN_MEMORY_MAX) go to temporary files without a name in
    /// `folder`.
    #[must_use]
    pub fn new(output: Output, folder: &Path) -> Self {
        Self {
            output,
            granted: Granted::new(folder),
            granted_already: output.granted_already(),
            counts: Counts::default(),
            digest: Sha256::new(),
            new_grants: Vec::new(),
            keeps_new_grants: false,
        }
    }

    /// What comes before the first verdict.
    pub fn head(&mut self) -> Vec<u8> {
        let head = self.output.head();
        self.digest.update(&head);
        head
    }

    /// The bytes of the next chunk.
    ///
    /// # Errors
    /// A temporary file cannot be written or read; the stream cannot go on then.
    pub fn take(&mut self, judged: Judged) -> io::Result<Vec<u8>> {
        let Judged { mut bytes, dues, counts } = judged;
        let mut patched: Option<Vec<u8>> = None;
        let mut copied = 0;
        for due in dues {
            if self.granted.take(due.grant)? {
                if self.keeps_new_grants {
                    self.new_grants.push(due.grant);
                }
                continue;
            }
            let patched = patched.get_or_insert_with(|| Vec::with_capacity(bytes.len() * 2));
            patched.extend_from_slice(&bytes[copied..due.tail.start]);
            patched.extend_from_slice(&self.granted_already);
            copied = due.tail.end;
        }
        if let Some(mut patched) = patched {
            patched.extend_from_slice(&bytes[copied..]);
            bytes = patched;
        }
        self.counts.add(&counts);
        self.digest.update(&bytes);
        Ok(bytes)
    }

    /// Claims so far by verdict.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// From here on, keeps what [`new_grants`](Self::new_grants) gives.
    pub fn keep_new_grants(&mut self) {
        self.keeps_new_grants = true;
    }

    /// The grants since this was last asked, for a journal.
    pub fn new_grants(&mut self) -> Vec<Grant> {
        std::mem::take(&mut self.new_grants)
    }

    /// Takes up a stream that was left: what was granted, counted and written before.
    ///
    /// # Errors
    /// A temporary file cannot be written.
    pub fn resume(
        &mut self,
        granted: impl IntoIterator<Item = Grant>,
        counts: Counts,
    ) -> io::Result<()> {
        for grant in granted {
            self.granted.take(grant)?;
        }
        self.counts.add(&counts);
        Ok(())
    }

    /// Bytes of the stream that were written before, in order.
    pub fn resume_bytes(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
    }

    /// The end of the stream: its last bytes, and the summary, which stands in them but for CSV.
    #[must_use]
    pub fn end(&self, generation: u64) -> (Vec<u8>, Summary) {
        let digest = self.digest.clone().finalize();
        let digest = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let summary = Summary { counts: self.counts, generation, digest };
        let mut last = Vec::new();
        if self.output.format != super::Format::Csv {
            last.extend_from_slice(b"{\"summary\":");
            last.extend_from_slice(summary.to_json().as_bytes());
            last.push(b'}');
        }
        last.extend_from_slice(self.output.foot());
        (last, summary)
    }
}

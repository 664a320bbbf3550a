//! What the judge lets pass and what not.

//! What is read again when an operator says so: certificates of both listeners, the file of partners.

use std::sync::Arc;

use crate::partner;
use crate::tls::Tls;

/// Reads the files again that are not looked at by themselves.
#[derive(Clone)]
pub struct Reloader {
    /// TLS of the public listener, where it does any.
    pub public_tls: Option<Arc<Tls>>,
    /// The files of the partner listener, where it is open.
    pub partners: Option<partner::Reloader>,
}

impl Reloader {
    /// Reads them now.
    pub fn reload(&self) {
        if let Some(tls) = &self.public_tls {
            tls.reload();
        }
        if let Some(partners) = &self.partners {
            partners.reload();
        }
    }
}

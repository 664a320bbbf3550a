//! Path and method to what is to be done: one table.
//!
//! Promises 404 for what is not there and 405 with `Allow` for the wrong method. Must not read bodies.

use hyper::Method;

use crate::problem::{Kind, Problem};

/// What a public request is for. Also the label of its metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// The page, empty or with an answer.
    Page,
    /// A query by a program.
    Query,
    /// What is being served.
    Status,
    /// The description of the interface.
    OpenApi,
    /// Style, script and icon of the page.
    Asset,
    /// Anything else.
    Unknown,
}

impl Route {
    /// Every route, in the order of their numbers.
    pub const ALL: [Self; 6] =
        [Self::Page, Self::Query, Self::Status, Self::OpenApi, Self::Asset, Self::Unknown];

    /// The name in metrics and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Query => "query",
            Self::Status => "status",
            Self::OpenApi => "openapi",
            Self::Asset => "asset",
            Self::Unknown => "unknown",
        }
    }

    /// The methods, as `Allow` lists them.
    fn allow(self) -> &'static str {
        match self {
            Self::Page => "GET, HEAD, POST",
            Self::Query => "POST",
            Self::Status | Self::OpenApi | Self::Asset => "GET, HEAD",
            Self::Unknown => "",
        }
    }

    fn at(path: &str) -> Self {
        match path {
            "/v1/query" => Self::Query,
            "/" => Self::Page,
            "/v1/status" => Self::Status,
            "/openapi.yaml" => Self::OpenApi,
            _ if crate::page::asset(path).is_some() => Self::Asset,
            _ => Self::Unknown,
        }
    }
}

/// The route of a request, and what is wrong with it where something is.
#[must_use]
pub fn route(method: &Method, path: &str) -> (Route, Option<Problem>) {
    let route = Route::at(path);
    if route == Route::Unknown {
        return (route, Some(Problem::from(Kind::NotFound)));
    }
    let allow = route.allow();
    if allow.split(", ").any(|allowed| allowed == method.as_str()) {
        return (route, None);
    }
    (route, Some(Problem { allow: Some(allow), ..Problem::from(Kind::MethodNotAllowed) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_gives_404_and_405() {
        let kind = |method: Method, path: &str| route(&method, path).1.map(|problem| problem.kind);
        for (method, path) in [
            (Method::GET, "/"),
            (Method::HEAD, "/"),
            (Method::POST, "/"),
            (Method::POST, "/v1/query"),
            (Method::GET, "/v1/status"),
            (Method::HEAD, "/openapi.yaml"),
        ] {
            assert_eq!(kind(method, path), None, "{path}");
        }
        for path in ["/v1", "/v1/query/", "//", "/V1/QUERY", "/metrics", "/healthz", "*", ""] {
            assert_eq!(kind(Method::GET, path), Some(Kind::NotFound), "{path}");
        }
        for (method, path, allow) in [
            (Method::GET, "/v1/query", "POST"),
            (Method::PUT, "/", "GET, HEAD, POST"),
            (Method::POST, "/v1/status", "GET, HEAD"),
            (Method::OPTIONS, "/openapi.yaml", "GET, HEAD"),
            (Method::from_bytes(b"GE").unwrap(), "/", "GET, HEAD, POST"),
        ] {
            let (_, problem) = route(&method, path);
            assert_eq!(problem.and_then(|problem| problem.allow), Some(allow), "{method} {path}");
        }
    }

    #[test]
    fn routes_are_numbered_in_order() {
        for (index, route) in Route::ALL.into_iter().enumerate() {
            assert_eq!(route as usize, index);
        }
    }
}

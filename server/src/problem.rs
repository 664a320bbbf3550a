//! Everything that can be wrong with a request, as RFC 9457 problem documents.
//!
//! A code never changes its meaning. The detail is for the person behind the program, in Chinese. No
//! problem repeats anything of the request but the name of a field.

use std::borrow::Cow;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hyper::StatusCode;
use zhengcha_engine::Field;

macro_rules! problems {
    ($( $variant:ident, $code:literal, $status:ident, $title:literal, $detail:literal; )*) => {
        /// A kind of problem.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kind { $( #[doc = $title] $variant, )* }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )* ];

            /// The stable code.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $( Self::$variant => $code, )* }
            }

            /// The HTTP status.
            #[must_use]
            pub fn status(self) -> StatusCode {
                match self { $( Self::$variant => StatusCode::$status, )* }
            }

            /// A short English title, the same for every problem of the kind.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $( Self::$variant => $title, )* }
            }

            /// What to do, in Chinese.
            #[must_use]
            pub fn detail(self) -> &'static str {
                match self { $( Self::$variant => $detail, )* }
            }
        }
    };
}

problems! {
    MissingHost, "missing-host", BAD_REQUEST, "Exactly one Host header is required",
        "请求必须带有且仅有一个 Host 头。";
    ConflictingLength, "conflicting-length", BAD_REQUEST,
        "Content-Length and Transfer-Encoding exclude each other",
        "请求不得同时带有 Content-Length 和 Transfer-Encoding。";
    InvalidBody, "invalid-body", BAD_REQUEST, "The body cannot be read",
        "请求体无法解析，应为 UTF-8 编码的 JSON 对象或表单。";
    UnknownField, "unknown-field", BAD_REQUEST, "The body has a field that does not exist",
        "请求中有未知的字段，可用字段为 id_number、certificate_number、ticket_number、name。";
    DuplicateField, "duplicate-field", BAD_REQUEST, "A field stands in the body twice",
        "同一字段在请求中出现了两次。";
    FieldNotText, "field-not-text", BAD_REQUEST, "A field is not text",
        "字段的值必须是文本；号码请加引号，以免丢失数字。";
    TwoFieldsRequired, "two-fields-required", BAD_REQUEST,
        "Exactly two of the four fields are required",
        "请填写证件号码、证书编号、准考证号、姓名四项中的任意两项。";
    FieldTooLong, "field-too-long", BAD_REQUEST, "A field is longer than any stored value",
        "字段内容过长。";
    FieldUnusable, "field-unusable", BAD_REQUEST, "A field holds characters it cannot have",
        "字段含有不可能出现的字符。";
    InvalidClaims, "invalid-claims", BAD_REQUEST, "The claims cannot be read",
        "待核验数据无法读取。";
    Unauthorized, "unauthorized", UNAUTHORIZED, "A token or a registered client certificate is required",
        "请在 Authorization 头中提供有效的令牌（Bearer），或使用已登记的客户端证书。";
    Forbidden, "forbidden", FORBIDDEN, "The token is not valid today or from this address",
        "令牌已过有效期，或不允许从该地址使用。";
    NotFound, "not-found", NOT_FOUND, "There is nothing under this path", "没有这个地址。";
    MethodNotAllowed, "method-not-allowed", METHOD_NOT_ALLOWED,
        "The path does not take this method", "该地址不支持这种请求方法。";
    BodyTimeout, "body-timeout", REQUEST_TIMEOUT, "The body took too long to arrive",
        "请求体未能在限定时间内送达。";
    BodyTooLarge, "body-too-large", PAYLOAD_TOO_LARGE, "The body is larger than allowed",
        "请求体超过了大小限制。";
    UnsupportedMediaType, "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE,
        "The body has a type that is not taken here",
        "请求体应为 application/json 或 application/x-www-form-urlencoded，且不得压缩。";
    TooManyRequests, "too-many-requests", TOO_MANY_REQUESTS, "Too many queries",
        "查询过于频繁，请稍后再试。";
    QuotaExceeded, "quota-exceeded", TOO_MANY_REQUESTS, "The claims of this day are used up",
        "今日核验额度已用完，北京时间零点后恢复。";
    Overloaded, "overloaded", SERVICE_UNAVAILABLE, "Too much to do at the moment",
        "服务繁忙，请稍后再试。";
    NotReady, "not-ready", SERVICE_UNAVAILABLE, "There are no data to answer from yet",
        "数据尚未就绪，请稍后再试。";
    PartnersUnavailable, "partners-unavailable", SERVICE_UNAVAILABLE,
        "The list of partners cannot be read; the log says why",
        "合作单位名单暂时无法读取，请稍后再试。";
    ReloadRefused, "reload-refused", SERVICE_UNAVAILABLE,
        "The store could not be taken up; the log says why",
        "新数据未能载入，原因见日志；原有数据继续提供服务。";
    Internal, "internal", INTERNAL_SERVER_ERROR, "The request failed inside the server",
        "服务内部错误。";
    HttpVersion, "http-version", HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.1 is required here",
        "该地址需要 HTTP/1.1：旧版本无法识别被截断的结果。";
}

/// One problem with one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong.
    pub kind: Kind,
    /// The field that is wrong, where it is one.
    pub field: Option<Field>,
    /// What to do, where more can be said than the kind says.
    pub detail: Option<Cow<'static, str>>,
    /// When to try again.
    pub retry_after_seconds: Option<u64>,
    /// What the path does take, for the `Allow` header.
    pub allow: Option<&'static str>,
    /// Whether the connection cannot be used any further.
    pub closes: bool,
}

/// Seconds after which a shed client may try again.
pub const RETRY_AFTER_SECONDS: u64 = 1;

impl From<Kind> for Problem {
    fn from(kind: Kind) -> Self {
        let retry = kind.status() == StatusCode::SERVICE_UNAVAILABLE;
        Self {
            kind,
            field: None,
            detail: None,
            retry_after_seconds: retry.then_some(RETRY_AFTER_SECONDS),
            allow: None,
            closes: matches!(
                kind,
                Kind::MissingHost
                    | Kind::ConflictingLength
                    | Kind::BodyTimeout
                    | Kind::BodyTooLarge
            ),
        }
    }
}

impl Problem {
    /// A problem with one field.
    #[must_use]
    pub fn with_field(kind: Kind, field: Field) -> Self {
        Self { field: Some(field), ..Self::from(kind) }
    }

    /// A problem of which more can be said; nothing of what the client sent.
    #[must_use]
    pub fn with_detail(kind: Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { detail: Some(detail.into()), ..Self::from(kind) }
    }

    /// The document.
    #[must_use]
    pub fn body(&self, request_id: &str) -> Bytes {
        let mut document = serde_json::json!({
            "type": format!("/problems/{}", self.kind.code()),
            "title": self.kind.title(),
            "status": self.kind.status().as_u16(),
            "detail": self.detail.as_deref().unwrap_or(self.kind.detail()),
            "code": self.kind.code(),
            "request_id": request_id,
        });
        if let Some(field) = self.field {
            let error = serde_json::json!({ "pointer": format!("/{}", field.name()) });
            document["errors"] = serde_json::Value::Array(vec![error]);
        }
        Bytes::from(document.to_string())
    }
}

/// The most characters of a request id that is taken over from the client.
pub const REQUEST_ID_CHARACTERS_MAX: usize = 64;

/// The client's request id, when it is one that can safely stand in logs and headers.
#[must_use]
pub fn accepted_request_id(value: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(value).ok()?;
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let fits = !text.is_empty() && text.len() <= REQUEST_ID_CHARACTERS_MAX;
    (fits && text.bytes().all(good)).then_some(text)
}

/// A request id for a problem whose client sent none.
#[must_use]
pub fn made_request_id() -> String {
    static START: LazyLock<u64> = LazyLock::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_nanos() & u128::from(u64::MAX)).unwrap_or_default()
    });
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{:016x}-{:x}", *START, COUNT.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_distinct_and_details_chinese() {
        let codes: HashSet<_> = Kind::ALL.iter().map(|kind| kind.code()).collect();
        assert_eq!(codes.len(), Kind::ALL.len());
        for kind in Kind::ALL {
            assert!(kind.status().is_client_error() || kind.status().is_server_error());
            assert!(kind.detail().ends_with('。'), "{kind:?}");
        }
    }

    #[test]
    fn a_problem_names_the_field_and_nothing_else() {
        let problem = Problem::with_field(Kind::FieldTooLong, Field::Name);
        let document: serde_json::Value = serde_json::from_slice(&problem.body("r-1")).unwrap();
        assert_eq!(document["code"], "field-too-long");
        assert_eq!(document["status"], 400);
        assert_eq!(document["request_id"], "r-1");
        assert_eq!(document["errors"][0]["pointer"], "/name");
    }

    #[test]
    fn every_document_lists_every_code() {
        let api = include_str!("../docs/API.md");
        let openapi = include_str!("../openapi.yaml");
        for kind in Kind::ALL {
            let row = format!("| `{}` | {} |", kind.code(), kind.status().as_u16());
            assert!(api.contains(&row), "docs/API.md lacks {row}");
            let item = format!("- {}\n", kind.code());
            assert!(openapi.contains(&item), "openapi.yaml lacks {item}");
        }
    }

    #[test]
    fn request_ids_are_taken_only_when_well_formed() {
        let accepted = |text: &str| accepted_request_id(text.as_bytes()).map(str::to_owned);
        assert_eq!(accepted("a-B_9.z"), Some("a-B_9.z".to_owned()));
        let longest = "a".repeat(REQUEST_ID_CHARACTERS_MAX);
        assert_eq!(accepted(&longest), Some(longest.clone()));
        for bad in ["", "a b", "a\"b", "证", &format!("{longest}a")] {
            assert_eq!(accepted(bad), None, "{bad}");
        }
        assert_ne!(made_request_id(), made_request_id());
    }
}

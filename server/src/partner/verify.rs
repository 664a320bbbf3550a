//! `POST /v1/verify`: what kind of claims come, and how their verdicts are to go.
//!
//! Verdicts go in the type in which claims come. Must not read the body: that is for `stream`.

use std::sync::Arc;
use std::time::Instant;

use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Response, Version};
use zhengcha_engine::claims::{Charset, Format, Output};

use super::account::{Moment, NoPlace, StreamPlace};
use super::body::Body;
use super::listen::Connection;
use super::service::{Guest, quota_exceeded};
use super::source::linger;
use super::stream;
use crate::problem::{Kind, Problem, RETRY_AFTER_SECONDS, made_request_id};

/// The trailer in which the summary of a CSV stands.
pub(crate) const SUMMARY_TRAILER: HeaderName = HeaderName::from_static("zhengcha-summary");
/// The id under which the log knows a stream. Not what a client calls its request: that could be a
/// person's number.
const STREAM_ID: HeaderName = HeaderName::from_static("zhengcha-stream");

const TYPE_DETAIL: &str = "请求体应为 application/x-ndjson、text/csv 或 application/json；CSV 的 charset 可为 \
                           utf-8 或 gb18030，JSON 一律为 UTF-8。";
const STREAMS_DETAIL: &str = "该单位同时进行的核验已达上限，请稍后再试。";
const CODING_DETAIL: &str = "请求体只能不压缩，或用 Content-Encoding: gzip 压缩。";

/// How claims come and verdicts go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// How the claims are written, and the verdicts.
    pub(crate) format: Format,
    /// The charset of the claims.
    pub(crate) charset: Charset,
    /// The charset of the verdicts.
    pub(crate) answer_charset: Charset,
    /// Whether the claims are folded.
    pub(crate) is_gzip: bool,
    /// Whether the verdicts are to be folded.
    pub(crate) answers_gzip: bool,
}

impl Plan {
    /// What the headers ask for.
    fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let refused = |detail| Problem::with_detail(Kind::UnsupportedMediaType, detail);
        let mut types = headers.get_all(header::CONTENT_TYPE).iter();
        let (Some(value), None) = (types.next(), types.next()) else {
            return Err(refused(TYPE_DETAIL));
        };
        let text = value.to_str().map_err(|_| refused(TYPE_DETAIL))?;
        let media = MediaType::parse(text);
        let format = media.format().ok_or_else(|| refused(TYPE_DETAIL))?;
        let charset = match media.charset {
            None => Charset::Utf8,
            Some(name) => charset_named(name).ok_or_else(|| refused(TYPE_DETAIL))?,
        };
        if charset != Charset::Utf8 && format != Format::Csv {
            return Err(refused(TYPE_DETAIL));
        }
        let answer_charset = match format {
            Format::Csv => asked_charset(headers).unwrap_or(charset),
            Format::Ndjson | Format::Array => Charset::Utf8,
        };
        let is_gzip = match headers.get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes) {
            None => false,
            Some(coding) if coding.eq_ignore_ascii_case(b"identity") => false,
            Some(coding) if is_gzip(coding) => true,
            Some(_) => return Err(refused(CODING_DETAIL)),
        };
        if headers.get_all(header::CONTENT_ENCODING).iter().count() > 1 {
            return Err(refused(CODING_DETAIL));
        }
        Ok(Self { format, charset, answer_charset, is_gzip, answers_gzip: takes_gzip(headers) })
    }

    /// How verdicts are written.
    pub(crate) fn output(self) -> Output {
        Output { format: self.format, charset: self.answer_charset }
    }

    fn content_type(self) -> &'static str {
        match (self.format, self.answer_charset) {
            (Format::Ndjson, _) => "application/x-ndjson",
            (Format::Array, _) => "application/json",
            (Format::Csv, Charset::Utf8) => "text/csv; charset=utf-8",
            (Format::Csv, Charset::Gb18030) => "text/csv; charset=gb18030",
        }
    }
}

/// A media type with the one parameter that matters here.
struct MediaType<'h> {
    essence: &'h str,
    charset: Option<&'h str>,
}

impl<'h> MediaType<'h> {
    fn parse(text: &'h str) -> Self {
        let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
        let charset = parameters.split(';').find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            let value = value.trim().trim_matches('"');
            name.trim().eq_ignore_ascii_case("charset").then_some(value)
        });
        Self { essence: essence.trim(), charset }
    }

    fn format(&self) -> Option<Format> {
        let is = |name: &str| self.essence.eq_ignore_ascii_case(name);
        if is("application/x-ndjson") || is("application/ndjson") {
            Some(Format::Ndjson)
        } else if is("text/csv") {
            Some(Format::Csv)
        } else if is("application/json") {
            Some(Format::Array)
        } else {
            None
        }
    }
}

/// GBK and GB 2312 are parts of GB 18030.
fn charset_named(name: &str) -> Option<Charset> {
    let is = |known: &str| name.eq_ignore_ascii_case(known);
    if is("utf-8") || is("utf8") {
        Some(Charset::Utf8)
    } else if is("gb18030") || is("gbk") || is("gb2312") {
        Some(Charset::Gb18030)
    } else {
        None
    }
}

/// The charset that `Accept` names beside CSV.
fn asked_charset(headers: &HeaderMap) -> Option<Charset> {
    let ranges = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    ranges.flat_map(|value| value.split(',')).find_map(|range| {
        let media = MediaType::parse(range);
        (media.format() == Some(Format::Csv)).then(|| charset_named(media.charset?)).flatten()
    })
}

fn is_gzip(coding: &[u8]) -> bool {
    coding.eq_ignore_ascii_case(b"gzip") || coding.eq_ignore_ascii_case(b"x-gzip")
}

/// Whether `Accept-Encoding` allows gzip.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    let items = values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let mut allowed = false;
    for item in items {
        let (coding, quality) = item.split_once(';').unwrap_or((item, ""));
        let quality = quality.trim().strip_prefix("q=").and_then(|text| text.parse::<f32>().ok());
        let is_wanted = quality.is_none_or(|quality| quality > 0.0);
        let coding = coding.trim();
        if is_gzip(coding.as_bytes()) {
            return is_wanted;
        }
        allowed |= coding == "*" && is_wanted;
    }
    allowed
}

/// Whether there may be a stream, of what kind, and its place.
fn admit(
    connection: &Connection,
    guest: &Guest,
    head: &Parts,
) -> Result<(Plan, StreamPlace), Problem> {
    if head.version != Version::HTTP_11 {
        return Err(Kind::HttpVersion.into());
    }
    let plan = Plan::of(&head.headers)?;
    let now = Moment::now();
    if !guest.account.has_left(guest.partner.daily_quota, now) {
        return Err(quota_exceeded(now));
    }
    let desk = &connection.desk;
    let (total, each) =
        (desk.limits.partner_streams_max, desk.limits.partner_streams_per_partner_max);
    let place = desk.accounts.stream(&guest.account, total, each);
    let place = place.map_err(|no_place| match no_place {
        NoPlace::Server => Problem::from(Kind::Overloaded),
        NoPlace::Partner => Problem {
            retry_after_seconds: Some(RETRY_AFTER_SECONDS),
            ..Problem::with_detail(Kind::TooManyRequests, STREAMS_DETAIL)
        },
    })?;
    Ok((plan, place))
}

/// Begins a stream; its answer begins with the first verdict.
pub(crate) async fn verify(
    connection: &Arc<Connection>,
    guest: Guest,
    head: &Parts,
    body: Incoming,
) -> Result<Response<Body>, Problem> {
    // What is left of the body is not judged any more.
    let closes = |problem: Problem| Problem { closes: true, ..problem };
    let (plan, place) = match admit(connection, &guest, head) {
        Ok(admitted) => admitted,
        Err(problem) => {
            linger(&head.headers, body);
            return Err(closes(problem));
        }
    };
    let id = made_request_id();
    connection.wire.stream_begins(Instant::now());
    let pieces = match stream::begin(connection, guest, plan, place, id.clone(), body).await {
        Ok(pieces) => pieces,
        Err((problem, body)) => {
            if let Some(body) = body {
                linger(&head.headers, body);
            }
            return Err(closes(problem));
        }
    };
    let mut reply = Response::new(Body::Stream(pieces));
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(plan.content_type()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::VARY, HeaderValue::from_static("accept, accept-encoding"));
    if plan.answers_gzip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    if plan.format == Format::Csv {
        headers.insert(header::TRAILER, HeaderValue::from_static("Zhengcha-Summary"));
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(STREAM_ID, id);
    }
    Ok(reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(headers: &[(HeaderName, &'static str)]) -> Result<Plan, Kind> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_static(value));
        }
        Plan::of(&map).map_err(|problem| problem.kind)
    }

    #[test]
    fn types_and_charsets() {
        let of =
            |value| plan(&[(header::CONTENT_TYPE, value)]).map(|plan| (plan.format, plan.charset));
        assert_eq!(of("application/x-ndjson"), Ok((Format::Ndjson, Charset::Utf8)));
        assert_eq!(of("Application/JSON; charset=UTF-8"), Ok((Format::Array, Charset::Utf8)));
        assert_eq!(of("text/csv"), Ok((Format::Csv, Charset::Utf8)));
        assert_eq!(
            of("text/csv; header=present; charset=\"GBK\""),
            Ok((Format::Csv, Charset::Gb18030))
        );
        for bad in ["", "text/plain", "text/csv; charset=big5", "application/json; charset=gb18030"]
        {
            assert_eq!(of(bad), Err(Kind::UnsupportedMediaType), "{bad}");
        }
        assert_eq!(plan(&[]), Err(Kind::UnsupportedMediaType));
    }

    #[test]
    fn the_answer_is_in_the_charset_asked_or_else_in_that_of_the_claims() {
        let of = |content_type, accept| {
            let headers = [(header::CONTENT_TYPE, content_type), (header::ACCEPT, accept)];
            plan(&headers).map(|plan| plan.answer_charset)
        };
        assert_eq!(of("text/csv", "text/csv; charset=gb18030"), Ok(Charset::Gb18030));
        assert_eq!(of("text/csv; charset=gbk", "*/*"), Ok(Charset::Gb18030));
        assert_eq!(
            of("text/csv; charset=gbk", "text/html, text/csv;charset=utf-8"),
            Ok(Charset::Utf8)
        );
        assert_eq!(of("application/json", "text/csv; charset=gb18030"), Ok(Charset::Utf8));
    }

    #[test]
    fn codings() {
        let coded = |coding| {
            plan(&[(header::CONTENT_TYPE, "text/csv"), (header::CONTENT_ENCODING, coding)])
                .map(|plan| plan.is_gzip)
        };
        assert_eq!(coded("gzip"), Ok(true));
        assert_eq!(coded("identity"), Ok(false));
        assert_eq!(coded("br"), Err(Kind::UnsupportedMediaType));
        assert_eq!(coded("gzip, gzip"), Err(Kind::UnsupportedMediaType));
        let accepts = |value| {
            plan(&[(header::CONTENT_TYPE, "text/csv"), (header::ACCEPT_ENCODING, value)])
                .map(|plan| plan.answers_gzip)
        };
        for (value, expected) in [
            ("gzip", true),
            ("br, gzip;q=0.5", true),
            ("*", true),
            ("gzip;q=0, *", false),
            ("identity", false),
            ("", false),
        ] {
            assert_eq!(accepts(value), Ok(expected), "{value}");
        }
    }
}

//! The product on a generated store, with every limit and timer armed and none in the way.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Parser;
use zhengcha_benches::stores::query_body;
use zhengcha_engine::{Certificate, Date, IdType, Store, testing};
use zhengcha_server::cli::Cli;
use zhengcha_server::{Config, Options, Server};

/// Bodies that wrk sends in turn.
const BODIES: u32 = 2_000;
/// One address makes all requests here: a budget that it cannot use up keeps the limiter at work.
const BUDGET: &str = "60000000000";

const SURNAMES: [&str; 10] = ["王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴"];
const GIVEN: [&str; 10] = ["伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋"];

/// One invented certificate for each number.
fn certificate(number: u32) -> Certificate {
    let digit = |power: u32| (number / 10u32.pow(power) % 10) as usize;
    Certificate {
        name: format!("{}{}{}", SURNAMES[digit(0)], GIVEN[digit(1)], GIVEN[digit(2)]),
        gender: Some(1 + (number % 2) as u8),
        birth_date: Date::new(1970, 1, 1),
        education: Some(93),
        issue_date: Date::new(2015, 1 + (number % 12) as u16 as u8, 15),
        certificate_number: format!("1001{:02}{:010}", number % 20, number),
        id_number: format!("X{number:09}"),
        id_type: IdType::Passport,
        ticket_number: format!("{number:012}"),
        occupation_code: "6-04-01-01".to_owned(),
        occupation_name: "车工".to_owned(),
        level: Some(4),
        theory_score: Some(848),
        skill_score: Some(858),
        review_score: None,
        grade: Some(2),
        institution: "某市职业技能鉴定指导中心".to_owned(),
        issuer: "某市人力资源和社会保障局".to_owned(),
    }
}

/// Publishes a store and gives the bodies that ask for some of it.
pub(crate) fn build_store(folder: &Path, records: u32) -> anyhow::Result<Vec<String>> {
    testing::publish(&Store::new(folder), (0..records).map(certificate))?;
    // Spread over the store by a step that shares no factor with most sizes.
    let asked = (0..BODIES).map(|index| certificate(index.wrapping_mul(7_919) % records));
    Ok(asked.map(|certificate| query_body(&certificate)).collect())
}

/// Serves until killed.
pub(crate) fn serve(store: PathBuf, workers: usize) -> anyhow::Result<()> {
    let cli = Cli::try_parse_from([
        "zhengcha-server",
        "--listen=127.0.0.1:0",
        "--admin-listen=127.0.0.1:0",
        &format!("--workers={workers}"),
        &format!("--address-queries-per-minute={BUDGET}"),
        &format!("--address-queries-burst={BUDGET}"),
        "--connections-per-address-max=4096",
    ])?;
    let config = Config { store, ..Config::from_cli(&cli)? };
    let server = Server::start(&config, Options::default())?;
    let address = server.public_address();
    let any = r#"{"certificate_number":"1","name":"a"}"#;
    while ask(address, any).is_ok_and(|answer| answer.starts_with("HTTP/1.1 503")) {
        std::thread::sleep(Duration::from_millis(10));
    }
    println!("{address}");
    std::io::stdout().flush()?;
    server.join();
    Ok(())
}

/// Asks every body once, and gives the size of the answers.
pub(crate) fn check(address: SocketAddr, bodies: &[String]) -> anyhow::Result<usize> {
    let mut bytes = 0;
    for body in bodies {
        let answer = ask(address, body)?;
        let (_, json) = answer.split_once("\r\n\r\n").context("no answer")?;
        ensure!(json.contains("\"count\":1,"), "not found: {body}");
        bytes += json.len();
    }
    Ok(bytes / bodies.len())
}

fn ask(address: SocketAddr, body: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "POST /v1/query HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

use crate::wire::{get, get_with, try_request};
use bifocal_core::Ecosystem;
use bifocal_testkit::{Auth, Fault, NpmPackage, RedirectTo, Upstream};
use std::io::Read as _;
use std::time::Duration;

fn pad() -> (Upstream, String, Vec<u8>) {
    let upstream = Upstream::start();
    // Digits that do not compress, so that the tarball has some length.
    let text: String = (0..3000_u64).map(|n| format!("{:x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    let pad = NpmPackage::new("pad", "1.0.0").file("data.txt", text).build();
    let bytes = pad.artifact().bytes().to_vec();
    upstream.publish(pad);
    let url = format!("{}pad/-/pad-1.0.0.tgz", upstream.npm_url());
    (upstream, url, bytes)
}

#[test]
fn a_status_comes_as_often_as_it_was_asked_for() {
    let (upstream, url, bytes) = pad();
    upstream.fault("/npm/*.tgz", Fault::status_retry_after(503, "2").times(2));
    let answers: Vec<_> = (0..3).map(|_| get(&url)).collect();
    assert_eq!(answers.iter().map(|one| one.status).collect::<Vec<_>>(), [503, 503, 200]);
    assert_eq!(answers[0].header("retry-after"), Some("2"));
    assert_eq!(answers[2].body, bytes);
    assert_eq!(upstream.requests("/npm/*").iter().map(|one| one.status).collect::<Vec<_>>(), [503, 503, 200]);
}

#[test]
fn a_cut_body_claims_its_full_length_and_can_be_resumed() {
    let (upstream, url, bytes) = pad();
    upstream.fault("/npm/*.tgz", Fault::truncate(100).once());
    let cut = get(&url);
    assert!(cut.cut && cut.body == bytes[..100], "{} bytes", cut.body.len());
    let rest = get_with(&url, &[("Range", "bytes=100-"), ("If-Range", cut.header("etag").unwrap())]);
    assert_eq!((rest.status, rest.header("content-range")), (206, Some(&*format!("bytes 100-{}/{}", bytes.len() - 1, bytes.len()))));
    assert_eq!([cut.body, rest.body].concat(), bytes);
    assert_eq!(get_with(&url, &[("Range", "bytes=999999999-")]).status, 416);
    upstream.configure(|serving| serving.range = false);
    assert_eq!(get_with(&url, &[("Range", "bytes=100-")]).status, 200);
}

#[test]
fn a_flipped_byte_keeps_the_length() {
    let (upstream, url, bytes) = pad();
    upstream.fault("/npm/*.tgz", Fault::flip_byte(5));
    let wrong = get(&url).body;
    assert_eq!(wrong.len(), bytes.len());
    assert_eq!(wrong.iter().zip(&bytes).filter(|(a, b)| a != b).count(), 1);
}

#[test]
fn a_dropped_connection_gives_no_answer_and_a_stopped_server_no_connection() {
    let (upstream, url, _) = pad();
    upstream.fault("*", Fault::drop_connection().once());
    assert!(try_request("GET", &url, &[], b"").is_err());
    assert_eq!(get(&url).status, 200);
    upstream.stop();
    assert_eq!(try_request("GET", &url, &[], b"").unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
    upstream.restart();
    assert_eq!(get(&url).status, 200);
    assert!(try_request("GET", &format!("{}/x", bifocal_testkit::refused_url()), &[], b"").is_err());
}

#[test]
fn redirects_lead_where_they_say() {
    let (upstream, url, bytes) = pad();
    // Credentials are the main listener's business only.
    upstream.require_auth(Ecosystem::Npm, Auth::bearer("t0ken"));
    let token = [("Authorization", "Bearer t0ken")];
    let path = url.strip_prefix(upstream.url()).unwrap().to_owned();
    for (to, start) in [
        (RedirectTo::SameHost, format!("{}/moved", upstream.url())),
        (RedirectTo::OtherPort, upstream.elsewhere_url()),
        (RedirectTo::OtherHost, upstream.elsewhere_url().replace("127.0.0.1", "localhost")),
    ] {
        upstream.fault("/npm/*.tgz", Fault::redirect(to).once());
        let answer = get(&url);
        let location = answer.header("location").unwrap().to_owned();
        assert_eq!((answer.status, &location), (302, &format!("{start}{path}")));
        let own = location.starts_with(upstream.url());
        let followed = get_with(&location.replace("localhost", "127.0.0.1"), if own { &token } else { &[] });
        assert_eq!(followed.body, bytes);
    }
    assert_eq!(upstream.log().iter().filter(|access| access.elsewhere).count(), 2);
    upstream.fault("/npm/*.tgz", Fault::redirect(RedirectTo::Itself));
    assert_eq!(get(&url).header("location"), Some(&*url));
}

#[test]
fn slow_endless_and_exploding_bodies() {
    let (upstream, url, bytes) = pad();
    upstream.fault("/npm/*.tgz", Fault::drip(4096, Duration::from_millis(1)).and(Fault::delay(Duration::from_millis(1))).once());
    upstream.fault("/npm/*.tgz", Fault::delay_after(10, Duration::from_millis(1)).once());
    assert_eq!(get(&url).body, bytes);
    assert_eq!(get(&url).body, bytes);
    upstream.clear_faults().fault("/npm/pad", Fault::endless());
    // The test's client stops reading after 8 MiB.
    assert_eq!(get(&format!("{}pad", upstream.npm_url())).body.len(), 8 << 20);
    upstream.clear_faults().fault("/npm/pad", Fault::gzip_bomb(32 << 20));
    let bomb = get(&format!("{}pad", upstream.npm_url()));
    assert_eq!(bomb.header("content-encoding"), Some("gzip"));
    let mut size = 0;
    let mut decoder = flate2::read::GzDecoder::new(bomb.body.as_slice());
    let mut buffer = [0; 65536];
    while let Ok(read @ 1..) = decoder.read(&mut buffer) {
        size += read;
    }
    assert_eq!(size, 32 << 20);
}

#[test]
fn wrong_types_and_broken_documents() {
    let (upstream, _, _) = pad();
    let url = format!("{}pad", upstream.npm_url());
    upstream.fault("/npm/pad", Fault::content_type("text/html").once());
    upstream.fault("/npm/pad", Fault::invalid_json().once());
    upstream.fault("/npm/pad", Fault::body("application/json", "[]").once());
    assert_eq!(get(&url).header("content-type"), Some("text/html"));
    assert!(serde_json::from_slice::<serde_json::Value>(&get(&url).body).is_err());
    assert_eq!(get(&url).json(), serde_json::json!([]));
}

#[test]
fn a_gate_holds_a_request_until_it_is_opened() {
    let (upstream, url, bytes) = pad();
    let (fault, gate) = Fault::gate();
    upstream.fault("/npm/*.tgz", fault);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| get(&url).body);
        assert!(upstream.wait_for("/npm/*.tgz", 1, Duration::from_secs(20)));
        assert_eq!(upstream.requests("/npm/*.tgz")[0].status, 0);
        gate.open();
        assert_eq!(waiting.join().unwrap(), bytes);
    });
}

#[test]
fn validators_and_compression_can_be_switched_off() {
    let (upstream, _, _) = pad();
    let url = format!("{}pad", upstream.npm_url());
    let first = get_with(&url, &[("Accept-Encoding", "gzip")]);
    assert_eq!(first.header("content-encoding"), Some("gzip"));
    let etag = first.header("etag").unwrap();
    assert_eq!(get_with(&url, &[("If-None-Match", etag)]).status, 304);
    upstream.publish(NpmPackage::new("pad", "1.0.1"));
    assert_eq!(get_with(&url, &[("If-None-Match", etag)]).status, 200);
    upstream.configure(|serving| (serving.etag, serving.gzip) = (false, false));
    let bare = get_with(&url, &[("Accept-Encoding", "gzip")]);
    assert_eq!((bare.header("etag"), bare.header("content-encoding")), (None, None));
}

#[test]
fn credentials_are_demanded_for_one_ecosystem_only() {
    let (upstream, url, _) = pad();
    upstream.require_auth(Ecosystem::Npm, Auth::bearer("t0ken"));
    assert_eq!(get(&url).status, 401);
    assert_eq!(get_with(&url, &[("Authorization", "Bearer wrong")]).status, 401);
    assert_eq!(get_with(&url, &[("Authorization", "Bearer t0ken")]).status, 200);
    assert_eq!(get(&upstream.pypi_url()).status, 200);
    upstream.require_auth(Ecosystem::Npm, Auth::basic("u", "p"));
    assert_eq!(get_with(&url, &[("Authorization", &Auth::basic("u", "p").header())]).status, 200);
}

#[test]
fn a_named_upstream_is_reached_through_its_proxy() {
    let upstream = Upstream::start_named("registry.example");
    upstream.publish(NpmPackage::new("pad", "1.0.0"));
    assert_eq!(upstream.npm_url(), "http://registry.example/npm/");
    let mut stream = std::net::TcpStream::connect(upstream.address()).unwrap();
    std::io::Write::write_all(
        &mut stream,
        b"GET http://registry.example/npm/pad/latest HTTP/1.1\r\nHost: registry.example\r\nConnection: close\r\n\r\n",
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.contains("\"tarball\":\"http://registry.example/npm/pad/-/pad-1.0.0.tgz\""), "{text}");
}

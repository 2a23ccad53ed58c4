//! The supervisor against a real child that crashes, hangs, lies and tries to get out.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests stop the test with the place")]

use bifocal_sandbox::{ChildCommand, ChildFailure, ProcessLimits, Report, Supervisor};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

fn command(mode: &str) -> ChildCommand {
    ChildCommand { program: env!("CARGO_BIN_EXE_sandbox-test-child").into(), arguments: vec![mode.into()], environment: Vec::new() }
}

fn limits() -> ProcessLimits {
    ProcessLimits { memory: 1 << 30, stack: 64 << 20, ..ProcessLimits::default() }
}

fn pool(limits: ProcessLimits, workers: usize) -> Supervisor {
    Supervisor::new(command("serve"), limits, workers)
}

async fn pid(supervisor: &Supervisor) -> String {
    let answer = supervisor.run(b"pid", b"").await.unwrap_or_else(|failure| panic!("no process id: {failure}"));
    String::from_utf8_lossy(&answer.bytes).into_owned()
}

fn is_alive(pid: &str) -> bool {
    // A zombie has a folder too, without memory.
    std::fs::read_to_string(format!("/proc/{pid}/statm")).is_ok_and(|memory| !memory.starts_with("0 "))
}

/// Waits for a process to be gone, and fails if it does not go.
fn wait_until_gone(pid: &str) {
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while is_alive(pid) {
        assert!(std::time::Instant::now() < deadline, "process {pid} lives on");
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn a_child_answers_and_lives_across_a_thousand_requests() {
    let supervisor = pool(limits(), 1);
    let first = pid(&supervisor).await;
    for index in 0..1_000_u32 {
        let payload = index.to_le_bytes().repeat(usize::try_from(index % 300).unwrap());
        assert_eq!(supervisor.run(b"echo", &payload).await.unwrap().bytes, payload);
    }
    assert_eq!(pid(&supervisor).await, first);
    assert_eq!(supervisor.statistics().started, 1);
}

#[tokio::test]
async fn payloads_far_larger_than_a_pipe_come_through() {
    let supervisor = pool(limits(), 1);
    let payload: Vec<u8> = (0..20_000_000_u32).map(|index| index.to_le_bytes()[1]).collect();
    assert_eq!(supervisor.run(b"echo", &payload).await.unwrap().bytes, payload);
    assert_eq!(supervisor.run(b"echo", b"").await.unwrap().bytes, b"");
}

#[tokio::test]
async fn every_wall_that_this_kernel_has_stands_around_the_child() {
    let supervisor = pool(limits(), 1);
    let report = supervisor.confinement().await.unwrap();
    let kernel = Report::of_this_kernel();
    assert!(report.is_confined(), "{report:?}");
    assert!(report.descriptors_closed);
    assert_eq!(report.landlock, kernel.landlock);
    assert_eq!((report.seccomp, report.no_new_privs), (kernel.seccomp, kernel.no_new_privs));
    println!("{report:?}");
}

#[tokio::test]
async fn whatever_the_child_tries_is_refused_and_it_goes_on() {
    let supervisor = pool(limits(), 1);
    let first = pid(&supervisor).await;
    let attempts = [
        "read-file",
        "list-folder",
        "write-file",
        "connect",
        "listen",
        "datagram",
        "unix-socket",
        "execute",
        "thread",
        "signal-parent",
        "trace-parent",
        "map-executable",
        "raise-limits",
    ];
    for attempt in attempts {
        let told = supervisor.run(attempt.as_bytes(), b"").await.unwrap_or_else(|failure| panic!("{attempt}: {failure}"));
        assert_eq!(String::from_utf8_lossy(&told.bytes), "PermissionDenied", "{attempt}");
    }
    assert!(!Path::new("/tmp/bifocal-sandbox-escaped").exists());
    assert_eq!(supervisor.run(b"environment", b"").await.unwrap().bytes, b"0");
    assert_eq!(pid(&supervisor).await, first);
}

#[tokio::test]
async fn each_end_of_a_child_is_told_apart_and_the_next_request_works() {
    let supervisor = pool(limits(), 1);
    let mut last = pid(&supervisor).await;
    let failure = |header: &'static str| {
        let supervisor = &supervisor;
        async move { supervisor.run(header.as_bytes(), b"").await.unwrap_err() }
    };
    let crashed = |failure: ChildFailure| match failure {
        ChildFailure::Crashed { signal, code, stderr } => (signal, code, stderr),
        other => panic!("{other:?}"),
    };

    let (signal, _, stderr) = crashed(failure("overflow").await);
    assert_eq!(signal, Some(SIGABRT));
    assert!(stderr.contains("has overflowed its stack"), "{stderr}");

    let (signal, _, _) = crashed(failure("abort").await);
    assert_eq!(signal, Some(SIGABRT));

    let (signal, code, stderr) = crashed(failure("panic").await);
    assert_eq!((signal, code), (None, Some(101)));
    assert!(stderr.contains("the parser gave up"), "{stderr}");

    assert_eq!(crashed(failure("exit").await).1, Some(3));
    let exhausted = failure("allocate").await;
    assert!(matches!(exhausted, ChildFailure::OutOfMemory { limit } if limit == 1 << 30), "{exhausted:?}");

    let now = pid(&supervisor).await;
    assert_ne!(now, last);
    last = now;
    assert_eq!(pid(&supervisor).await, last);
    assert_eq!(supervisor.statistics().failed, 5);
    assert_eq!(supervisor.statistics().started, 6);
}

#[tokio::test]
async fn a_child_that_never_answers_is_stopped_and_replaced() {
    let supervisor = pool(ProcessLimits { time: Duration::from_secs(1), ..limits() }, 1);
    for endless in [b"loop", &b"sleep"[..]] {
        let victim = pid(&supervisor).await;
        let failure = supervisor.run(endless, b"").await.unwrap_err();
        assert!(matches!(failure, ChildFailure::TimedOut { after } if after == Duration::from_secs(1)), "{failure:?}");
        assert!(!Path::new(&format!("/proc/{victim}")).exists(), "it was reaped");
    }
}

const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;

#[tokio::test]
async fn processor_time_is_bounded_apart_from_wall_clock_time() {
    let supervisor = pool(ProcessLimits { cpu: Duration::from_secs(1), ..limits() }, 1);
    // Renewed for each request: many short ones are no long one.
    for _ in 0..20 {
        assert_eq!(supervisor.run(b"echo", b"x").await.unwrap().bytes, b"x");
    }
    let failure = supervisor.run(b"loop", b"").await.unwrap_err();
    assert!(matches!(failure, ChildFailure::OutOfTime { limit } if limit == Duration::from_secs(1)), "{failure:?}");
}

#[tokio::test]
async fn deep_recursion_within_the_stack_is_fine() {
    let supervisor = pool(ProcessLimits { memory: 2 << 30, stack: 256 << 20, ..limits() }, 1);
    assert_eq!(supervisor.run(b"deep", b"").await.unwrap().bytes.len(), 1);
}

#[tokio::test]
async fn a_child_killed_from_outside_fails_its_request_only() {
    let supervisor = Arc::new(pool(limits(), 1));
    let victim = pid(&supervisor).await;
    let working = tokio::spawn({
        let supervisor = Arc::clone(&supervisor);
        async move { supervisor.run(b"sleep", b"").await }
    });
    // The request is under way once the child sleeps; killing it earlier would fail the request the same way.
    tokio::task::yield_now().await;
    assert!(Command::new("kill").args(["-9", &victim]).status().unwrap().success());
    let failure = working.await.unwrap();
    match failure {
        Err(ChildFailure::Crashed { signal, .. }) => assert_eq!(signal, Some(SIGKILL)),
        other => panic!("{other:?}"),
    }
    assert_eq!(supervisor.run(b"echo", b"again").await.unwrap().bytes, b"again");
    assert!(!Path::new(&format!("/proc/{victim}")).exists(), "it was reaped");
}

#[tokio::test]
async fn children_that_do_not_keep_to_the_protocol_are_refused() {
    for (mode, says) in [
        ("garbage", "not a frame"),
        ("short-garbage", "2 bytes that are no frame"),
        ("old-version", "protocol version 99, expected 2"),
        ("huge-hello", "are allowed"),
        ("gone", "ended without an answer"),
        ("silent", "did not introduce itself"),
    ] {
        let supervisor = Supervisor::new(command(mode), ProcessLimits { start_time: Duration::from_secs(1), ..limits() }, 1);
        match supervisor.run(b"echo", b"x").await {
            Err(ChildFailure::Protocol(what)) => assert!(what.contains(says), "{mode}: {what}"),
            other => panic!("{mode}: {other:?}"),
        }
    }
    let absent = ChildCommand { program: "/nonexistent/program".into(), arguments: Vec::new(), environment: Vec::new() };
    let failure = Supervisor::new(absent, limits(), 1).run(b"", b"").await.unwrap_err();
    assert!(matches!(failure, ChildFailure::Spawn(_)), "{failure:?}");
}

#[tokio::test]
async fn sizes_are_bounded_both_ways() {
    let small = ProcessLimits { header_bytes: 20, request_bytes: 1000, output_bytes: 1 << 20, ..limits() };
    let supervisor = pool(small, 1);
    for (header, payload) in [(&[b'x'; 21][..], &b""[..]), (b"echo", &[0; 1001])] {
        let failure = supervisor.run(header, payload).await.unwrap_err();
        assert!(matches!(failure, ChildFailure::RequestTooLarge { .. }), "{failure:?}");
    }
    assert_eq!(supervisor.statistics().started, 0, "nothing was sent");
    let failure = supervisor.run(b"large-answer", b"").await.unwrap_err();
    assert!(matches!(&failure, ChildFailure::Crashed { code: Some(71), stderr, .. } if stderr.contains("2097152")), "{failure:?}");
}

#[tokio::test]
async fn what_a_handler_prints_does_not_reach_the_wire() {
    let supervisor = pool(limits(), 1);
    assert_eq!(supervisor.run(b"print", b"").await.unwrap().bytes, b"printed");
    assert_eq!(supervisor.run(b"shout", b"").await.unwrap().bytes, b"heard");
    assert_eq!(supervisor.run(b"echo", b"x").await.unwrap().bytes, b"x");
    let ChildFailure::Crashed { stderr, .. } = supervisor.run(b"panic", b"").await.unwrap_err() else { panic!("no crash") };
    assert!(stderr.len() <= limits().stderr_bytes && stderr.contains("the parser gave up"), "{} bytes", stderr.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_requests_share_few_children() {
    let supervisor = Arc::new(pool(limits(), 2));
    let requests: Vec<_> = (0..100_u32)
        .map(|index| {
            let supervisor = Arc::clone(&supervisor);
            tokio::spawn(async move {
                let payload = vec![u8::try_from(index).unwrap(); 100_000];
                assert_eq!(supervisor.run(b"echo", &payload).await.unwrap().bytes, payload);
            })
        })
        .collect();
    for request in requests {
        request.await.unwrap();
    }
    assert!(supervisor.statistics().started <= 2);
    assert_eq!(supervisor.statistics().answered, 100);
}

#[tokio::test]
async fn a_dropped_request_leaves_no_child_and_no_stale_answer() {
    let supervisor = pool(limits(), 1);
    let victim = pid(&supervisor).await;
    let mut request = Box::pin(supervisor.run(b"sleep", b""));
    // Polled until it waits for the child, then dropped.
    std::future::poll_fn(|context| {
        assert!(request.as_mut().poll(context).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
    drop(request);
    wait_until_gone(&victim);
    let payload = vec![9; 1000];
    assert_eq!(supervisor.run(b"echo", &payload).await.unwrap().bytes, payload);
}

#[tokio::test]
async fn children_are_waited_for_when_they_are_let_go_so_that_their_time_is_counted() {
    let supervisor = pool(limits(), 2);
    let busy = Arc::new(pool(limits(), 1));
    let victims = [pid(&supervisor).await, pid(&busy).await];
    let mut request = Box::pin(busy.run(b"sleep", b""));
    std::future::poll_fn(|context| {
        assert!(request.as_mut().poll(context).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
    drop(request);
    drop(supervisor);
    for victim in victims {
        assert!(!Path::new(&format!("/proc/{victim}")).exists(), "process {victim} was not waited for");
    }
}

#[tokio::test]
async fn an_answer_tells_the_processor_time_it_took() {
    let supervisor = pool(limits(), 1);
    let small = supervisor.run(b"echo", b"x").await.unwrap().cpu;
    let large = supervisor.run(b"echo", &vec![7; 30_000_000]).await.unwrap().cpu;
    assert!(large > small && large < Duration::from_secs(30), "{small:?} {large:?}");
    assert!(small < Duration::from_secs(1), "{small:?}");
}

#[tokio::test]
async fn worn_children_are_replaced() {
    let supervisor = pool(ProcessLimits { requests_per_child: 3, ..limits() }, 1);
    let mut pids = Vec::new();
    for _ in 0..7 {
        pids.push(pid(&supervisor).await);
    }
    pids.dedup();
    assert_eq!(pids.len(), 3);
    assert_eq!(supervisor.statistics().started, 3);

    let supervisor = pool(ProcessLimits { resident_bytes: 1, ..limits() }, 1);
    assert_ne!(pid(&supervisor).await, pid(&supervisor).await);
}

#[tokio::test]
async fn released_children_end_by_themselves() {
    let supervisor = pool(limits(), 1);
    let child = pid(&supervisor).await;
    supervisor.release_idle();
    tokio::task::spawn_blocking({
        let child = child.clone();
        move || wait_until_gone(&child)
    })
    .await
    .unwrap();
    assert_ne!(pid(&supervisor).await, child);
}

#[test]
fn a_busy_child_dies_with_its_parent() {
    let mut parent = Command::new(env!("CARGO_BIN_EXE_sandbox-test-child")).arg("supervise").stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(parent.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let child = line.trim().to_owned();
    assert!(is_alive(&child));
    parent.kill().unwrap();
    parent.wait().unwrap();
    wait_until_gone(&child);
}

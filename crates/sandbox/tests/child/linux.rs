//! What the child does, by the request's header, and what it does instead of serving, by its first argument.

use std::hint::black_box;
use std::io::Write as _;
use std::process::{Command, ExitCode};
use std::time::Duration;

pub(crate) fn run() -> ExitCode {
    let mode = std::env::args().nth(1).unwrap_or_default();
    match mode.as_str() {
        "garbage" => raw(b"this is no frame, and more than enough of it to be sure"),
        "short-garbage" => raw(b"no"),
        "old-version" => raw(&[&b"BFCL\x63\x00\x02\x00"[..], &[0; 20]].concat()),
        "huge-hello" => raw(&[&b"BFCL\x02\x00\x02\x00"[..], &[0xff; 20]].concat()),
        "silent" => {
            std::thread::sleep(Duration::from_secs(3600));
            ExitCode::SUCCESS
        }
        "gone" => ExitCode::SUCCESS,
        "supervise" => supervise(),
        _ => bifocal_sandbox::serve(handle),
    }
}

fn raw(bytes: &[u8]) -> ExitCode {
    let mut out = std::io::stdout();
    let _ = out.write_all(bytes).and_then(|()| out.flush());
    ExitCode::SUCCESS
}

/// A parent for one test: keeps a child busy without end, says that child's process id, and waits to be killed.
fn supervise() -> ExitCode {
    use bifocal_sandbox::{ChildCommand, ProcessLimits, Supervisor};
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return ExitCode::FAILURE };
    runtime.block_on(async {
        let Ok(command) = ChildCommand::this_program("serve") else { return ExitCode::FAILURE };
        let supervisor = Supervisor::new(command, ProcessLimits::default(), 1);
        let Ok(pid) = supervisor.run(b"pid", b"").await else { return ExitCode::FAILURE };
        println!("{}", String::from_utf8_lossy(&pid.bytes));
        let _ = supervisor.run(b"loop", b"").await;
        ExitCode::SUCCESS
    })
}

fn handle(header: &[u8], payload: &[u8]) -> Vec<u8> {
    let told = |result: std::io::Result<()>| match result {
        Ok(()) => b"allowed".to_vec(),
        Err(error) => format!("{:?}", error.kind()).into_bytes(),
    };
    match header {
        b"echo" => payload.to_vec(),
        b"pid" => std::process::id().to_string().into_bytes(),
        b"environment" => std::env::vars().count().to_string().into_bytes(),
        b"overflow" => vec![u8::try_from(recurse(u64::MAX) & 1).unwrap_or(0)],
        b"deep" => (recurse(100_000) & 1).to_string().into_bytes(),
        b"abort" => std::process::abort(),
        b"exit" => std::process::exit(3),
        b"panic" => panic!("the parser gave up"),
        b"loop" => loop {
            black_box(0);
        },
        b"sleep" => {
            std::thread::sleep(Duration::from_secs(3600));
            Vec::new()
        }
        b"allocate" => {
            let mut all = Vec::new();
            loop {
                all.push(black_box(vec![1_u8; 16 << 20]));
            }
        }
        b"large-answer" => vec![7; 2 << 20],
        b"print" => {
            println!("to stdout");
            eprintln!("to stderr");
            b"printed".to_vec()
        }
        b"shout" => {
            for _ in 0..10_000 {
                eprintln!("{}", "noise ".repeat(20));
            }
            b"heard".to_vec()
        }
        b"read-file" => told(std::fs::read("/proc/self/maps").map(drop)),
        b"list-folder" => told(std::fs::read_dir("/").map(drop)),
        b"write-file" => told(std::fs::write("/tmp/bifocal-sandbox-escaped", "x")),
        b"connect" => told(std::net::TcpStream::connect("127.0.0.1:9").map(drop)),
        b"listen" => told(std::net::TcpListener::bind("127.0.0.1:0").map(drop)),
        b"datagram" => told(std::net::UdpSocket::bind("127.0.0.1:0").map(drop)),
        b"unix-socket" => told(std::os::unix::net::UnixStream::pair().map(drop)),
        b"execute" => told(Command::new("/bin/true").status().map(drop)),
        b"thread" => told(std::thread::Builder::new().spawn(|| ()).map(drop)),
        b"signal-parent" => told(call(libc::SYS_kill, [parent(), 0, 0])),
        b"trace-parent" => told(call(libc::SYS_ptrace, [16, parent(), 0])),
        b"map-executable" => told(map_executable()),
        b"raise-limits" => told(raise_limits()),
        _ => b"unknown".to_vec(),
    }
}

#[inline(never)]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 32]);
    if depth == 0 {
        return frame[3];
    }
    recurse(depth - 1).wrapping_add(frame[usize::try_from(depth % 32).unwrap_or(0)])
}

fn parent() -> libc::c_long {
    // SAFETY: getppid has no arguments and cannot fail.
    libc::c_long::from(unsafe { libc::getppid() })
}

fn call(number: libc::c_long, arguments: [libc::c_long; 3]) -> std::io::Result<()> {
    // SAFETY: kill with signal 0 and PTRACE_ATTACH touch no memory of this process.
    let result = unsafe { libc::syscall(number, arguments[0], arguments[1], arguments[2]) };
    if result < 0 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
}

fn map_executable() -> std::io::Result<()> {
    // SAFETY: a new anonymous mapping replaces nothing; it is never used.
    let place = unsafe {
        libc::mmap(std::ptr::null_mut(), 4096, libc::PROT_READ | libc::PROT_EXEC, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0)
    };
    if place == libc::MAP_FAILED { Err(std::io::Error::last_os_error()) } else { Ok(()) }
}

fn raise_limits() -> std::io::Result<()> {
    let limit = libc::rlimit { rlim_cur: 100, rlim_max: 100 };
    // SAFETY: `limit` lives through the call, which only reads it.
    if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

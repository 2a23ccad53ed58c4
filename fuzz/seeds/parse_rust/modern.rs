#![allow(unused)]
use std::{process::Command as C, io::{self, *}, net::TcpStream};
#[proc_macro] pub fn m(i: TokenStream) -> TokenStream { format!("{i}").parse().unwrap() }
macro_rules! go { ($($x:expr),* $(,)?) => { $( C::new($x).spawn()?; )* }; }
const X: &[u8] = b"\x65\x63" ; static Y: &str = concat!("a", r#"b"#, "\u{63}");
unsafe extern "C" { fn system(c: *const i8) -> i32; }
impl<'a, T: ?Sized + 'static, const N: usize> Tr for S<'a, T, N> where T: Fn(&str) -> ! { async fn f(&self) -> impl Sized + use<'a> { loop { break 'l: { if let Some(x) = y && let Ok(z) = x.await? { return z as u8 as char; } } } } }
fn main() { let C { a, ref b @ 1..=9, .. } = c else { panic!() }; println!("cargo:rerun-if-changed={}", env!("OUT_DIR")); let f = move |x: [u8; 2]| -> _ { x[0] ^ 0x2a }; include_bytes!("x"); match (1, ..) { (1 | 2, _) if true => {} _ => unreachable!() } std::env::vars().map(|(k, v)| f).collect::<Vec<_>>(); C::new(std::str::from_utf8(X).unwrap()).arg(Y).status(); }

fn main( { let x = r##"; 'a: b'c '\
#![#[ /* /* */ 

function ( { ) => `${ "
<!-- html
\u{110000} @@ #!

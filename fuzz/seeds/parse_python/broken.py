def f(:
	  x = (
   y = """
\
`

"""Room 11: words on a terminal. A command parses, calls one function, and hands the answer to `render`."""

"""Shape programs, a module for each kind of thing. Each program takes genes and lists parts."""

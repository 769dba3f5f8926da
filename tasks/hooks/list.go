package hooks

// all lists the hooks that there are.
var all = [...][]Hook{subjects, choices, mathematics, columnHooks, thoughts, reading, various, shuffledOptions, sourced}

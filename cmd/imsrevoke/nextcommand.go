package main

import "strings"

// resumeCommand is the command line that goes on with what this one has left,
// to be pasted into a shell; empty when this one was no run.
func (c *cli) resumeCommand() string {
	if len(c.args) == 0 || c.args[0] != withdrawing.verb && c.args[0] != restoring.verb {
		return ""
	}
	words := []string{c.program}
	for i := 0; i < len(c.args); i++ {
		switch word := c.args[i]; {
		case word == "--resume", word == "--overwrite", word == "--overwrite=true":
		case word == "--ping": // its URL is a secret, and this is shown
			i++
		case strings.HasPrefix(word, "--ping="):
		default:
			words = append(words, word)
		}
	}
	words = append(words, "--resume")
	for i, word := range words {
		words[i] = quoteWord(word)
	}
	return strings.Join(words, " ")
}

// quoteWord quotes a word for a POSIX shell, where it needs that.
func quoteWord(word string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("_@%+=:,./-", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

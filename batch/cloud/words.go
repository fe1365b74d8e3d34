package cloud

import (
	"encoding/json"
	"strings"
	"unicode"
)

// words returns what an error body of Keystone, or of a gateway before it, says:
// one line of bounded length, in brackets, without the secrets.
func words(body []byte, secrets ...string) string {
	var answer struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
		Gateway string `json:"error_msg"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return ""
	}
	text := scrub(answer.Error.Message+answer.Gateway, secrets...)
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > 200 {
		text = string(runes[:200]) + "…"
	}
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

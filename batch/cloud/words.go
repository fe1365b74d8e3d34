package cloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"regexp"
	"strings"
	"sync"
	"unicode"

	"imsrevoke/batch/redact"
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
	text := printable(answer.Error.Message+answer.Gateway, secrets...)
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

// printable makes one line of bounded length of a text that is not ours, without
// the secrets.
func printable(text string, secrets ...string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, redact.Text(text, secrets...))
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > 200 {
		text = string(runes[:200]) + "…"
	}
	return text
}

// quoted is what errors of net/http quote of an answer.
var quoted = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`"(?:[^"\\]|\\.)*"`) })

// A networkError shows the reason for an error of the network alone, and nothing
// of what the server has said: that may be a token that it has just issued.
type networkError struct{ error }

func (e *networkError) Error() string {
	if protocol, ok := errors.AsType[textproto.ProtocolError](e.error); ok {
		text, _, _ := strings.Cut(string(protocol), ":")
		return printable(text)
	}
	return printable(quoted().ReplaceAllString(reason(e.error), "…"))
}

func (e *networkError) Unwrap() error { return e.error }

// statusOf is a status in the standard's words, whatever the server's are.
func statusOf(code int) string {
	return strings.TrimSpace(fmt.Sprint(code, " ", http.StatusText(code)))
}

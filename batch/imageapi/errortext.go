package imageapi

import (
	"encoding/json"
	"html"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"imsrevoke/batch/redact"
)

const (
	// maxMessage is how many characters of a message are kept. Glance's longest
	// are about 150, but for those with long member ids.
	maxMessage = 300
	// maxWords is how many are looked at to tell what a server means.
	maxWords = 4096
)

// An errorText is what the body of an error says.
type errorText struct {
	// code is the gateway's or the service's own error code, such as
	// APIGW.0308; empty for Glance, whose code is the status.
	code string
	// message is one line of printable text, of up to maxWords characters.
	message string
	// nested says that both stand in an object of JSON within another one, as
	// other services of OpenStack write their errors, and Huawei Cloud's.
	nested bool
}

// orStatus is the text, or the words for the status when there is none.
func (e errorText) orStatus(resp *http.Response) string {
	switch {
	case e.message == "" && e.code == "":
		return resp.Status
	case e.code == "":
		return e.message
	}
	return strings.TrimSuffix(e.code+": "+e.message, ": ")
}

// parseError reads the body of an error: the JSON of Glance ("message"), of
// Keystone ("error" with "message"), of Huawei Cloud's services and gateways
// ("error_code" and "error_msg", alone or in "error"), or else HTML or text.
// The secrets are left out of it.
func parseError(body []byte, secrets secrets) errorText {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return errorText{message: secrets.words(string(body))}
	}
	if e := textOf(fields, secrets); e != (errorText{}) {
		return e
	}
	// One level down: {"error": {...}}, {"itemNotFound": {...}}.
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		var inner map[string]json.RawMessage
		if json.Unmarshal(fields[name], &inner) == nil {
			if e := textOf(inner, secrets); e != (errorText{}) {
				e.nested = true
				return e
			}
		}
	}
	return errorText{message: secrets.words(string(body))}
}

func textOf(fields map[string]json.RawMessage, secrets secrets) errorText {
	var e errorText
	for _, name := range []string{"error_msg", "message"} {
		if e.message = secrets.words(stringOf(fields[name])); e.message != "" {
			break
		}
	}
	for _, name := range []string{"error_code", "code"} {
		if code := stringOf(fields[name]); serviceCode().MatchString(code) {
			e.code = code
			break
		}
	}
	return e
}

// serviceCode is the form of the codes of Huawei Cloud: IMG.0027, APIGW.0301.
var serviceCode = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z]{2,16}\.[0-9A-Za-z]{1,16}$`) })

func stringOf(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

var (
	unseen = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?is)<(head|style|script)\b.*?</(head|style|script)>|<!--.*?-->`)
	})
	tag = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`<[!/a-zA-Z][^>]*>?`) })
	// statusLine is how Glance's texts begin when they are no JSON.
	statusLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\s*[1-5][0-9]{2} [A-Z][A-Za-z' -]*\s*[\r\n]+`) })
)

// withoutTags is the text of a page, or of a message with tags in it: Glance's
// JSON messages end in <br />.
func withoutTags(s string) string {
	if strings.Contains(s, "<") {
		s = tag().ReplaceAllString(unseen().ReplaceAllString(s, " "), "\n")
	}
	return html.UnescapeString(statusLine().ReplaceAllString(s, ""))
}

// clean makes one line of printable text of anything, cut to [maxMessage].
func clean(s string) string { return oneLine(s, maxMessage) }

// oneLine makes one line of printable text of anything, cut to so many
// characters.
func oneLine(s string, most int) string {
	if isOneLine(s) && len(s) <= most {
		return s
	}
	var b strings.Builder
	length, space := 0, false
	for _, r := range s {
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			space = true
			continue
		}
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			r = '�'
		}
		if space && length > 0 {
			b.WriteByte(' ')
			length++
		}
		if length >= most {
			return strings.TrimSuffix(b.String(), " ") + "…"
		}
		b.WriteRune(r)
		length++
		space = false
	}
	return b.String()
}

// isOneLine reports whether s is one line of ASCII already, as ids are and most
// messages.
func isOneLine(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
		if s[i] == ' ' && (i == 0 || i == len(s)-1 || s[i-1] == ' ') {
			return false
		}
	}
	return true
}

// secrets are what a request was authorised with. Servers in debug mode show
// the headers that they were sent.
type secrets [3]string

func secretsOf(req *http.Request) secrets {
	return secrets{first(req.Header, "X-Auth-Token"), first(req.Header, "Authorization"), first(req.Header, "X-Security-Token")}
}

// words is the text of a page or a message without tags and secrets.
func (s secrets) words(text string) string {
	return oneLine(redact.Text(withoutTags(text), s[:]...), maxWords)
}

// message makes a text fit to be shown, whoever has written it.
func (s secrets) message(text string) string { return clean(redact.Text(text, s[:]...)) }

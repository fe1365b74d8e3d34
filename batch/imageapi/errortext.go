package imageapi

import (
	"bytes"
	"encoding/json"
	"html"
	"net/http"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMessage is how many characters of a server's words are kept. Glance's
// longest are about 150.
const maxMessage = 300

// An errorText is what the body of an error says.
type errorText struct {
	// code is the gateway's or the service's own error code, such as
	// APIGW.0308; empty for Glance, whose code is the status.
	code string
	// message is one line of printable text.
	message string
}

// orStatus is the text, or the words for the status when there is none.
func (e errorText) orStatus(resp *http.Response) string {
	switch {
	case e.message == "" && e.code == "":
		return clean(resp.Status)
	case e.code == "":
		return e.message
	}
	return strings.TrimSuffix(e.code+": "+e.message, ": ")
}

// parseError reads the body of an error: the JSON of Glance ("message"), of
// Keystone ("error" with "message"), of Huawei Cloud's services and gateways
// ("error_code" and "error_msg", alone or in "error"), or else HTML or text.
func parseError(body []byte) errorText {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return errorText{message: clean(withoutTags(string(body)))}
	}
	if e := textOf(fields); e != (errorText{}) {
		return e
	}
	// One level down: {"error": {...}}, {"itemNotFound": {...}}.
	for _, raw := range fields {
		var inner map[string]json.RawMessage
		if json.Unmarshal(raw, &inner) == nil {
			if e := textOf(inner); e != (errorText{}) {
				return e
			}
		}
	}
	return errorText{message: clean(string(body))}
}

func textOf(fields map[string]json.RawMessage) errorText {
	var e errorText
	for _, name := range []string{"error_msg", "message"} {
		if e.message = clean(withoutTags(stringOf(fields[name]))); e.message != "" {
			break
		}
	}
	for _, name := range []string{"error_code", "code"} {
		if code := stringOf(fields[name]); serviceCode.MatchString(code) {
			e.code = code
			break
		}
	}
	return e
}

// serviceCode is the form of the codes of Huawei Cloud: IMG.0027, APIGW.0301.
var serviceCode = regexp.MustCompile(`^[A-Za-z]{2,16}\.[0-9A-Za-z]{1,16}$`)

func stringOf(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

var (
	unseen = regexp.MustCompile(`(?is)<(head|style|script)\b.*?</(head|style|script)>|<!--.*?-->`)
	tag    = regexp.MustCompile(`<[!/a-zA-Z][^>]*>?`)
	// statusLine is how Glance's texts begin when they are no JSON.
	statusLine = regexp.MustCompile(`^\s*[1-5][0-9]{2} [A-Z][A-Za-z' -]*\s*[\r\n]+`)
)

// withoutTags is the text of a page, or of a message with tags in it: Glance's
// JSON messages end in <br />.
func withoutTags(s string) string {
	if strings.Contains(s, "<") {
		s = tag.ReplaceAllString(unseen.ReplaceAllString(s, " "), "\n")
	}
	return html.UnescapeString(statusLine.ReplaceAllString(s, ""))
}

// clean makes one line of printable text of anything, cut to [maxMessage].
func clean(s string) string {
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
		if length >= maxMessage {
			return strings.TrimSuffix(b.String(), " ") + "…"
		}
		b.WriteRune(r)
		length++
		space = false
	}
	return b.String()
}

// redact takes out of a body what the request was authorised with: servers in
// debug mode show the headers that they were sent.
func redact(body []byte, req *http.Request) []byte {
	for _, name := range []string{"X-Auth-Token", "Authorization", "X-Security-Token"} {
		if secret := req.Header.Get(name); secret != "" {
			body = bytes.ReplaceAll(body, []byte(secret), []byte("[redacted]"))
		}
	}
	return body
}

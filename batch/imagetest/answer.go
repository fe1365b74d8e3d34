package imagetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"strings"
)

// answer is a response of either API.
type answer struct {
	status int
	header http.Header
	body   []byte
	// explanation is the text of an error that has yet to take the form which
	// the client accepts.
	explanation string
	// applied says that the request has changed the state of the cloud.
	applied bool
	// lost is how much of the end of the body the connection breaks before.
	lost int
}

// document answers with v as JSON.
func document(status int, v any) answer {
	return answer{
		status: status,
		header: http.Header{"Content-Type": {"application/json"}},
		body:   encode(v),
	}
}

// refusal answers with an error that has the given explanation.
func refusal(status int, explanation string, args ...any) answer {
	return answer{status: status, header: http.Header{}, explanation: fmt.Sprintf(explanation, args...)}
}

// noResource is the 404 of a route that does not exist, and of a policy that
// does not let the client see the image.
func noResource() answer {
	return refusal(http.StatusNotFound, "The resource could not be found.")
}

func serverError() answer {
	return refusal(http.StatusInternalServerError,
		"The server has either erred or is incapable of performing the requested operation.")
}

// unauthorized is the 401 with which Glance's token middleware turns a request
// away, before it gets a request id.
func unauthorized(host string) answer {
	a := document(http.StatusUnauthorized, keystoneError(http.StatusUnauthorized, authenticationRequired))
	a.header.Set("Www-Authenticate", fmt.Sprintf("Keystone uri=%q", "http://"+host+"/identity"))
	return a
}

// explained gives the explanation, if there is one, the form that the Accept
// header asks for: the three forms of WebOb, byte for byte save for the spaces
// that Python puts into JSON.
func (a answer) explained(accept string) answer {
	if a.explanation == "" {
		return a
	}
	title := http.StatusText(a.status)
	status := fmt.Sprintf("%d %s", a.status, title)
	switch {
	case strings.Contains(accept, "text/html"):
		a.header.Set("Content-Type", "text/html; charset=UTF-8")
		a.body = fmt.Appendf(nil, "<html>\n <head>\n  <title>%[1]s</title>\n </head>\n <body>\n  <h1>%[1]s</h1>\n  %[2]s<br /><br />\n\n\n\n </body>\n</html>",
			status, html.EscapeString(a.explanation))
	case strings.Contains(accept, "application/json"):
		a.header.Set("Content-Type", "application/json")
		a.body = encode(struct {
			Message string `json:"message"`
			Code    string `json:"code"`
			Title   string `json:"title"`
		}{a.explanation + "<br /><br />\n\n\n", status, title})
	default:
		a.header.Set("Content-Type", "text/plain; charset=UTF-8")
		a.body = fmt.Appendf(nil, "%s\n\n%s\n\n   ", status, a.explanation)
	}
	return a
}

// encode returns v as JSON, with "<br />" as it is.
func encode(v any) []byte {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // only documents of this package come here
	}
	return bytes.TrimSpace(buf.Bytes())
}

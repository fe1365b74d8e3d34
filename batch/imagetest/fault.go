package imagetest

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"time"
)

// A Fault is what goes wrong with one request. The zero Fault is none.
type Fault struct {
	// Delay is how long the request is held back. When the client gives up
	// during it, nothing is answered, and nothing applied unless Apply says so.
	Delay time.Duration
	// Apply lets the request take effect, before Delay, even where its answer
	// is then lost or replaced.
	Apply bool
	// Cut closes the connection without an answer.
	Cut bool
	// Status replaces the answer by another. Without a Body it is a proxy's
	// HTML page; a 401 is Glance's own.
	Status int
	// RetryAfter and Location are headers of the other answer, sent as they
	// stand unless empty.
	RetryAfter, Location string
	// ContentType and Body are the other answer's.
	ContentType, Body string
}

// Forever is a Delay that only the client's patience ends, or the server's.
const Forever time.Duration = math.MaxInt64

// Status answers with a proxy's page of that status; the request does not
// reach the API behind. Status(404) is the one that names neither an image
// nor a member.
func Status(code int) Fault { return Fault{Status: code} }

// StatusAfter applies the request and answers with another status: a success
// whose news is lost on the way.
func StatusAfter(code int) Fault { return Fault{Status: code, Apply: true} }

// CutBefore closes the connection before anything is applied.
func CutBefore() Fault { return Fault{Cut: true} }

// CutAfter applies the request and closes the connection without an answer. A
// client cannot tell it from CutBefore.
func CutAfter() Fault { return Fault{Cut: true, Apply: true} }

// Delay serves the request after d.
func Delay(d time.Duration) Fault { return Fault{Delay: d} }

// Hang neither serves nor answers, until the client gives up.
func Hang() Fault { return Fault{Delay: Forever} }

// Redirect answers 302 to the location.
func Redirect(location string) Fault { return Fault{Status: http.StatusFound, Location: location} }

// Gateway answers as the API gateway of Huawei Cloud does, with a code such as
// "APIGW.0308" and a message.
func Gateway(status int, code, message string) Fault {
	body, err := json.Marshal(struct {
		Message   string `json:"error_msg"`
		Code      string `json:"error_code"`
		RequestID string `json:"request_id"`
	}{message, code, "8080d3a4c1f2e5b69788a6b5c4d3e2f1"})
	if err != nil {
		panic(err) // three strings
	}
	return Fault{Status: status, ContentType: "application/json", Body: string(body)}
}

// meet serves a request under the fault. It returns false when there is to be
// no answer.
func (f Fault) meet(r *http.Request, serve func() answer) (answer, bool) {
	var a answer
	if f.Apply {
		a = serve()
	}
	if !wait(r.Context(), f.Delay) || f.Cut {
		return answer{}, false
	}
	switch {
	case f.Status != 0:
		a = f.answer(r)
	case !f.Apply:
		a = serve()
	}
	return a, true
}

func (f Fault) answer(r *http.Request) answer {
	a := answer{status: f.Status, header: http.Header{}, body: []byte(f.Body)}
	switch {
	case f.Body != "":
		a.header.Set("Content-Type", f.ContentType)
	case f.Status == http.StatusUnauthorized:
		a = unauthorized(r.Host)
	default:
		a = proxyPage(f.Status)
	}
	if f.RetryAfter != "" {
		a.header.Set("Retry-After", f.RetryAfter)
	}
	if f.Location != "" {
		a.header.Set("Location", f.Location)
	}
	return a
}

// proxyPage is the page that a reverse proxy makes for a status by itself.
func proxyPage(status int) answer {
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	page := "<html>\n<head><title>" + title + "</title></head>\n" +
		"<body>\n<center><h1>" + title + "</h1></center>\n</body>\n</html>\n"
	return answer{
		status: status,
		header: http.Header{"Content-Type": {"text/html"}},
		body:   []byte(page),
	}
}

// wait returns true after d, or false as soon as ctx ends.
func wait(ctx context.Context, d time.Duration) bool {
	if d == 0 {
		return true
	}
	var over <-chan time.Time // of Forever, nothing ever comes
	if d != Forever {
		timer := time.NewTimer(d)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-over:
		return true
	case <-ctx.Done():
		return false
	}
}

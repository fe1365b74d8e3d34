package imageapi

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"imsrevoke/batch"
)

// A tunnel is the body of a 101: the connection itself, whose reads nothing but
// Close ends.
type tunnel struct{ t *testing.T }

func (b tunnel) Read([]byte) (int, error) {
	b.t.Error("the connection is read after a switch of protocols")
	return 0, io.EOF
}
func (tunnel) Close() error { return nil }

func TestASwitchOfProtocolsIsNotRead(t *testing.T) {
	c := newClient(t, "http://glance.example", &keys{}, roundTripper(func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 101, Status: "101 Switching Protocols", Body: tunnel{t}, Request: req}, nil
	}))
	if got := c.Remove(t.Context(), pair); got.Meaning != batch.Broken {
		t.Errorf("it means %d, %s", got.Meaning, got.Message)
	}
}

func TestWordsOfAStatusLineAreCleaned(t *testing.T) {
	for _, status := range []string{"202", "302"} {
		words := "\x1b[31mred\a\u202e" + strings.Repeat(" and more", 1000)
		got := newClient(t, "http://glance.example", &keys{}, says(plain(status+" "+words, "text/plain", ""))).Remove(t.Context(), pair)
		if strings.ContainsAny(got.Message, "\x1b\a\u202e") || len([]rune(got.Message)) > 3*maxMessage {
			t.Errorf("%s became a message of %d bytes: %.100q", status, len(got.Message), got.Message)
		}
	}
}

func TestAListThatCannotBeReadSaysWhy(t *testing.T) {
	for body, want := range map[string]string{
		`{"members": [`: "the member list is cut short",
		`<html>`:        "the answer is not a member list",
		``:              "the answer is not a member list",
		`{"members": [{"member_id": "` + strings.Repeat("x", maxList): "the member list is longer than",
	} {
		_, got := newClient(t, "http://glance.example", &keys{}, says(plain("200 OK", "application/json", body))).Members(t.Context(), image, "")
		if got.Meaning != batch.Broken || !strings.Contains(got.Message, want) {
			t.Errorf("%.20q: meaning %d, %q; want %q", body, got.Meaning, got.Message, want)
		}
	}
}

package imageapi

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"runtime"
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

// TestAHostileListTakesLittleMemory: not several times its length, which each
// worker may have to read at the same time.
func TestAHostileListTakesLittleMemory(t *testing.T) {
	list := []byte(`{"members":[`)
	for i := 0; len(list) < maxList-1000; i++ {
		list = fmt.Appendf(list, `{"image_id":%q,"member_id":"%032x"},`, image, i)
	}
	list = append(list[:len(list)-1], "]}"...)
	c := newClient(t, "http://glance.example", &keys{}, nil)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	page, err := c.readPage(bytes.NewReader(list), image, secrets{})
	runtime.ReadMemStats(&after)
	if err != nil || len(page.Members) < 10_000 {
		t.Fatalf("%d members, error %v", len(page.Members), err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 8*maxList {
		t.Errorf("a list of %d bytes took %d", len(list), took)
	}
}

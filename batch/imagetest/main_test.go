package imagetest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"imsrevoke/batch/imagetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	imageA   = "1a111111-1111-4111-8111-11111111111a"
	imageB   = "2b222222-2222-4222-8222-22222222222b"
	memberA  = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	memberB  = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	stranger = "cccccccccccccccccccccccccccccccc"
)

// exchange is an answer that has been read.
type exchange struct {
	status int
	header http.Header
	body   string
	closes bool // the connection, after it
}

// message is the text of a JSON error of Glance, without its markup.
func (e exchange) message(t *testing.T) string {
	t.Helper()
	var doc struct{ Message string }
	if err := json.Unmarshal([]byte(e.body), &doc); err != nil {
		t.Fatalf("body %q: %v", e.body, err)
	}
	text, ok := strings.CutSuffix(doc.Message, "<br /><br />\n\n\n")
	if !ok {
		t.Errorf("message %q does not end as WebOb ends it", doc.Message)
	}
	return text
}

// call makes a request of the cloud, without a socket. Headers are pairs of
// name and value.
func call(t *testing.T, c *imagetest.Cloud, method, path, token, body string, headers ...string) exchange {
	t.Helper()
	e, err := send(t, c.Transport(), method, "http://cloud.test"+path, token, body, headers...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return e
}

func send(t *testing.T, rt http.RoundTripper, method, url, token, body string, headers ...string) (exchange, error) {
	t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url, content)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/json")
	if token != "" {
		req.Header.Set("X-Auth-Token", token)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return exchange{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return exchange{resp.StatusCode, resp.Header, string(text), resp.Close}, nil
}

func memberPath(imageID, memberID string) string {
	return "/v2/images/" + imageID + "/members/" + memberID
}

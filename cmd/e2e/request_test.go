//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
)

// client makes the requests of the tests themselves, which arrange and judge.
var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}

// newID returns an id in the form of those of projects, never used before.
func newID() string {
	var id [16]byte
	rand.Read(id[:])
	return fmt.Sprintf("%x", id)
}

// call makes a request with a JSON body, or none for nil, and returns the
// status and the body of the answer.
func call(t *testing.T, method, url, token string, body any) (status int, text []byte) {
	t.Helper()
	resp := send(t, method, url, token, body)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	return resp.StatusCode, text
}

func send(t *testing.T, method, url, token string, body any) *http.Response {
	t.Helper()
	resp, err := exchange(t.Context(), method, url, token, body)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// exchange makes a request, from any goroutine.
func exchange(ctx context.Context, method, url, token string, body any) (*http.Response, error) {
	kind := "application/json"
	var content []byte
	var err error
	switch body := body.(type) {
	case nil:
	case []byte:
		kind, content = "application/octet-stream", body
	case patch:
		kind = "application/openstack-images-v2.1-json-patch"
		content, err = json.Marshal(body)
	default:
		content, err = json.Marshal(body)
	}
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	if content != nil {
		req.Header.Set("Content-Type", kind)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("X-Auth-Token", token)
	return client.Do(req)
}

// A patch changes an image (RFC 6902).
type patch []map[string]any

// demand makes a request that has to succeed, and returns the JSON of the answer.
func demand(t *testing.T, method, url, token string, body any) document {
	t.Helper()
	status, text := call(t, method, url, token, body)
	if status >= 300 {
		t.Fatalf("%s %s: %d %s", method, url, status, text)
	}
	return parse(t, text)
}

// A document is a JSON object, or empty.
type document map[string]any

func parse(t *testing.T, text []byte) document {
	t.Helper()
	d := document{}
	if len(text) == 0 {
		return d
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return d
}

func (d document) text(name string) string {
	s, _ := d[name].(string)
	return s
}

func (d document) at(name string) document {
	inner, _ := d[name].(map[string]any)
	return inner
}

func (d document) list(name string) []document {
	var docs []document
	items, _ := d[name].([]any)
	for _, item := range items {
		inner, _ := item.(map[string]any)
		docs = append(docs, inner)
	}
	return docs
}

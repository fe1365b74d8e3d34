package cloud_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"imsrevoke/batch"
	"imsrevoke/batch/cloud"
)

// imageServer accepts one token at a time.
type imageServer struct {
	*httptest.Server
	good atomic.Value
}

func newImageServer(t *testing.T, good string) *imageServer {
	i := &imageServer{}
	i.good.Store(good)
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Auth-Token") != i.good.Load() {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(i.Close)
	return i
}

// do sends a request until it is answered by something else than a 401, the
// way a client of the Image API does.
func do(t *testing.T, s *cloud.Session, client *http.Client) error {
	for {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, s.Endpoint().JoinPath("v2/images").String(), nil)
		if err != nil {
			return err
		}
		generation, err := s.Authorize(req)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized {
			s.Accepted(generation, http.MethodDelete)
			return nil
		}
		if err := s.Renew(t.Context(), generation, http.MethodDelete); err != nil {
			return err
		}
	}
}

// doAll lets 100 goroutines send a request each and returns their errors.
func doAll(t *testing.T, s *cloud.Session) []error {
	transport := s.Transport(100)
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	errs := make([]error, 100)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = do(t, s, client) })
	}
	wg.Wait()
	return errs
}

func TestTokenThatEndsInTheMiddleOfARun(t *testing.T) {
	t.Parallel()
	k := newKeystone(t)
	image := newImageServer(t, "s3cr3t-1")
	k.catalog = imageCatalog("RegionOne " + image.URL + "/v2")
	s := mustConnect(t, cloud.Config{}, k.password())

	for logins, good := range []string{"s3cr3t-1", "s3cr3t-2", "s3cr3t-3"} {
		image.good.Store(good)
		if err := errors.Join(doAll(t, s)...); err != nil {
			t.Fatal(err)
		}
		if got := len(k.posted()); got != logins+1 {
			t.Fatalf("%d logins for 100 requests, want %d", got, logins+1)
		}
	}

	image.good.Store("no token of this Keystone")
	for _, err := range doAll(t, s) {
		wantError(t, err, "the Image API at "+image.URL, "unable to reach Keystone")
		if errors.Is(err, batch.ErrUnauthorized) {
			t.Fatalf("error %v is batch.ErrUnauthorized; but tokens were accepted before", err)
		}
	}
	if got := len(k.posted()); got != 5 {
		t.Errorf("%d logins, want 5: two more after the last good token", got)
	}
}

func TestTokensThatAreNeverAccepted(t *testing.T) {
	t.Parallel()
	k := newKeystone(t)
	image := newImageServer(t, "no token of this Keystone")
	s := mustConnect(t, cloud.Config{Endpoint: image.URL}, k.password())
	for _, err := range doAll(t, s) {
		wantError(t, err, "the Image API at "+image.URL, "region")
		if !errors.Is(err, batch.ErrUnauthorized) {
			t.Fatalf("error %v, want batch.ErrUnauthorized", err)
		}
	}
	if got := len(k.posted()); got != 2 {
		t.Errorf("%d logins, want 2: one token more than the first", got)
	}
}

func TestKeystoneDuringARenewal(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		status  int
		refused bool
	}{
		{"is down", http.StatusServiceUnavailable, false},
		{"no longer knows the password", http.StatusUnauthorized, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k := newKeystone(t)
			image := newImageServer(t, "none")
			s := mustConnect(t, cloud.Config{Endpoint: image.URL}, k.password())
			k.answerWith(tt.status, `{"error":{"message":"s3cr3t-password"}}`)
			for _, err := range doAll(t, s) {
				wantError(t, err, "renew the credential", http.StatusText(tt.status))
				noSecret(t, "the error", err.Error())
				if errors.Is(err, batch.ErrUnauthorized) != tt.refused {
					t.Fatalf("error %v; refused must be %t", err, tt.refused)
				}
			}
		})
	}
}

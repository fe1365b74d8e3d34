package notify

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"imsrevoke/cmd/internal/ui"
)

// A watcher is a service that takes pings, without a network.
type watcher struct {
	answers []func(*http.Request) (*http.Response, error) // the last one again and again
	pings   []string                                      // the URLs
}

func (w *watcher) RoundTrip(req *http.Request) (*http.Response, error) {
	answer := w.answers[min(len(w.pings), len(w.answers)-1)]
	w.pings = append(w.pings, req.URL.String())
	return answer(req)
}

func answers(status int, header ...string) func(*http.Request) (*http.Response, error) {
	return func(req *http.Request) (*http.Response, error) {
		resp := &http.Response{StatusCode: status, Status: http.StatusText(status), Header: http.Header{}, Body: io.NopCloser(strings.NewReader("OK")), Request: req}
		for i := 0; i < len(header); i += 2 {
			resp.Header.Set(header[i], header[i+1])
		}
		return resp, nil
	}
}

func cannotReach(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") }

func neverAnswers(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

const secretPing = "https://watch.example.com/s3cret-uuid"

func TestAPingIsTriedAgainAndNeverForLong(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		answers []func(*http.Request) (*http.Response, error)
		tries   int
		warns   string
	}{
		{"taken at once", []func(*http.Request) (*http.Response, error){answers(200)}, 1, ""},
		{"trouble for a moment", []func(*http.Request) (*http.Response, error){answers(503), cannotReach, answers(201)}, 3, ""},
		{"trouble that lasts", []func(*http.Request) (*http.Response, error){answers(500)}, 3, "the answer is Internal Server Error"},
		{"too many pings", []func(*http.Request) (*http.Response, error){answers(429), answers(200)}, 2, ""},
		{"cannot be reached", []func(*http.Request) (*http.Response, error){cannotReach}, 3, "connection refused"},
		{"no such check", []func(*http.Request) (*http.Response, error){answers(404)}, 1, "the answer is Not Found"},
		{"sent elsewhere", []func(*http.Request) (*http.Response, error){answers(302, "Location", "https://elsewhere.example.com/")}, 1, "redirects are not followed"},
		{"no answer", []func(*http.Request) (*http.Response, error){neverAnswers}, 1, "context deadline exceeded"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var stderr bytes.Buffer
				w := &watcher{answers: tt.answers}
				p := newPinger(secretPing, w, (&ui.Console{Stderr: &stderr}).Logger(ui.Logging{Level: "debug", Format: "text"}))
				// That the job was interrupted is told, too.
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				start := time.Now()
				p.end(ctx, 0, "")
				if took := time.Since(start); took > pingTimeout {
					t.Errorf("it took %v, want at most %v", took, pingTimeout)
				}
				if len(w.pings) != tt.tries {
					t.Errorf("%d tries, want %d: %v", len(w.pings), tt.tries, w.pings)
				}
				log := stderr.String()
				if tt.warns == "" && log != "" || !strings.Contains(log, tt.warns) {
					t.Errorf("logged %q, want %q", log, tt.warns)
				}
				if strings.Contains(log, "s3cret") {
					t.Errorf("the URL is logged: %s", log)
				}
			})
		})
	}
}

func TestPingsBelongTogether(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		url  string
		want []string
	}{
		"plain":       {"https://w/uuid", []string{"https://w/uuid/start?", "https://w/uuid/3?"}},
		"slash":       {"https://w/uuid/", []string{"https://w/uuid/start?", "https://w/uuid/3?"}},
		"query":       {"https://w/push/k?create=1", []string{"https://w/push/k/start?create=1&", "https://w/push/k/3?create=1&"}},
		"escaped":     {"https://w/a%2Fb", []string{"https://w/a%2Fb/start?", "https://w/a%2Fb/3?"}},
		"credentials": {"https://u:p@w/uuid", []string{"https://u:p@w/uuid/start?", "https://u:p@w/uuid/3?"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &watcher{answers: []func(*http.Request) (*http.Response, error){answers(200)}}
			p := newPinger(tt.url, w, slog.New(slog.DiscardHandler))
			p.start(t.Context())
			p.end(t.Context(), 3, "")
			if len(w.pings) != 2 {
				t.Fatalf("pings: %v", w.pings)
			}
			var ids []string
			for i, ping := range w.pings {
				id, found := strings.CutPrefix(ping, tt.want[i]+"rid=")
				if !found {
					t.Errorf("ping %s, want %srid=…", ping, tt.want[i])
				}
				ids = append(ids, id)
			}
			if ids[0] != ids[1] || !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(ids[0]) {
				t.Errorf("run ids %v, want one UUID", ids)
			}
		})
	}
}

// TestTheEndIsToldAfterTheStart: a watcher that is slow to take the start must
// not be told of the end first.
func TestTheEndIsToldAfterTheStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := func(req *http.Request) (*http.Response, error) {
			time.Sleep(5 * time.Second)
			return answers(200)(req)
		}
		w := &watcher{answers: []func(*http.Request) (*http.Response, error){slow}}
		p := newPinger(secretPing, w, slog.New(slog.DiscardHandler))
		start := time.Now()
		p.start(t.Context())
		if took := time.Since(start); took != 0 {
			t.Errorf("the job waited %v for its watcher", took)
		}
		p.end(t.Context(), 0, "")
		if len(w.pings) != 2 || !strings.Contains(w.pings[0], "/start?") || time.Since(start) != 10*time.Second {
			t.Errorf("after %v: %v", time.Since(start), w.pings)
		}
	})
}

func TestAWatcherThatCannotBePinged(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"hc-ping.com/s3cret", "ftp://w/s3cret", "https://", "https://w/s3cret#x", "https://w/%zz-s3cret", ":s3cret"} {
		err := ValidatePing(address)
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", address, err)
		}
		if newPinger(address, nil, nil) != nil {
			t.Errorf("%s is pinged", address)
		}
	}
}

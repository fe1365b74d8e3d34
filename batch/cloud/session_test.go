package cloud

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"imsrevoke/batch"
)

var errDown = errors.New("keystone is down")

// fakeIssuer takes a second for each of its answers, which are the errors of
// its list and, past its end, good credentials.
type fakeIssuer struct {
	answers []error
	asked   int
}

func (f *fakeIssuer) issue(ctx context.Context) (*grant, error) {
	f.asked++
	n := f.asked
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if n <= len(f.answers) && f.answers[n-1] != nil {
		return nil, f.answers[n-1]
	}
	return &grant{proof: bearer{Secret(fmt.Sprintf("renewed-%d", n))}}, nil
}

func newSession(i issuer) *Session {
	s := &Session{
		endpoint: &url.URL{Scheme: "https", Host: "image.example.com:9292", Path: "/image"},
		method:   "password from nowhere",
		log:      slog.New(slog.DiscardHandler),
		renewing: make(chan struct{}, 1),
		issuer:   i,
	}
	s.current.Store(&credential{proof: bearer{"first"}, generation: 1})
	return s
}

// sent is the token and the generation that a request carries.
func sent(t *testing.T, s *Session) (string, uint64) {
	t.Helper()
	req, err := http.NewRequest(http.MethodDelete, s.Endpoint().JoinPath("v2").String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	generation, err := s.Authorize(req)
	if err != nil {
		t.Fatal(err)
	}
	return req.Header.Get("X-Auth-Token"), generation
}

func TestAuthorize(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, url string
		ok        bool
	}{
		{"the endpoint itself", "https://image.example.com:9292/image/v2/images/i/members/m", true},
		{"another scheme", "http://image.example.com:9292/image/v2", false},
		{"another host", "https://image.example.org:9292/image/v2", false},
		{"another port", "https://image.example.com/image/v2", false},
		{"a host that only begins alike", "https://image.example.com:9292.example.org/image/v2", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSession(nil)
			u, err := url.Parse(tt.url)
			if err != nil {
				u = &url.URL{Scheme: "https", Host: strings.Split(tt.url, "/")[2]}
			}
			req := &http.Request{URL: u, Header: http.Header{"X-Auth-Token": {"stale"}}}
			generation, err := s.Authorize(req)
			if tt.ok {
				if got := req.Header.Values("X-Auth-Token"); err != nil || generation != 1 || len(got) != 1 || got[0] != "first" {
					t.Errorf("generation %d, tokens %q, error %v; want the first alone", generation, got, err)
				}
				return
			}
			if err == nil || req.Header.Get("X-Auth-Token") == "first" {
				t.Errorf("the credential went to %s; error %v", tt.url, err)
			}
			if err != nil && strings.Contains(err.Error(), "first") {
				t.Errorf("%v shows the token", err)
			}
		})
	}
}

func TestRenewal(t *testing.T) {
	t.Parallel()
	// A step is one thing that happens to a session.
	type step func(t *testing.T, s *Session)
	renew := func(generation uint64, want error) step {
		return func(t *testing.T, s *Session) {
			t.Helper()
			if err := s.Renew(t.Context(), generation, http.MethodDelete); !errors.Is(err, want) {
				t.Errorf("renewing generation %d: %v, want %v", generation, err, want)
			}
		}
	}
	accepted := func(generation uint64) step {
		return func(_ *testing.T, s *Session) { s.Accepted(generation, http.MethodDelete) }
	}
	doubt := func(generation uint64) step {
		return func(t *testing.T, s *Session) {
			t.Helper()
			if err := s.Renew(t.Context(), generation, http.MethodDelete); err == nil || errors.Is(err, batch.ErrUnauthorized) || !strings.Contains(err.Error(), "unable to reach Keystone") {
				t.Errorf("renewing generation %d: %v, want a temporary error", generation, err)
			}
		}
	}
	list := func(generation uint64, want error) step {
		return func(t *testing.T, s *Session) {
			t.Helper()
			if err := s.Renew(t.Context(), generation, http.MethodGet); !errors.Is(err, want) {
				t.Errorf("a list refused to generation %d: %v, want %v", generation, err, want)
			}
		}
	}
	listed := func(generation uint64) step {
		return func(_ *testing.T, s *Session) { s.Accepted(generation, http.MethodGet) }
	}
	expire := func(_ *testing.T, s *Session) { s.current.Load().expires = time.Now() }
	wait := func(d time.Duration) step {
		return func(*testing.T, *Session) { time.Sleep(d) }
	}
	refused := fmt.Errorf("%w: wrong password", batch.ErrUnauthorized)

	tests := []struct {
		name           string
		answers        []error
		steps          []step
		wantGeneration uint64
		wantAsked      int
	}{
		{"a credential that was never accepted is renewed once", nil,
			[]step{renew(1, nil)}, 2, 1},
		{"a renewed credential that was never accepted is refused for good", nil,
			[]step{renew(1, nil), renew(2, batch.ErrUnauthorized), wait(time.Hour), renew(2, batch.ErrUnauthorized)}, 2, 1},
		{"a credential that was accepted can be renewed again and again", nil,
			[]step{accepted(1), renew(1, nil), accepted(2), renew(2, nil), accepted(3), renew(3, nil)}, 4, 3},
		{"one that is refused although those before were accepted is replaced, but not tried at once", nil,
			[]step{accepted(1), renew(1, nil), doubt(2), doubt(3), wait(time.Second), doubt(3), renew(3, nil), accepted(4), wait(time.Second), renew(4, nil)}, 5, 4},
		{"a late word about an old credential is word enough", nil,
			[]step{renew(1, nil), accepted(1), doubt(2)}, 3, 2},
		{"a refusal by the issuer is final then, too", []error{nil, refused},
			[]step{accepted(1), renew(1, nil), renew(2, batch.ErrUnauthorized), wait(time.Hour), renew(2, batch.ErrUnauthorized)}, 2, 2},
		{"an old credential has been renewed already", nil,
			[]step{renew(1, nil), renew(1, nil), renew(1, nil)}, 2, 1},
		{"a refusal by the issuer is final, and is not tried again", []error{refused},
			[]step{renew(1, batch.ErrUnauthorized), wait(time.Hour), renew(1, batch.ErrUnauthorized)}, 1, 1},
		{"an issuer that is down is asked again later", []error{errDown},
			[]step{renew(1, errDown), wait(time.Second), renew(1, nil)}, 2, 2},
		{"and not at once", []error{errDown},
			[]step{renew(1, errDown), wait(time.Second - 1), renew(1, errDown), wait(1), renew(1, nil)}, 2, 2},
		{"a failure is forgotten after a success", []error{errDown, nil, errDown},
			[]step{renew(1, errDown), wait(time.Second), renew(1, nil), accepted(2), renew(2, errDown), wait(time.Second), renew(2, nil)}, 3, 4},
		{"a credential that is accepted for removals and not for lists may not read lists", nil,
			[]step{accepted(1), list(1, batch.ErrNotAllowed), accepted(1), list(1, batch.ErrNotAllowed)}, 1, 0},
		{"it may, if it has read one before", nil,
			[]step{listed(1), accepted(1), list(1, nil)}, 2, 1},
		{"one that was never accepted is renewed", nil,
			[]step{list(1, nil), accepted(2), list(2, batch.ErrNotAllowed)}, 2, 1},
		{"one that has expired is renewed", nil,
			[]step{accepted(1), expire, list(1, nil)}, 2, 1},
		{"one that is refused for removals, too, is renewed", []error{errDown},
			[]step{accepted(1), renew(1, errDown), wait(time.Second), list(1, nil)}, 2, 2},
		{"a right that is known to be missing says nothing of a new credential", nil,
			[]step{accepted(1), list(1, batch.ErrNotAllowed), renew(1, nil), list(2, batch.ErrNotAllowed), doubt(2)}, 3, 2},
		{"one may read lists and not remove members", nil,
			[]step{listed(1), renew(1, batch.ErrNotAllowed)}, 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				issuer := &fakeIssuer{answers: tt.answers}
				s := newSession(issuer)
				for _, step := range tt.steps {
					step(t, s)
				}
				if _, generation := sent(t, s); generation != tt.wantGeneration {
					t.Errorf("generation %d, want %d", generation, tt.wantGeneration)
				}
				if issuer.asked != tt.wantAsked {
					t.Errorf("the issuer was asked %d times, want %d", issuer.asked, tt.wantAsked)
				}
			})
		})
	}
}

// A signature that is refused may be wrong, and five in a row lock the key.
func TestAccessKeyIsNotTakenForOneWithoutARight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSession(&fakeIssuer{answers: []error{fmt.Errorf("%w: a wrong signature", batch.ErrUnauthorized)}})
		s.current.Store(&credential{proof: &accessKey{id: "AK"}, generation: 1})
		s.Accepted(1, http.MethodDelete)
		if err := s.Renew(t.Context(), 1, http.MethodGet); !errors.Is(err, batch.ErrUnauthorized) {
			t.Errorf("error %v, want batch.ErrUnauthorized", err)
		}
	})
}

func TestReadyTokenIsNotRenewed(t *testing.T) {
	t.Parallel()
	token := &readyToken{token: "first", method: "token from OS_TOKEN"}
	if _, err := token.issue(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := newSession(token)
	s.Accepted(1, http.MethodDelete)
	if err := s.Renew(t.Context(), 1, http.MethodGet); !errors.Is(err, batch.ErrNotAllowed) {
		t.Fatalf("a list is refused: error %v, want batch.ErrNotAllowed", err)
	}
	err := s.Renew(t.Context(), 1, http.MethodDelete)
	if !errors.Is(err, batch.ErrUnauthorized) {
		t.Fatalf("error %v, want batch.ErrUnauthorized", err)
	}
	for _, part := range []string{"token from OS_TOKEN", "get a new token"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not hold %q", err, part)
		}
	}
}

// renewAtOnce lets n goroutines renew the first generation and counts how it
// ended for them.
func renewAtOnce(t *testing.T, s *Session, n int) map[error]int {
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		ends = make(map[error]int)
	)
	for range n {
		wg.Go(func() {
			err := s.Renew(t.Context(), 1, http.MethodDelete)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case errors.Is(err, errDown):
				ends[errDown]++
			case errors.Is(err, batch.ErrUnauthorized):
				ends[batch.ErrUnauthorized]++
			default:
				ends[err]++
			}
		})
	}
	wg.Wait()
	return ends
}

func TestManyRenewAtOnce(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		answers []error
		want    error
	}{
		{"all get the new credential", nil, nil},
		{"all are told that the issuer is down", []error{errDown}, errDown},
		{"all are told that the credentials are refused", []error{batch.ErrUnauthorized}, batch.ErrUnauthorized},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				issuer := &fakeIssuer{answers: tt.answers}
				s := newSession(issuer)
				start := time.Now()
				if ends := renewAtOnce(t, s, 100); ends[tt.want] != 100 {
					t.Errorf("it ended as %v, want %v for all", ends, tt.want)
				}
				if issuer.asked != 1 {
					t.Errorf("the issuer was asked %d times, want once", issuer.asked)
				}
				if d := time.Since(start); d != time.Second {
					t.Errorf("it took %v, want no longer than one answer of the issuer", d)
				}
			})
		})
	}
}

func TestWhoeverWaitsHasAContextOfTheirOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := &fakeIssuer{}
		s := newSession(issuer)
		first, cancelFirst := context.WithTimeout(t.Context(), time.Second/4)
		defer cancelFirst()
		hasty, cancelHasty := context.WithTimeout(t.Context(), time.Second/8)
		defer cancelHasty()

		var wg sync.WaitGroup
		for _, tt := range []struct {
			name string
			ctx  context.Context
			want error
			took time.Duration
		}{
			{"the first one gives up in the middle", first, context.DeadlineExceeded, time.Second / 4},
			{"one gives up before that", hasty, context.DeadlineExceeded, time.Second / 8},
			{"one takes over from the first", t.Context(), nil, time.Second * 5 / 4},
		} {
			wg.Go(func() {
				start := time.Now()
				if err := s.Renew(tt.ctx, 1, http.MethodDelete); !errors.Is(err, tt.want) || time.Since(start) != tt.took {
					t.Errorf("%s: %v after %v, want %v after %v", tt.name, err, time.Since(start), tt.want, tt.took)
				}
			})
			synctest.Wait()
		}
		wg.Wait()
		if issuer.asked != 2 {
			t.Errorf("the issuer was asked %d times, want twice", issuer.asked)
		}
	})
}

func TestRequestsGoOnDuringARenewal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSession(&fakeIssuer{})
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := s.Renew(t.Context(), 1, http.MethodDelete); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		if token, generation := sent(t, s); token != "first" || generation != 1 {
			t.Errorf("token %q of generation %d, want the first meanwhile", token, generation)
		}
		start := time.Now()
		if err := s.Renew(t.Context(), 0, http.MethodDelete); err != nil || time.Since(start) != 0 {
			t.Errorf("an older generation waited %v for the renewal of another one, error %v", time.Since(start), err)
		}
		wg.Wait()
		if token, generation := sent(t, s); token != "renewed-1" || generation != 2 {
			t.Errorf("token %q of generation %d, want the renewed one", token, generation)
		}
	})
}

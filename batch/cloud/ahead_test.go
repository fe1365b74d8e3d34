package cloud

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"imsrevoke/batch"
)

// keyIssuer takes a second to issue keys that live for an hour. Every key is
// handed out as long as it has more than five minutes to live.
type keyIssuer struct {
	issued  []time.Time // when it was asked
	ends    time.Time
	number  string
	failing error
}

func (k *keyIssuer) issue(context.Context) (*grant, error) {
	k.issued = append(k.issued, time.Now())
	time.Sleep(time.Second)
	if k.failing != nil {
		return nil, k.failing
	}
	if time.Until(k.ends) <= 5*time.Minute {
		k.ends = time.Now().Add(time.Hour)
		k.number += "+"
	}
	return &grant{proof: accessKey{id: k.number}, expires: k.ends, renewAt: renewalTime(time.Now(), k.ends)}, nil
}

// newKeySession is a session whose key is as old as the bubble.
func newKeySession(t *testing.T, k *keyIssuer) *Session {
	t.Helper()
	s := newSession(k)
	g, err := k.issue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.current.Store(&credential{proof: g.proof, renewAt: g.renewAt, generation: 1})
	k.issued = nil
	return s
}

func TestAKeyIsRenewedAheadOfItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := &keyIssuer{}
		s := newKeySession(t, k)
		began := time.Now()
		for range 100 * 60 {
			sent(t, s)
			time.Sleep(time.Second)
			if c := s.current.Load(); c.proof.(accessKey).id != k.number {
				t.Fatal("the session has not taken the newest key")
			}
		}
		// At fifty minutes nothing newer is there: half of the ten minutes
		// later there is.
		var asked []time.Duration
		for _, at := range k.issued {
			asked = append(asked, at.Sub(began).Round(10*time.Second))
		}
		if want := []time.Duration{50 * time.Minute, 55 * time.Minute}; !slices.Equal(asked, want) {
			t.Errorf("asked at %v, want %v", asked, want)
		}
		if _, generation := sent(t, s); generation != 2 {
			t.Errorf("generation %d, want 2: to be given the same key again is no renewal", generation)
		}
	})
}

func TestOneRequestRenewsTheKeyAndTheOthersGoOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := &keyIssuer{}
		s := newKeySession(t, k)
		time.Sleep(56 * time.Minute)
		start, waited := time.Now(), 0
		var (
			wg sync.WaitGroup
			mu sync.Mutex
		)
		for range 100 {
			wg.Go(func() {
				sent(t, s)
				mu.Lock()
				defer mu.Unlock()
				if time.Since(start) > 0 {
					waited++
				}
			})
		}
		wg.Wait()
		if len(k.issued) != 1 || waited != 1 {
			t.Errorf("asked %d times, and %d requests waited; want once and one", len(k.issued), waited)
		}
	})
}

func TestWhoeverComesAfterTheRenewalRenewsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := &keyIssuer{}
		s := newKeySession(t, k)
		old := s.current.Load()
		time.Sleep(56 * time.Minute)
		sent(t, s)
		if c := s.renewAhead(t.Context(), old); c != s.current.Load() || len(k.issued) != 1 {
			t.Errorf("asked %d times, want once, and the new key for both", len(k.issued))
		}
	})
}

func TestAKeyThatCannotBeRenewedYetIsUsedOn(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]struct {
		err   error
		asked int
	}{
		"the issuer is down":     {errDown, 5}, // each takes a second, and one is between two
		"the issuer has refused": {batch.ErrUnauthorized, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := &keyIssuer{}
				s := newKeySession(t, k)
				time.Sleep(56 * time.Minute)
				k.failing = failure.err
				for start := time.Now(); time.Since(start) < 10*time.Second; time.Sleep(100 * time.Millisecond) {
					if _, generation := sent(t, s); generation != 1 {
						t.Fatalf("generation %d, want that of the old key", generation)
					}
				}
				if len(k.issued) != failure.asked {
					t.Errorf("asked %d times in 10 seconds, want %d", len(k.issued), failure.asked)
				}
				if err := s.Renew(t.Context(), 1, http.MethodDelete); !errors.Is(err, failure.err) {
					t.Errorf("a 401 then: %v, want %v", err, failure.err)
				}
			})
		})
	}
}

func TestTheKeyThatWasRefusedIsNotTakenAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := &keyIssuer{}
		s := newKeySession(t, k)
		s.Accepted(1, http.MethodDelete)
		for range 2 {
			if err := s.Renew(t.Context(), 1, http.MethodDelete); !errors.Is(err, batch.ErrUnauthorized) {
				t.Errorf("error %v, want batch.ErrUnauthorized", err)
			}
		}
		if _, generation := sent(t, s); generation != 1 || len(k.issued) != 1 {
			t.Errorf("generation %d after %d issues, want 1 after one: nobody may try the key again", generation, len(k.issued))
		}
	})
}
